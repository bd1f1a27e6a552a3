package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"bascule/internal/clock"
)

// about is what must be known of a machine before a campaign runs on it.
func (s *settings) about(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- %s, %d × %s, %s/%s, %s, load before %s\n", s.began.Format("2006-01-02"), runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, kernel(), load())
	fmt.Fprintf(&b, "- servers: Dovecot %s at both ends, mdbox, in %s; with fsync, in %s and mail_fsync = always; with TLS, implicit and verified\n",
		firstLine(ctx, "dovecot", "--version"), directory(s.memory), directory(s.disk))
	for _, tool := range []string{"interimap", "mbsync", "offlineimap"} {
		if slices.ContainsFunc(s.campaign.programs, func(p program) bool { return p.name == tool }) {
			fmt.Fprintf(&b, "- %s %s\n", tool, firstLine(ctx, tool, "--version"))
		}
	}
	if s.imapsync != "" {
		fmt.Fprintf(&b, "- imapsync %s\n", firstLine(ctx, s.imapsync, "--version"))
	}
	for n, line := range s.others {
		fmt.Fprintf(&b, "- other-raw-%d: another program that only streams, %s\n", n+1, strings.Join(strings.Fields(line)[1:], " "))
	}
	return b.String()
}

func (s *settings) report(about string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured\n\nMade by `make bench` (package bench says how); do not edit. Read the ratios: times belong to the machine.\n\n")
	fmt.Fprintf(&b, "%s- scale %g, %d cycles of each program in turns, %d mailboxes at once for M, all in %.0f minutes; load after %s\n", about, s.scale, s.cycles,
		s.parallel, clock.Real{}.Now().Sub(s.began).Minutes(), load())
	fmt.Fprintf(&b, "- wall and CPU: medians of n runs; peak: the most of any; kept: what the program remembers of a mailbox, on disk\n"+
		"- result: both sides compared by the octets of every message; of M, the first mailbox\n")
	write(&b, s.results, s.corpora)
	writeGoals(&b, s.results)
	return b.String()
}

func directory(dir string) string {
	if dir == "" {
		dir = os.TempDir()
	}
	if strings.HasPrefix(dir, "/dev/shm") {
		return "memory"
	}
	return dir
}

// processor names what the times belong to.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // elsewhere than on Linux nobody says
	_, rest, ok := strings.Cut(string(text), "model name\t: ")
	if !ok {
		return "unknown processor"
	}
	model, _, _ := strings.Cut(rest, "\n")
	return model
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown kernel"
	}
	return "kernel " + strings.TrimSpace(string(text))
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// firstLine is what a program says of itself; some say it with a failure.
func firstLine(ctx context.Context, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if line == "" {
		return "of unknown version"
	}
	if i := strings.Index(line, "version "); i >= 0 {
		return line[i+len("version "):]
	}
	return strings.TrimPrefix(line, name+" ")
}
