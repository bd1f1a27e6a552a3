package testservers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Knot is a running Knot DNS. It keeps every version of its zones in a
// journal.
type Knot struct {
	nameServer
	port     int
	notifies string // addr of the secondary told of every change
	follows  string // addr of the primary it transfers from
}

// StartKnot starts a primary server and stops it when the test ends.
func StartKnot(t testing.TB, opts DNSOptions) *Knot {
	t.Helper()
	k := newKnot(t, opts.withDefaults())
	startOnce(t, "Knot", func() error {
		port, err := freePort(t)
		if err != nil {
			return err
		}
		return k.start(port)
	})
	return k
}

// StartKnotPair starts a primary and a secondary that transfers the zones
// from it, told of every change by NOTIFY (RFC 1996). Updates go to the
// primary. While the secondary is stopped it serves nothing; started again it
// catches up.
func StartKnotPair(t testing.TB, opts DNSOptions) (primary, secondary *Knot) {
	t.Helper()
	opts = opts.withDefaults()
	primary, secondary = newKnot(t, opts), newKnot(t, opts)
	startOnce(t, "two Knots", func() error {
		primary.Stop()
		ports, err := freePorts(t, 2)
		if err != nil {
			return err
		}
		primary.notifies, secondary.follows = loopback(ports[1]), loopback(ports[0])
		if err := primary.start(ports[0]); err != nil {
			return err
		}
		return secondary.start(ports[1])
	})
	return primary, secondary
}

func newKnot(t testing.TB, opts DNSOptions) *Knot {
	t.Helper()
	k := &Knot{nameServer: nameServer{t: t, opts: opts, Key: opts.Key, user: serverUser(t), server: need(t, "knotd")}}
	t.Cleanup(k.Stop)
	return k
}

func (k *Knot) start(port int) error {
	k.port, k.Addr = port, loopback(port)
	k.Dir = k.user.workDir(k.t)
	if err := os.Mkdir(filepath.Join(k.Dir, "db"), 0o755); err != nil {
		return err
	}
	if k.follows == "" {
		if err := k.writeZones(); err != nil {
			return err
		}
	}
	k.Config = filepath.Join(k.Dir, "knot.conf")
	if err := k.user.write(k.Config, k.config()); err != nil {
		return err
	}
	if err := k.user.own(k.Dir); err != nil {
		return err
	}
	return k.launch()
}

func (k *Knot) launch() error {
	return k.run(command{path: k.server.path, args: []string{"-c", k.Config}, dir: k.Dir, env: k.server.env()}, "knotd.log")
}

// Restart stops the server, if it runs, and starts it on the same port.
func (k *Knot) Restart() {
	k.t.Helper()
	k.Stop()
	if err := k.launch(); err != nil {
		k.t.Fatalf("restart Knot: %v", err)
	}
}

// Journal returns the journal of the zone as kjournalprint prints it: every
// change since the start, oldest first.
func (k *Knot) Journal(zone string) string {
	k.t.Helper()
	k.tool("knotc", "-c", k.Config, "-b", "zone-flush", zone)
	return k.tool("kjournalprint", "-c", k.Config, "-n", zone)
}

// config returns knot.conf. Zone files are read at the start and never written
// back (zonefile-sync -1): what follows is replayed from the journal, which so
// holds the whole history.
func (k *Knot) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  rundir: %[1]s\n  listen: 127.0.0.1@%[2]d\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n", k.Dir, k.port)
	fmt.Fprintf(&b, "log:\n  - target: stderr\n    any: info\n")
	fmt.Fprintf(&b, "database:\n  storage: %s\n  journal-db-mode: robust\n  journal-db-max-size: 64M\n", filepath.Join(k.Dir, "db"))
	fmt.Fprintf(&b, "key:\n  - id: %s\n    algorithm: %s\n    secret: %s\n", k.Key.Name, TSIGAlgorithm, k.Key.Secret)
	b.WriteString(k.remotes())
	fmt.Fprintf(&b, "acl:\n  - id: by_key\n    key: %s\n    action: [update, transfer]\n", k.Key.Name)
	acls, more := "by_key", ""
	if k.notifies != "" {
		more = "    notify: peer\n"
	}
	if k.follows != "" {
		fmt.Fprintf(&b, "  - id: from_primary\n    key: %s\n    action: notify\n", k.Key.Name)
		acls, more = "by_key, from_primary", "    master: peer\n    journal-content: all\n"
	}
	fmt.Fprintf(&b, "template:\n  - id: default\n    storage: %s\n    file: \"%%s.zone\"\n    acl: [%s]\n", k.Dir, acls)
	fmt.Fprintf(&b, "    zonefile-load: whole\n    zonefile-sync: -1\n%szone:\n", more)
	for _, z := range k.opts.Zones {
		fmt.Fprintf(&b, "  - domain: %s\n", z.Name)
	}
	return b.String()
}

// remotes names the other server of a pair. Transfers are signed, as they
// would be between two hosts.
func (k *Knot) remotes() string {
	peer := k.notifies + k.follows
	if peer == "" {
		return ""
	}
	return fmt.Sprintf("remote:\n  - id: peer\n    address: 127.0.0.1@%s\n    key: %s\n", Port(peer), k.Key.Name)
}
