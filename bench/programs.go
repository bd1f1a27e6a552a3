package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// job is one mailbox to copy. Dir keeps what the program remembers between runs.
type job struct {
	from, fromUser string
	to, toUser     string
	dir            string
	// caFile holds the certificates to trust; without one there is no TLS.
	caFile string
	// label names this run where files are written about it.
	label string
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
	once bool
	// plainOnly programs know no TLS.
	plainOnly bool
	command   func(j job) (*exec.Cmd, error)
	// prepare is done once before the first copy, and is in no time.
	prepare func(ctx context.Context, jobs []job) error
}

// tools are paths that are given by hand, and what is watched of the engine.
type tools struct {
	self, bascule, imapsync string
	// others are command lines of other programs that only stream.
	others []string
	probes
}

func programs(ctx context.Context, t tools) []program {
	own := func(name string, args func(j job) []string) func(j job) (*exec.Cmd, error) {
		return func(j job) (*exec.Cmd, error) {
			all := []string{name, "-from", j.from, "-from-user", j.fromUser, "-to", j.to, "-to-user", j.toUser, "-ca-file", j.caFile}
			return exec.CommandContext(ctx, t.self, append(all, args(j)...)...), nil
		}
	}
	raw := func(conns string) func(j job) (*exec.Cmd, error) {
		return own("raw", func(job) []string { return []string{"-conns", conns} })
	}
	engine := own("engine", func(j job) []string { return append(t.arguments(j.label), "-dir", j.dir) })
	all := []program{
		{name: "raw", tool: t.self, once: true, command: raw("1")},
		{name: "raw-4", tool: t.self, once: true, command: raw("4")},
		{name: "engine", tool: t.self, command: engine, prepare: probeTarget},
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
	for n, line := range t.others {
		all = append(all, otherRaw(ctx, n, strings.Fields(line)))
	}
	return all
}

// otherRaw is another program that only streams; its command line has the
// names of a job in braces.
func otherRaw(ctx context.Context, n int, words []string) program {
	return program{name: fmt.Sprintf("other-raw-%d", n+1), tool: words[0], once: true, plainOnly: true, command: func(j job) (*exec.Cmd, error) {
		fill := strings.NewReplacer("{from}", j.from, "{from-user}", j.fromUser, "{to}", j.to, "{to-user}", j.toUser, "{password}", password)
		args := make([]string, len(words)-1)
		for i, w := range words[1:] {
			args[i] = fill.Replace(w)
		}
		return exec.CommandContext(ctx, words[0], args...), nil
	}}
}

// base is the name without the number of those that differ by it only.
func (p program) base() string {
	if strings.HasPrefix(p.name, "other-raw") {
		return "other-raw"
	}
	return p.name
}

// present reports whether a program can take part.
func (p program) present() bool {
	if p.tool == "" {
		return false
	}
	_, err := exec.LookPath(p.tool)
	return err == nil
}

// given checks what was named by hand: it must not be missing in silence.
func (t tools) given() error {
	var err error
	for _, line := range append([]string{t.bascule, t.imapsync}, t.others...) {
		if words := strings.Fields(line); len(words) > 0 {
			_, e := exec.LookPath(words[0])
			err = errors.Join(err, e)
		}
	}
	return err
}

func hostPort(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr) // our own listeners
	return host, port
}
