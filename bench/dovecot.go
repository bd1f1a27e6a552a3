package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bascule/internal/clock"
)

// dovecot is one server. Any name logs in with the password, and has a
// mailbox of its own: an empty one is a name nobody used.
type dovecot struct {
	// addr speaks in the clear: for loading and comparing, and for programs
	// unless the variant says TLS.
	addr, tlsAddr string
	config        string
	papers
	cmd *exec.Cmd
	// ids owns the mail.
	uid, gid int
	name     string
}

const startPatience = 20 * time.Second

// variant is how the servers of a stage differ from the quickest ones.
type variant struct {
	// TLS programs connect with implicit TLS and verify the certificate.
	TLS bool
	// Fsync servers wait for the disk at every write, and everything lives on one.
	Fsync bool
}

func (v variant) String() string {
	var parts []string
	if v.TLS {
		parts = append(parts, "TLS")
	}
	if v.Fsync {
		parts = append(parts, "fsync")
	}
	return strings.Join(parts, " and ")
}

func startDovecot(ctx context.Context, dir string, v variant, p papers) (*dovecot, error) {
	d := &dovecot{config: filepath.Join(dir, "dovecot.conf"), papers: p}
	if err := d.owner(); err != nil {
		return nil, err
	}
	if err := d.addresses(); err != nil {
		return nil, err
	}
	if err := d.directories(dir); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.config, []byte(d.text(dir, v)), 0o644); err != nil {
		return nil, err
	}
	d.cmd = exec.CommandContext(ctx, "dovecot", "-F", "-c", d.config)
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	d.cmd.WaitDelay = 5 * time.Second
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dovecot (Debian: dovecot-imapd): %w", err)
	}
	return d, d.ready(dir)
}

// addresses finds two free ports.
func (d *dovecot) addresses() error {
	for _, addr := range []*string{&d.addr, &d.tlsAddr} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // only now: the next must be another one
		*addr = l.Addr().String()
	}
	return nil
}

func (d *dovecot) directories(dir string) error {
	for _, sub := range []string{"", "run", "mail", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
		if err := os.Chown(filepath.Join(dir, sub), d.uid, d.gid); err != nil {
			return err
		}
	}
	return nil
}

// owner is who serves: root lets the user "mail" do it.
func (d *dovecot) owner() error {
	u, err := user.Current()
	if err == nil && u.Uid == "0" {
		u, err = user.Lookup("mail")
	}
	if err != nil {
		return fmt.Errorf("find a user who owns the mail: %w", err)
	}
	d.name = u.Username
	d.uid, err = strconv.Atoi(u.Uid)
	if err == nil {
		d.gid, err = strconv.Atoi(u.Gid)
	}
	return err
}

func (d *dovecot) text(dir string, v variant) string {
	sync, tls, tlsPort := "never", "ssl = no", "0"
	if v.Fsync {
		sync = "always"
	}
	if v.TLS {
		tls = "ssl = yes\nssl_cert = <" + d.certificate + "\nssl_key = <" + d.key
		_, tlsPort = hostPort(d.tlsAddr)
	}
	_, port := hostPort(d.addr)
	return strings.NewReplacer("DIR", dir, "TLS_PORT", tlsPort, "PORT", port, "TLS", tls, "OWNER", d.name, "UID", strconv.Itoa(d.uid), "GID", strconv.Itoa(d.gid), "FSYNC", sync).Replace(`
protocols = imap
listen = 127.0.0.1
base_dir = DIR/run
state_dir = DIR/run
log_path = DIR/dovecot.log
TLS
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = OWNER
default_login_user = OWNER
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 0
mail_fsync = FSYNC
mail_location = mdbox:DIR/mail/%u
mdbox_rotate_size = 32M
mail_max_userip_connections = 100
stats_writer_socket_path =
passdb {
  driver = static
  args = password=` + password + `
}
userdb {
  driver = static
  args = uid=UID gid=GID home=DIR/home/%u
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = TLS_PORT
    ssl = yes
  }
}
service imap {
  process_limit = 400
}
service auth {
  user = OWNER
}
service anvil {
  chroot =
  client_limit = 2000
}
service stats {
  chroot =
}
`)
}

func (d *dovecot) ready(dir string) error {
	deadline := clock.Monotonic().Add(startPatience)
	for {
		c, err := endpoint{addr: d.addr, user: "probe"}.login()
		if err == nil {
			c.Close()
			return nil
		}
		if clock.Monotonic().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "dovecot.log"))
			d.stop()
			return fmt.Errorf("dovecot does not serve: %w\n%s", err, log)
		}
		wait(clock.Monotonic().Add(50 * time.Millisecond))
	}
}

// address is where programs connect.
func (d *dovecot) address(v variant) string {
	if v.TLS {
		return d.tlsAddr
	}
	return d.addr
}

// mailbox is one user, for those who look without being measured.
func (d *dovecot) mailbox(user string) endpoint { return endpoint{addr: d.addr, user: user} }

// stop ends the master, which ends the others.
func (d *dovecot) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
}
