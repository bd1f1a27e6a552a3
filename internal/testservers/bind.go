package testservers

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// BIND is a running BIND 9 that is authoritative only.
type BIND struct {
	nameServer
	port int
}

// StartBIND starts a server and stops it when the test ends.
func StartBIND(t testing.TB, opts DNSOptions) *BIND {
	t.Helper()
	opts = opts.withDefaults()
	b := &BIND{nameServer: nameServer{t: t, opts: opts, Key: opts.Key, user: serverUser(t), server: need(t, "named")}}
	t.Cleanup(b.Stop)
	startOnce(t, "BIND", func() error {
		port, err := freePort(t)
		if err != nil {
			return err
		}
		return b.start(port)
	})
	return b
}

func (b *BIND) start(port int) error {
	b.port, b.Addr = port, loopback(port)
	b.Dir = b.user.workDir(b.t)
	if err := b.writeZones(); err != nil {
		return err
	}
	b.Config = filepath.Join(b.Dir, "named.conf")
	if err := b.user.write(b.Config, b.config()); err != nil {
		return err
	}
	if err := b.user.own(b.Dir); err != nil {
		return err
	}
	return b.launch()
}

func (b *BIND) launch() error {
	args := []string{"-g", "-n", "1", "-c", b.Config}
	return b.run(command{path: b.server.path, args: args, dir: b.Dir, env: b.server.env()}, "named.log")
}

// Restart stops the server, if it runs, and starts it on the same port.
func (b *BIND) Restart() {
	b.t.Helper()
	b.Stop()
	if err := b.launch(); err != nil {
		b.t.Fatalf("restart BIND: %v", err)
	}
}

// Journal returns the journal of the zone as named-journalprint prints it:
// every change since the start, oldest first.
func (b *BIND) Journal(zone string) string {
	b.t.Helper()
	return b.tool("named-journalprint", zoneFile(b.Dir, zone)+".jnl")
}

// config returns named.conf: nothing outside the server's directory, no
// control channel, no recursion.
func (b *BIND) config() string {
	var c strings.Builder
	fmt.Fprintf(&c, "options {\n\tdirectory %q;\n\tpid-file %q;\n\tsession-keyfile %q;\n\tmanaged-keys-directory %q;\n",
		b.Dir, filepath.Join(b.Dir, "named.pid"), filepath.Join(b.Dir, "session.key"), b.Dir)
	fmt.Fprintf(&c, "\tlisten-on port %d { 127.0.0.1; };\n\tlisten-on-v6 { none; };\n\trecursion no;\n\tnotify no;\n\tdnssec-validation no;\n};\n", b.port)
	fmt.Fprintf(&c, "controls { };\nkey %q {\n\talgorithm %s;\n\tsecret %q;\n};\n", b.Key.Name, TSIGAlgorithm, b.Key.Secret)
	for _, z := range b.opts.Zones {
		fmt.Fprintf(&c, "zone %q {\n\ttype primary;\n\tfile %q;\n\tallow-update { key %q; };\n\tallow-transfer { key %q; };\n};\n",
			z.Name, zoneFile(b.Dir, z.Name), b.Key.Name, b.Key.Name)
	}
	return c.String()
}
