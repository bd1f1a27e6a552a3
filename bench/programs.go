package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// job is one mailbox to copy. Dir keeps what the program remembers between runs.
type job struct {
	from, fromUser string
	to, toUser     string
	dir            string
	// targetConfig is the configuration of the target's Dovecot, for the one
	// program that writes into its storage.
	targetConfig string
}

// program is one that copies mailboxes.
type program struct {
	name string
	// tool must be found for the program to take part.
	tool string
	// once programs copy, and know no second run.
	once    bool
	command func(j job) (*exec.Cmd, error)
}

// tools are paths that are given by hand.
type tools struct{ self, bascule, imapsync, profile string }

func programs(ctx context.Context, t tools) []program {
	own := func(name string, args ...string) func(j job) (*exec.Cmd, error) {
		return func(j job) (*exec.Cmd, error) {
			all := append([]string{name, "-from", j.from, "-from-user", j.fromUser, "-to", j.to, "-to-user", j.toUser, "-dir", j.dir}, args...)
			return exec.CommandContext(ctx, t.self, all...), nil
		}
	}
	return []program{
		{name: "raw", tool: t.self, once: true, command: own("raw", "-conns", "1")},
		{name: "raw-4", tool: t.self, once: true, command: own("raw", "-conns", "4")},
		{name: "engine", tool: t.self, command: own("engine", "-profile", t.profile)},
		{name: "bascule", tool: t.bascule, command: func(j job) (*exec.Cmd, error) { return basculeCopy(ctx, t.bascule, j), nil }},
		{name: "dsync", tool: "doveadm", command: func(j job) (*exec.Cmd, error) { return dsync(ctx, j), nil }},
		{name: "interimap", tool: "interimap", command: func(j job) (*exec.Cmd, error) { return interimap(ctx, j) }},
		{name: "mbsync", tool: "mbsync", command: func(j job) (*exec.Cmd, error) { return mbsync(ctx, j) }},
		{name: "offlineimap", tool: "offlineimap", command: func(j job) (*exec.Cmd, error) { return offlineimap(ctx, j) }},
		{name: "imapsync", tool: t.imapsync, command: func(j job) (*exec.Cmd, error) { return imapsync(ctx, t.imapsync, j), nil }},
		{name: "imapsync-fast", tool: t.imapsync, command: func(j job) (*exec.Cmd, error) {
			return imapsync(ctx, t.imapsync, j, "--useuid", "--nofoldersizes", "--nofoldersizesatend"), nil
		}},
	}
}

// present reports whether a program can take part.
func (p program) present() bool {
	if p.tool == "" {
		return false
	}
	_, err := exec.LookPath(p.tool)
	return err == nil
}

func hostPort(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr) // our own listeners
	return host, port
}

func basculeCopy(ctx context.Context, path string, j job) *exec.Cmd {
	c := exec.CommandContext(ctx, path, "copy", "--allow-plaintext", "--from", "imap://"+j.fromUser+"@"+j.from, "--to", "imap://"+j.toUser+"@"+j.to,
		"--from-password", "env:BENCH_PASSWORD", "--to-password", "env:BENCH_PASSWORD", "--ledger", filepath.Join(j.dir, "ledger.db"))
	c.Env = append(os.Environ(), "BENCH_PASSWORD="+password)
	return c
}

func dsync(ctx context.Context, j job) *exec.Cmd {
	host, port := hostPort(j.from)
	args := []string{"-c", j.targetConfig}
	for _, o := range []string{"imapc_host=" + host, "imapc_port=" + port, "imapc_user=" + j.fromUser, "imapc_password=" + password, "imapc_ssl=no",
		"mail_prefetch_count=20", "imapc_features=rfc822.size fetch-headers"} {
		args = append(args, "-o", o)
	}
	return exec.CommandContext(ctx, "doveadm", append(args, "backup", "-R", "-u", j.toUser, "imapc:")...)
}

// configured writes a configuration file with the job's names filled in.
func configured(j job, name, text string) (string, error) {
	fromHost, fromPort := hostPort(j.from)
	toHost, toPort := hostPort(j.to)
	text = strings.NewReplacer("FROM_HOST", fromHost, "FROM_PORT", fromPort, "FROM_USER", j.fromUser, "TO_HOST", toHost, "TO_PORT", toPort,
		"TO_USER", j.toUser, "PASSWORD", password, "DIR", j.dir).Replace(text)
	path := filepath.Join(j.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// atHome keeps a program from the files of whoever runs the campaign.
func atHome(c *exec.Cmd, j job) *exec.Cmd {
	c.Env = append(os.Environ(), "HOME="+j.dir, "XDG_CONFIG_HOME="+j.dir, "XDG_DATA_HOME="+j.dir, "XDG_RUNTIME_DIR="+j.dir)
	return c
}

func mbsync(ctx context.Context, j job) (*exec.Cmd, error) {
	path, err := configured(j, "mbsyncrc", `
IMAPAccount from
Host FROM_HOST
Port FROM_PORT
User FROM_USER
Pass PASSWORD
SSLType None
AuthMechs LOGIN

IMAPStore from
Account from

IMAPAccount to
Host TO_HOST
Port TO_PORT
User TO_USER
Pass PASSWORD
SSLType None
AuthMechs LOGIN

IMAPStore to
Account to

Channel copy
Far :from:
Near :to:
Patterns * INBOX
Sync Pull
Create Near
Remove Near
Expunge Near
CopyArrivalDate yes
SyncState DIR/
`)
	return atHome(exec.CommandContext(ctx, "mbsync", "-c", path, "-a"), j), err
}

func interimap(ctx context.Context, j job) (*exec.Cmd, error) {
	if err := os.MkdirAll(filepath.Join(j.dir, "interimap"), 0o700); err != nil {
		return nil, err
	}
	path, err := configured(j, "interimap.conf", `
database = copy.db
list-mailbox = "*"

[local]
type = imap
host = TO_HOST
port = TO_PORT
username = TO_USER
password = PASSWORD
STARTTLS = NO
auth = LOGIN

[remote]
type = imap
host = FROM_HOST
port = FROM_PORT
username = FROM_USER
password = PASSWORD
STARTTLS = NO
auth = LOGIN
`)
	return atHome(exec.CommandContext(ctx, "interimap", "--config="+path, "-q"), j), err
}

func offlineimap(ctx context.Context, j job) (*exec.Cmd, error) {
	path, err := configured(j, "offlineimaprc", `
[general]
accounts = copy
metadata = DIR/meta
ui = quiet

[Account copy]
localrepository = to
remoterepository = from

[Repository to]
type = IMAP
remotehost = TO_HOST
remoteport = TO_PORT
remoteuser = TO_USER
remotepass = PASSWORD
ssl = no
starttls = no
auth_mechanisms = LOGIN

[Repository from]
type = IMAP
remotehost = FROM_HOST
remoteport = FROM_PORT
remoteuser = FROM_USER
remotepass = PASSWORD
ssl = no
starttls = no
readonly = True
auth_mechanisms = LOGIN
`)
	return atHome(exec.CommandContext(ctx, "offlineimap", "-c", path, "-o"), j), err
}

func imapsync(ctx context.Context, path string, j job, more ...string) *exec.Cmd {
	fromHost, fromPort := hostPort(j.from)
	toHost, toPort := hostPort(j.to)
	args := []string{"--host1", fromHost, "--port1", fromPort, "--user1", j.fromUser, "--password1", password,
		"--host2", toHost, "--port2", toPort, "--user2", j.toUser, "--password2", password,
		"--nossl1", "--nossl2", "--notls1", "--notls2", "--noreleasecheck", "--nolog", "--tmpdir", j.dir,
		"--pidfile", filepath.Join(j.dir, "pid"), "--noemailreport1", "--noemailreport2", "--delete2"}
	return atHome(exec.CommandContext(ctx, path, append(args, more...)...), j)
}
