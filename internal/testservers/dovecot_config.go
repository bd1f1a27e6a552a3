package testservers

import (
	"fmt"
	"path/filepath"
	"strings"
)

// config returns dovecot.conf. Everything runs as one unprivileged user, in
// one directory, without chroots, and without waiting for the disk.
func (d *Dovecot) config(cert, key string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	d.configBasics(line)
	d.configTLS(line, cert, key)
	d.configMail(line)
	d.configServices(line)
	if d.opts.Extra != "" {
		line("%s", d.opts.Extra)
	}
	return b.String()
}

type lineWriter func(format string, args ...any)

func (d *Dovecot) configBasics(line lineWriter) {
	protocols := "imap lmtp"
	if d.opts.Sieve {
		protocols += " sieve"
	}
	line("protocols = %s", protocols)
	line("listen = 127.0.0.1")
	line("base_dir = %s", filepath.Join(d.Dir, "run"))
	line("state_dir = %s", filepath.Join(d.Dir, "state"))
	line("libexec_dir = %s", d.libexec())
	line("mail_plugin_dir = %s", filepath.Join(d.libexec(), "modules"))
	// An unpacked Dovecot finds its libraries only through this variable,
	// which the master would otherwise not pass on.
	line("import_environment = LD_LIBRARY_PATH")
	line("log_path = %s", filepath.Join(d.Dir, "dovecot.log"))
	line("default_internal_user = %s", d.user.name)
	line("default_internal_group = %s", d.user.group)
	line("default_login_user = %s", d.user.name)
	line("first_valid_uid = 1")
	line("first_valid_gid = 1")
	line("last_valid_uid = 0")
	line("default_vsz_limit = 0")
	line("mail_max_userip_connections = 100")
	line("auth_mechanisms = plain login")
	// A wrong password must not slow the test that tries it.
	line("auth_failure_delay = 0")
	line("disable_plaintext_auth = no")
	// Nobody reads the statistics, and waiting for them delays every stop.
	line("stats_writer_socket_path =")
}

func (d *Dovecot) configTLS(line lineWriter, cert, key string) {
	if d.opts.NoTLS {
		line("ssl = no")
		return
	}
	line("ssl = yes")
	line("ssl_cert = <%s", cert)
	line("ssl_key = <%s", key)
}

func (d *Dovecot) configMail(line lineWriter) {
	line("mail_location = %s", d.location(d.opts.Format))
	line("mail_fsync = never")
	line("mdbox_rotate_size = 32M")
	if d.opts.SaveCRLF {
		line("mail_save_crlf = yes")
	}
	line("namespace inbox {\n  inbox = yes\n  separator = %s\n}", d.opts.Separator)
	users := filepath.Join(d.Dir, "users")
	line("passdb {\n  driver = passwd-file\n  args = scheme=PLAIN %s\n}", users)
	line("userdb {\n  driver = passwd-file\n  args = %s\n}", users)
	if d.opts.Sieve {
		line("protocol lmtp {\n  mail_plugins = sieve\n}")
		line("plugin {\n  sieve = file:~/sieve;active=~/active.sieve\n}")
	}
}

func (d *Dovecot) location(format string) string {
	return format + ":" + filepath.Join(d.Dir, "mail", "%u")
}

// configServices puts the listeners on the chosen ports and takes the chroots
// away, which only root could enter.
func (d *Dovecot) configServices(line lineWriter) {
	imaps := Port(d.IMAPSAddr)
	if d.opts.NoTLS {
		imaps = "0"
	}
	line("service imap-login {\n  chroot =\n  inet_listener imap {\n    port = %s\n  }", Port(d.Addr))
	line("  inet_listener imaps {\n    port = %s\n    ssl = yes\n  }\n}", imaps)
	line("service lmtp {\n  inet_listener lmtp {\n    address = 127.0.0.1\n    port = %s\n  }\n}", Port(d.LMTPAddr))
	for _, service := range []string{"anvil", "stats"} {
		line("service %s {\n  chroot =\n}", service)
	}
	line("service auth {\n  user = %s\n}", d.user.name)
	line("service auth-worker {\n  user = %s\n}", d.user.name)
	if d.opts.Sieve {
		line("service managesieve-login {\n  chroot =\n  inet_listener sieve {\n    port = %s\n  }\n}", Port(d.SieveAddr))
	}
}

// writeUsers writes the file both passdb and userdb read; what is particular
// to one user overrides settings through its extra fields.
func (d *Dovecot) writeUsers() error {
	var b strings.Builder
	for _, u := range d.users {
		home := filepath.Join(d.Dir, "home", u.Name)
		fmt.Fprintf(&b, "%s:{PLAIN}%s:%d:%d::%s::", u.Name, u.Password, d.user.uid, d.user.gid, home)
		if u.Separator != "" {
			fmt.Fprintf(&b, " userdb_namespace/inbox/separator=%s", u.Separator)
		}
		if u.Format != "" {
			fmt.Fprintf(&b, " userdb_mail=%s", d.location(u.Format))
		}
		b.WriteByte('\n')
	}
	return d.user.write(filepath.Join(d.Dir, "users"), b.String())
}
