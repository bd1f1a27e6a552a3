package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"bascule/internal/clock"
)

// settings are what the command line says.
type settings struct {
	names, programs, rtts, write string
	scale                        float64
	began                        time.Time
	variant
	campaign
	tools
}

func runCampaign(ctx context.Context, args []string, out io.Writer) error {
	s := settings{campaign: campaign{log: out}, began: clock.Real{}.Now()}
	f := s.flags()
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	about := s.about(ctx)
	err := s.campaign.run(ctx)
	report := s.report(about)
	_, e := io.WriteString(out, report)
	if s.write != "" && err == nil {
		e = errors.Join(e, os.WriteFile(s.write, []byte(report), 0o644))
	}
	return errors.Join(err, e)
}

func (s *settings) flags() *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&s.names, "corpora", "", "one stage with these corpora: S, S2, T, M, L, 250k, 500k, million; the whole campaign when empty")
	f.StringVar(&s.rtts, "rtt", "0s,40ms", "round-trip times of the one stage")
	f.BoolVar(&s.TLS, "tls", false, "in the one stage, programs connect with TLS")
	f.BoolVar(&s.Fsync, "fsync", false, "in the one stage, servers wait for the disk")
	f.StringVar(&s.programs, "programs", "", "programs, all that are present when empty")
	f.StringVar(&s.memory, "dir", "", "where servers and ledgers live; a directory in memory keeps the disk out of it")
	f.StringVar(&s.disk, "disk", "", "where they live when servers wait for the disk; not in memory")
	f.StringVar(&s.write, "write", "", "write the report to this file too")
	f.StringVar(&s.bascule, "bascule", "", "path of the bascule binary")
	f.StringVar(&s.imapsync, "imapsync", "", "path of imapsync")
	f.Func("other-raw", "command `line` of another program that only streams, with {from} {from-user} {to} {to-user} {password} in it; may be repeated", func(line string) error {
		if strings.TrimSpace(line) != "" {
			s.others = append(s.others, line)
		}
		return nil
	})
	f.StringVar(&s.CPU, "cpuprofile", "", "write CPU profiles of the engine to this directory")
	f.StringVar(&s.Heap, "memprofile", "", "write profiles of the engine's heap at its fullest to this directory")
	f.StringVar(&s.Trace, "trace", "", "write what the engine's connections said, and when, to this directory")
	f.Float64Var(&s.scale, "scale", 1, "size of the corpora")
	f.IntVar(&s.cycles, "cycles", 3, "cycles of each program")
	f.IntVar(&s.noops, "noops", 2, "runs with nothing to do in each cycle")
	f.IntVar(&s.parallel, "parallel", 8, "mailboxes at once, for M")
	f.DurationVar(&s.limit, "limit", 10*time.Minute, "longest run")
	return f
}

// prepare resolves names.
func (s *settings) prepare(ctx context.Context) (err error) {
	s.corpora = corpora(s.scale)
	if s.stages, err = s.plan(); err != nil {
		return err
	}
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	if err := errors.Join(s.given(), s.directories()); err != nil {
		return err
	}
	for _, p := range programs(ctx, s.tools) {
		if p.present() && (s.programs == "" || slices.Contains(strings.Split(s.programs, ","), p.base())) {
			s.campaign.programs = append(s.campaign.programs, p)
		}
	}
	return nil
}

// plan is the whole campaign, or the one stage that flags describe.
func (s *settings) plan() ([]stage, error) {
	if s.names == "" {
		return whole(), nil
	}
	one := stage{corpora: strings.Split(s.names, ","), variant: s.variant}
	for _, name := range one.corpora {
		if s.corpora[name].Messages == 0 {
			return nil, fmt.Errorf("no corpus %q", name)
		}
	}
	for _, text := range strings.Split(s.rtts, ",") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, err
		}
		one.rtts = append(one.rtts, d)
	}
	return []stage{one}, nil
}
