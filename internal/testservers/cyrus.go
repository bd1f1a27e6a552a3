package testservers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CyrusOptions says what Cyrus to start.
type CyrusOptions struct {
	// CA signs the certificate; nil makes one for this server.
	CA *CA
	// Certificate is what the server claims to be.
	Certificate Certificate
	// Extra is appended to imapd.conf, one setting per line.
	Extra string
}

// Cyrus is a running IMAP server. Its methods are for one goroutine.
type Cyrus struct {
	// Host is what the certificate is valid for, unless it was told otherwise.
	Host string
	// Addr serves IMAP with STARTTLS, IMAPSAddr with implicit TLS.
	Addr, IMAPSAddr string
	// Config is imapd.conf, which Cyrus's tools take with -C.
	Config string
	// Dir holds everything of the server, the mail in Dir/mail.
	Dir string
	// CA verifies the server.
	CA *CA

	t       testing.TB
	opts    CyrusOptions
	user    user
	root    string // what its programs are below: "/" when installed
	process *process
}

// StartCyrus starts a server and stops it when the test ends. Whoever logs in,
// with whatever password, has a mailbox from then on.
func StartCyrus(t testing.TB, opts CyrusOptions) *Cyrus {
	t.Helper()
	c := &Cyrus{Host: "localhost", t: t, opts: opts, user: serverUser(t)}
	root, err := cyrusRoot()
	if err != nil {
		missing(t, err)
	}
	c.CA = opts.CA.orNew(t)
	t.Cleanup(c.Stop)
	startOnce(t, "Cyrus", func() error {
		if err := c.prepare(root); err != nil {
			return err
		}
		return c.run()
	})
	return c
}

// cyrusPrograms are what runs, below the root of an installation.
const (
	cyrusMaster  = "usr/sbin/cyrmaster"
	cyrusIMAP    = "usr/lib/cyrus/bin/imapd"
	cyrusRecover = "usr/lib/cyrus/bin/ctl_cyrusdb"
)

// cyrusRoot finds the installed server, or the one tools/prepare unpacked in
// cyrus/ of the cache: beside Dovecot it cannot be installed.
func cyrusRoot() (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	private := filepath.Join(cache, "cyrus")
	for _, root := range []string{"/", private} {
		if executable(filepath.Join(root, cyrusMaster)) && executable(filepath.Join(root, cyrusIMAP)) {
			return root, nil
		}
	}
	return "", fmt.Errorf("Cyrus is neither installed nor in %s (run make prepare)", private)
}

// prepare chooses directory and ports and writes all files.
func (c *Cyrus) prepare(root string) error {
	ports, err := freePorts(c.t, 2)
	if err != nil {
		return err
	}
	c.Addr, c.IMAPSAddr = loopback(ports[0]), loopback(ports[1])
	c.Dir = c.user.workDir(c.t)
	for _, sub := range []string{"mail", "conf", "conf/socket", "conf/proc", "conf/lock"} {
		if err := os.Mkdir(filepath.Join(c.Dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := c.place(root); err != nil {
		return err
	}
	cert, key, err := c.CA.issueFiles(c.user, c.Dir, c.opts.Certificate)
	if err != nil {
		return err
	}
	c.Config = filepath.Join(c.Dir, "imapd.conf")
	if err := c.user.write(c.Config, c.config(cert, key)); err != nil {
		return err
	}
	if err := c.user.write(c.services(), c.serviceList()); err != nil {
		return err
	}
	return c.user.own(c.Dir)
}

// place gives the server's user programs it can reach: the cache may lie in a
// home directory closed to everybody else.
func (c *Cyrus) place(root string) error {
	c.root = root
	if root == "/" || !c.user.switched {
		return nil
	}
	c.root = filepath.Join(c.Dir, "root")
	if err := os.CopyFS(c.root, os.DirFS(root)); err != nil {
		return fmt.Errorf("copy Cyrus: %w", err)
	}
	return nil
}

func (c *Cyrus) services() string { return filepath.Join(c.Dir, "cyrus.conf") }

// config returns imapd.conf: folder names as people write them, no waiting for
// the disk, and new mail told to whoever waits within a second.
func (c *Cyrus) config(cert, key string) string {
	lines := []string{
		"configdirectory: " + filepath.Join(c.Dir, "conf"),
		"defaultpartition: default",
		"partition-default: " + filepath.Join(c.Dir, "mail"),
		"sasl_pwcheck_method: alwaystrue",
		"sasl_mech_list: PLAIN",
		"allowplaintext: yes",
		"virtdomains: userid",
		"unixhierarchysep: yes",
		"altnamespace: yes",
		"autocreate_quota: 0",
		"imapidlepoll: 1",
		"skiplist_unsafe: yes",
		"tls_server_cert: " + cert,
		"tls_server_key: " + key,
		c.opts.Extra,
	}
	return strings.Join(lines, "\n") + "\n"
}

// serviceList returns cyrus.conf. Programs are named by their whole path: the
// place Cyrus was compiled to look in is not where an unpacked one lies.
func (c *Cyrus) serviceList() string {
	program := func(path string) string { return filepath.Join(c.root, path) + " -C " + c.Config }
	return fmt.Sprintf(`START {
  recover cmd="%s -r"
}
SERVICES {
  imap cmd="%s" listen="%s" prefork=1
  imaps cmd="%s -s" listen="%s" prefork=1
}
EVENTS {
}
`, program(cyrusRecover), program(cyrusIMAP), c.Addr, program(cyrusIMAP), c.IMAPSAddr)
}

// run starts the prepared server and waits until it serves.
func (c *Cyrus) run() error {
	p, err := c.user.serve(c.command(), filepath.Join(c.Dir, "cyrus.log"), func() error { return greets(c.Addr, "* OK") })
	c.process = p
	return err
}

// command starts the master in the foreground. It becomes CYRUS_USER, which
// the user it runs as already may always do.
func (c *Cyrus) command() command {
	env := []string{"CYRUS_USER=" + c.user.name, "CYRUS_GROUP=" + c.user.group}
	if c.root != "/" {
		var dirs []string
		for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
			found, _ := filepath.Glob(filepath.Join(c.root, pattern))
			dirs = append(dirs, found...)
		}
		env = append(env, "LD_LIBRARY_PATH="+strings.Join(dirs, ":"))
	}
	args := []string{"-D", "-C", c.Config, "-M", c.services(), "-p", filepath.Join(c.Dir, "master.pid")}
	return command{path: filepath.Join(c.root, cyrusMaster), args: args, dir: c.Dir, env: env}
}

// Stop ends the server; its files stay until the test ends.
func (c *Cyrus) Stop() { c.process.stop() }

// Kill ends the server as a power cut would.
func (c *Cyrus) Kill() { c.process.kill() }

// Restart stops the server, if it runs, and starts it on the same ports.
func (c *Cyrus) Restart() {
	c.t.Helper()
	c.Stop()
	if err := c.run(); err != nil {
		c.t.Fatalf("restart Cyrus: %v", err)
	}
}

// Log returns the end of what the server printed; its real log goes to syslog.
func (c *Cyrus) Log() string { return c.process.tail() }
