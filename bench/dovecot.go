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
	addr, config string
	cmd          *exec.Cmd
	// ids owns the mail.
	uid, gid int
	name     string
}

const startPatience = 20 * time.Second

func startDovecot(ctx context.Context, dir string, fsync bool) (*dovecot, error) {
	d := &dovecot{config: filepath.Join(dir, "dovecot.conf")}
	if err := d.owner(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	for _, sub := range []string{"", "run", "mail", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
		if err := os.Chown(filepath.Join(dir, sub), d.uid, d.gid); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(d.config, []byte(d.text(dir, fsync)), 0o644); err != nil {
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

func (d *dovecot) text(dir string, fsync bool) string {
	sync := "never"
	if fsync {
		sync = "optimized"
	}
	_, port, _ := net.SplitHostPort(d.addr)
	return strings.NewReplacer("DIR", dir, "PORT", port, "OWNER", d.name, "UID", strconv.Itoa(d.uid), "GID", strconv.Itoa(d.gid), "FSYNC", sync).Replace(`
protocols = imap
listen = 127.0.0.1
base_dir = DIR/run
state_dir = DIR/run
log_path = DIR/dovecot.log
ssl = no
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
    port = 0
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
		c, err := login(d.addr, "probe")
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

// stop ends the master, which ends the others.
func (d *dovecot) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
}
