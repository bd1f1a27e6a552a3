package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A parcel is a Debian package and a file that shows it is there.
type parcel struct{ name, file string }

var wanted = [...]parcel{
	{"dovecot-imapd", "usr/lib/dovecot/imap"},
	{"dovecot-lmtpd", "usr/lib/dovecot/lmtp"},
	{"dovecot-managesieved", "usr/lib/dovecot/managesieve"},
	{"knot", "usr/sbin/knotd"},
	{"bind9", "usr/sbin/named"},
}

// packages makes sure every wanted package is installed or unpacked.
func packages(out io.Writer, cache string) error {
	private := filepath.Join(cache, "debian")
	names := absent(wanted[:], "/", private)
	if len(names) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		fmt.Fprintf(out, "prepare: no apt-get here: tests that need %s will be skipped\n", strings.Join(names, ", "))
		return nil
	}
	var err error
	if os.Geteuid() == 0 && !conflicting(names) {
		fmt.Fprintf(out, "prepare: installing %s\n", strings.Join(names, ", "))
		err = install(names)
	} else {
		fmt.Fprintf(out, "prepare: unpacking %s in %s\n", strings.Join(names, ", "), private)
		err = unpack(names, everything, filepath.Join(cache, "debs"), private)
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", strings.Join(names, ", "), err)
	}
	if left := absent(wanted[:], "/", private); len(left) > 0 {
		return fmt.Errorf("still missing: %s", strings.Join(left, ", "))
	}
	return nil
}

// absent returns the packages whose file is below none of the roots.
func absent(parcels []parcel, roots ...string) []string {
	var names []string
	for _, p := range parcels {
		there := slices.ContainsFunc(roots, func(root string) bool {
			info, err := os.Stat(filepath.Join(root, p.file))
			return err == nil && info.Mode().IsRegular()
		})
		if !there {
			names = append(names, p.name)
		}
	}
	return names
}

// conflicting reports whether installing names would remove an installed
// cyrus-imapd.
func conflicting(names []string) bool {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Status}", "cyrus-imapd").Output()
	installed := err == nil && bytes.HasSuffix(out, []byte(" installed"))
	return installed && slices.Contains(names, "dovecot-imapd")
}

// install lets apt-get install names, first from the lists it has, then from
// fresh ones.
func install(names []string) (err error) {
	release, err := forbidServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	args := append([]string{"install", "-y", "--no-install-recommends"}, names...)
	return withFreshLists(func() error { return run(aptGet(args...)) })
}

// withFreshLists tries again after apt-get update: images come with package
// lists emptied or outdated.
func withFreshLists(try func() error) error {
	if try() == nil {
		return nil
	}
	if err := run(aptGet("update")); err != nil {
		return err
	}
	return try()
}

// aptGet waits for a package manager at work instead of failing on its lock.
func aptGet(args ...string) *exec.Cmd {
	cmd := exec.Command("apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=600"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	return cmd
}

// forbidServices keeps the installed packages from starting their services
// (policy-rc.d, exit 101: action forbidden) until the returned function is
// called. An administrator's own policy is left alone.
func forbidServices() (func() error, error) {
	const policy = "/usr/sbin/policy-rc.d"
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(policy))
	}
	return func() error { return os.Remove(policy) }, nil
}

// apart are never installed: Debian's cyrus-imapd and dovecot-imapd remove each other.
var apart = [...]parcel{{"cyrus-common", "usr/sbin/cyrmaster"}, {"cyrus-imapd", "usr/lib/cyrus/bin/imapd"}}

// cyrus unpacks Cyrus in a root of its own, unless the machine has it.
func cyrus(out io.Writer, cache string) error {
	private := filepath.Join(cache, "cyrus")
	if len(absent(apart[:], "/", private)) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		fmt.Fprintln(out, "prepare: no apt-get here: tests that need Cyrus will be skipped")
		return nil
	}
	fmt.Fprintf(out, "prepare: unpacking Cyrus in %s\n", private)
	get := func() error {
		return unpack([]string{"cyrus-imapd"}, partOfCyrus, filepath.Join(cache, "debs-cyrus"), private)
	}
	if os.Geteuid() == 0 {
		plain := get
		get = func() error { return withFreshLists(plain) }
	}
	if err := get(); err != nil {
		return fmt.Errorf("get Cyrus: %w", err)
	}
	if left := absent(apart[:], private); len(left) > 0 {
		return fmt.Errorf("still missing: %s", strings.Join(left, ", "))
	}
	return nil
}

// partOfCyrus leaves out what an installed Cyrus would run beside itself: a
// mail transport, tools of its database.
func partOfCyrus(name string) bool {
	return strings.HasPrefix(name, "cyrus-") || strings.HasPrefix(name, "lib")
}

func everything(string) bool { return true }

// unpack downloads names, and what they need that is not installed and keep
// wants, and unpacks all of it below root.
func unpack(names []string, keep func(string) bool, downloads, root string) error {
	for _, dir := range []string{downloads, root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	all, err := closure(names)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !keep(name) })
	fetch := aptGet(append([]string{"download"}, all...)...)
	fetch.Dir = downloads
	if err := run(fetch); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if err := run(exec.Command("dpkg", "-x", archive, root)); err != nil {
			return err
		}
	}
	return nil
}

// closure asks apt-get what it would install for names, in a simulation that
// changes nothing and needs no rights.
func closure(names []string) ([]string, error) {
	out, err := aptGet(append([]string{"install", "--simulate", "--no-install-recommends"}, names...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt-get what %s need: %w", strings.Join(names, ", "), err)
	}
	return planned(out), nil
}

// planned returns the packages of the "Inst NAME …" lines of a simulation.
func planned(simulation []byte) []string {
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(simulation))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "Inst" {
			names = append(names, fields[1])
		}
	}
	return names
}
