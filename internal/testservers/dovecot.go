package testservers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Mailbox formats of Dovecot.
const (
	MDBox   = "mdbox"
	Maildir = "maildir"
)

// User is a mailbox of a Dovecot server.
type User struct {
	// Name is the login, usually the whole address.
	Name string
	// Password is stored as given; it may hold no colon, brace or line end.
	Password string
	// Separator overrides DovecotOptions.Separator for this user.
	Separator string
	// Format overrides DovecotOptions.Format for this user.
	Format string
}

// DovecotOptions says what server to start. The zero value is one without
// users, in mdbox, with "/" between folder names.
type DovecotOptions struct {
	// Users can log in and receive mail; AddUser adds more later.
	Users []User
	// Domain completes user names that are not addresses; see Address.
	Domain string
	// Format is MDBox or Maildir.
	Format string
	// Separator stands between the parts of folder names.
	Separator string
	// SaveCRLF stores messages with CRLF as received instead of bare LF.
	SaveCRLF bool
	// CA signs the certificate; nil makes one for this server.
	CA *CA
	// Certificate is what the server claims to be.
	Certificate Certificate
	// NoTLS starts a server of old: no STARTTLS, no implicit TLS.
	NoTLS bool
	// Sieve also starts ManageSieve and filters mail delivered by LMTP. The
	// test is skipped when Pigeonhole is not there.
	Sieve bool
	// Extra is appended to the configuration, one setting per line.
	Extra string
}

// Dovecot is a running IMAP server. Its methods are for one goroutine.
type Dovecot struct {
	// Host is what the certificate is valid for, unless it was told otherwise.
	Host string
	// Addr serves IMAP with STARTTLS, IMAPSAddr with implicit TLS, LMTPAddr
	// takes mail for every user, SieveAddr is ManageSieve if asked for.
	Addr, IMAPSAddr, LMTPAddr, SieveAddr string
	// Config is the configuration file; doveadm takes it with -c.
	Config string
	// Dir holds everything of the server, the mail in Dir/mail/USER.
	Dir string
	// CA verifies the server.
	CA *CA

	t       testing.TB
	opts    DovecotOptions
	user    user
	server  program
	doveadm program
	users   []User
	process *process
}

// StartDovecot starts a server and stops it when the test ends.
func StartDovecot(t testing.TB, opts DovecotOptions) *Dovecot {
	t.Helper()
	d := &Dovecot{Host: "localhost", t: t, opts: opts.withDefaults(), user: serverUser(t), server: need(t, "dovecot")}
	d.requirePackages()
	d.requireModules()
	d.CA = opts.CA.orNew(t)
	d.users = slices.Clone(opts.Users)
	t.Cleanup(d.Stop)
	startOnce(t, "Dovecot", func() error {
		if err := d.prepare(); err != nil {
			return err
		}
		return d.run()
	})
	return d
}

func (o DovecotOptions) withDefaults() DovecotOptions {
	if o.Format == "" {
		o.Format = MDBox
	}
	if o.Separator == "" {
		o.Separator = "/"
	}
	return o
}

// requirePackages ends the test when a part of Dovecot that Debian packages
// apart is not there.
func (d *Dovecot) requirePackages() {
	d.t.Helper()
	var err error
	if d.doveadm, err = d.server.sibling("doveadm"); err != nil {
		missing(d.t, err)
	}
	parts := []string{"imap", "lmtp"}
	if d.opts.Sieve {
		parts = append(parts, "managesieve")
	}
	for _, part := range parts {
		if path := filepath.Join(d.libexec(), part); !executable(path) {
			missing(d.t, fmt.Errorf("%s of Dovecot is missing", path))
		}
	}
}

// requireModules ends the test when Dovecot could only be unpacked: its login
// processes look for modules in a directory that is compiled in, whatever the
// settings say.
func (d *Dovecot) requireModules() {
	d.t.Helper()
	const modules = "/usr/lib/dovecot/modules"
	if d.server.root == "" {
		return
	}
	if _, err := os.Stat(modules); err != nil {
		missing(d.t, fmt.Errorf("an unpacked Dovecot cannot serve without %s: install dovecot-imapd", modules))
	}
}

func (d *Dovecot) libexec() string { return filepath.Join("/", d.server.root, "usr/lib/dovecot") }

// prepare chooses directory and ports and writes all files.
func (d *Dovecot) prepare() error {
	ports, err := freePorts(d.t, 4)
	if err != nil {
		return err
	}
	d.Addr, d.IMAPSAddr, d.LMTPAddr = loopback(ports[0]), loopback(ports[1]), loopback(ports[2])
	if d.opts.Sieve {
		d.SieveAddr = loopback(ports[3])
	}
	d.Dir = d.user.workDir(d.t)
	for _, sub := range []string{"run", "state", "mail", "home"} {
		if err := os.Mkdir(filepath.Join(d.Dir, sub), 0o755); err != nil {
			return err
		}
	}
	cert, key, err := d.CA.issueFiles(d.user, d.Dir, d.opts.Certificate)
	if err != nil {
		return err
	}
	if err := d.writeUsers(); err != nil {
		return err
	}
	d.Config = filepath.Join(d.Dir, "dovecot.conf")
	if err := d.user.write(d.Config, d.config(cert, key)); err != nil {
		return err
	}
	return d.user.own(d.Dir)
}

// run starts the prepared server and waits until it serves.
func (d *Dovecot) run() error {
	p, err := d.user.serve(d.command(), filepath.Join(d.Dir, "dovecot.log"), func() error {
		if err := greets(d.Addr, "* OK"); err != nil {
			return err
		}
		return greets(d.LMTPAddr, "220")
	})
	d.process = p
	return err
}

// command starts the master in the foreground. Dovecot looks for doveconf
// where it was compiled to be, so an unpacked one is started through its own.
func (d *Dovecot) command() command {
	c := command{path: d.server.path, args: []string{"-F", "-c", d.Config}, dir: d.Dir, env: d.server.env()}
	if d.server.root == "" {
		return c
	}
	c.path = filepath.Join(d.server.root, "usr/bin/doveconf")
	c.args = append([]string{"-c", d.Config, "-e", d.server.path}, c.args...)
	return c
}

// Address returns the mail address of a user: the name itself when it is one,
// else name@Domain.
func (d *Dovecot) Address(name string) string {
	if strings.Contains(name, "@") || d.opts.Domain == "" {
		return name
	}
	return name + "@" + d.opts.Domain
}

// Stop ends the server; its files stay until the test ends.
func (d *Dovecot) Stop() { d.process.stop() }

// Kill ends the server as a power cut would.
func (d *Dovecot) Kill() { d.process.kill() }

// Restart stops the server, if it runs, and starts it on the same ports.
func (d *Dovecot) Restart() {
	d.t.Helper()
	d.Stop()
	if err := d.run(); err != nil {
		d.t.Fatalf("restart Dovecot: %v", err)
	}
}

// AddUser adds a mailbox, or changes the one of that name (its password, for
// instance). Dovecot notices without a restart.
func (d *Dovecot) AddUser(u User) {
	d.t.Helper()
	d.dropUser(u.Name)
	d.users = append(d.users, u)
	d.rewriteUsers()
}

// RemoveUser takes the login away; the mail stays on disk.
func (d *Dovecot) RemoveUser(name string) {
	d.t.Helper()
	d.dropUser(name)
	d.rewriteUsers()
}

func (d *Dovecot) dropUser(name string) {
	d.users = slices.DeleteFunc(d.users, func(u User) bool { return u.Name == name })
}

func (d *Dovecot) rewriteUsers() {
	d.t.Helper()
	if err := d.writeUsers(); err != nil {
		d.t.Fatalf("write Dovecot users: %v", err)
	}
	// Verified logins are cached; forgetting them is what makes it immediate.
	d.Doveadm("auth", "cache", "flush")
}

// Doveadm runs Dovecot's administration tool and returns what it printed.
func (d *Dovecot) Doveadm(args ...string) string {
	d.t.Helper()
	c := command{path: d.doveadm.path, args: append([]string{"-c", d.Config}, args...), dir: d.Dir, env: d.server.env()}
	out, err := d.user.command(c).CombinedOutput()
	if err != nil {
		d.t.Fatalf("doveadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Log returns the end of the server's log.
func (d *Dovecot) Log() string { return d.process.tail() }

// Port returns the port of one of the server's addresses.
func Port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
