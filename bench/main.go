package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"bascule/internal/clock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is a campaign, or one copy: the campaign starts this program again for those.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && (args[0] == "raw" || args[0] == "engine") {
		return oneCopy(ctx, args)
	}
	return runCampaign(ctx, args, out)
}

func oneCopy(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	from, fromUser := f.String("from", "", "source server"), f.String("from-user", "", "source mailbox")
	to, toUser := f.String("to", "", "target server"), f.String("to-user", "", "target mailbox")
	dir, conns := f.String("dir", ".", "where the ledger is kept"), f.Int("conns", 1, "connections of raw")
	profile := f.String("profile", "", "write a CPU profile here")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if args[0] == "raw" {
		return rawCopy(*from, *fromUser, *to, *toUser, *conns)
	}
	return engineCopy(ctx, *from, *fromUser, *to, *toUser, *dir, *profile)
}

type settings struct {
	names, programs, rtts, dir, write string
	scale                             float64
	campaign
	tools
}

func runCampaign(ctx context.Context, args []string, out io.Writer) error {
	s := settings{campaign: campaign{log: out, generation: map[string]int{}}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&s.names, "corpora", "S2,T", "corpora: S, S2, T, M, L")
	f.StringVar(&s.programs, "programs", "", "programs, all that are present when empty")
	f.StringVar(&s.rtts, "rtt", "0s,40ms", "round-trip times of the link")
	f.StringVar(&s.dir, "dir", "", "where servers and ledgers live; a directory in memory keeps the disk out of it")
	f.StringVar(&s.write, "write", "", "write the tables to this file too")
	f.StringVar(&s.bascule, "bascule", "", "path of the bascule binary")
	f.StringVar(&s.imapsync, "imapsync", "", "path of imapsync")
	f.StringVar(&s.profile, "profile", "", "write a CPU profile of the first run of the engine here")
	f.Float64Var(&s.scale, "scale", 1, "size of the corpora")
	f.IntVar(&s.runs, "runs", 3, "cycles of each program")
	f.IntVar(&s.noops, "noops", 2, "runs with nothing to do in each cycle")
	f.IntVar(&s.parallel, "parallel", 8, "mailboxes at once, for M")
	f.DurationVar(&s.limit, "limit", 5*time.Minute, "longest run")
	f.BoolVar(&s.fsync, "fsync", false, "servers wait for the disk")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(s.campaign.dir)
	err := s.campaign.run(ctx)
	report := s.report()
	_, e := io.WriteString(out, report)
	if s.write != "" && err == nil {
		e = errors.Join(e, os.WriteFile(s.write, []byte(report), 0o644))
	}
	return errors.Join(err, e)
}

// prepare resolves names.
func (s *settings) prepare(ctx context.Context) (err error) {
	all := corpora(s.scale)
	for _, name := range strings.Split(s.names, ",") {
		c, ok := all[name]
		if !ok {
			return fmt.Errorf("no corpus %q", name)
		}
		s.corpora = append(s.corpora, c)
	}
	for _, text := range strings.Split(s.rtts, ",") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		s.campaign.rtts = append(s.campaign.rtts, d)
	}
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	for _, p := range programs(ctx, s.tools) {
		if p.present() && (s.programs == "" || containsWord(s.programs, p.name)) {
			s.campaign.programs = append(s.campaign.programs, p)
		}
	}
	if s.campaign.dir, err = os.MkdirTemp(s.dir, "bascule-bench-"); err != nil {
		return err
	}
	return os.Chmod(s.campaign.dir, 0o755) // Dovecot's processes are somebody else's
}

func containsWord(list, word string) bool {
	for _, w := range strings.Split(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

func (s *settings) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured\n\nMade by `make bench` (package bench says how); do not edit. Read the ratios: times belong to the machine.\n\n"+
		"- %s, %s\n- scale %g, %d cycles of each program in turns, medians; Dovecot mdbox at both ends on %s\n",
		clock.Real{}.Now().Format("2006-01-02"), machine(), s.scale, s.runs, storage(s.campaign.dir, s.fsync))
	fmt.Fprintf(&b, "- result: both sides compared by the octets of every message; of M, the first mailbox\n")
	write(&b, s.results, corpora(s.scale))
	return b.String()
}

func storage(dir string, fsync bool) string {
	text := "disk"
	if strings.HasPrefix(dir, "/dev/shm") {
		text = "memory"
	}
	if !fsync {
		text += ", without fsync"
	}
	return text
}

// machine names what the times belong to.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	version := ""
	if path, err := exec.LookPath("dovecot"); err == nil {
		if out, err := exec.Command(path, "--version").Output(); err == nil {
			version = ", Dovecot " + strings.TrimSpace(string(out))
		}
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load at the end " + strings.Join(strings.Fields(string(text))[:1], "")
	}
	return fmt.Sprintf("%d × %s, %s/%s%s%s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, version, load)
}
