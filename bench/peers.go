package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func basculeCopy(ctx context.Context, path string, j job) *exec.Cmd {
	scheme, how := "imap://", []string{"--allow-plaintext"}
	if j.caFile != "" {
		scheme, how = "imaps://", []string{"--ca-file", j.caFile}
	}
	args := append([]string{"copy", "--from", scheme + j.fromUser + "@" + j.from, "--to", scheme + j.toUser + "@" + j.to,
		"--from-password", "env:BENCH_PASSWORD", "--to-password", "env:BENCH_PASSWORD", "--ledger", filepath.Join(j.dir, "ledger.db")}, how...)
	c := exec.CommandContext(ctx, path, args...)
	c.Env = append(os.Environ(), "BENCH_PASSWORD="+password)
	return c
}

func dsync(ctx context.Context, j job) *exec.Cmd {
	host, port := hostPort(j.from)
	args := []string{"-c", j.targetConfig}
	options := []string{"imapc_host=" + host, "imapc_port=" + port, "imapc_user=" + j.fromUser, "imapc_password=" + password,
		"mail_prefetch_count=20", "imapc_features=rfc822.size fetch-headers"}
	if j.caFile == "" {
		options = append(options, "imapc_ssl=no")
	} else {
		options = append(options, "imapc_ssl=imaps", "imapc_ssl_verify=yes", "ssl_client_ca_file="+j.caFile)
	}
	for _, o := range options {
		args = append(args, "-o", o)
	}
	return exec.CommandContext(ctx, "doveadm", append(args, "backup", "-R", "-u", j.toUser, "imapc:")...)
}

// configured writes a configuration file with the job's names filled in, and
// what the program says for no TLS, or for TLS, where it says SECURITY.
func configured(j job, name, text, plain, secure string) (string, error) {
	if j.caFile != "" {
		plain = secure
	}
	text = strings.ReplaceAll(text, "SECURITY", plain)
	fromHost, fromPort := hostPort(j.from)
	toHost, toPort := hostPort(j.to)
	text = strings.NewReplacer("FROM_HOST", fromHost, "FROM_PORT", fromPort, "FROM_USER", j.fromUser, "TO_HOST", toHost, "TO_PORT", toPort,
		"TO_USER", j.toUser, "PASSWORD", password, "DIR", j.dir, "CA_FILE", j.caFile).Replace(text)
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
SECURITY
AuthMechs LOGIN

IMAPStore from
Account from

IMAPAccount to
Host TO_HOST
Port TO_PORT
User TO_USER
Pass PASSWORD
SECURITY
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
`, "SSLType None", "SSLType IMAPS\nSystemCertificates no\nCertificateFile CA_FILE")
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
SECURITY
host = TO_HOST
port = TO_PORT
username = TO_USER
password = PASSWORD
auth = LOGIN

[remote]
SECURITY
host = FROM_HOST
port = FROM_PORT
username = FROM_USER
password = PASSWORD
auth = LOGIN
`, "type = imap\nSTARTTLS = NO", "type = imaps\nSSL_CAfile = CA_FILE\nSSL_verify = YES")
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
SECURITY
auth_mechanisms = LOGIN

[Repository from]
type = IMAP
remotehost = FROM_HOST
remoteport = FROM_PORT
remoteuser = FROM_USER
remotepass = PASSWORD
SECURITY
readonly = True
auth_mechanisms = LOGIN
`, "ssl = no\nstarttls = no", "ssl = yes\nsslcacertfile = CA_FILE")
	return atHome(exec.CommandContext(ctx, "offlineimap", "-c", path, "-o"), j), err
}

func imapsync(ctx context.Context, path string, j job, more ...string) *exec.Cmd {
	fromHost, fromPort := hostPort(j.from)
	toHost, toPort := hostPort(j.to)
	args := []string{"--host1", fromHost, "--port1", fromPort, "--user1", j.fromUser, "--password1", password,
		"--host2", toHost, "--port2", toPort, "--user2", j.toUser, "--password2", password,
		"--noreleasecheck", "--nolog", "--tmpdir", j.dir, "--pidfile", filepath.Join(j.dir, "pid"), "--noemailreport1", "--noemailreport2", "--delete2"}
	for _, side := range []string{"1", "2"} {
		if j.caFile == "" {
			args = append(args, "--nossl"+side, "--notls"+side)
			continue
		}
		// Without these it takes any certificate.
		args = append(args, "--ssl"+side, "--sslargs"+side, "SSL_verify_mode=1", "--sslargs"+side, "SSL_ca_file="+j.caFile)
	}
	return atHome(exec.CommandContext(ctx, path, append(args, more...)...), j)
}
