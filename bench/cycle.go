package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bascule/internal/clock"
)

// turns lets programs take turns, so that what else runs here disturbs all alike.
func (c *campaign) turns(ctx context.Context, a *arena, s stage, k corpus, w *way) error {
	cycles := c.cycles
	if s.once {
		cycles = 1
	}
	for range cycles {
		for _, p := range c.programs {
			if len(s.programs) > 0 && !slices.Contains(s.programs, p.base()) || s.TLS && p.plainOnly {
				continue
			}
			if err := c.cycle(ctx, a, k, p, w); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// cycle is everything one program does to one corpus.
func (c *campaign) cycle(ctx context.Context, a *arena, k corpus, p program, w *way) error {
	jobs, err := c.jobs(a, k, p, w)
	if err != nil {
		return err
	}
	if p.prepare != nil {
		if err := p.prepare(ctx, jobs); err != nil {
			return err
		}
	}
	at := place{variant: a.variant, corpus: k.Name, rtt: w.rtt, phase: initial}
	if !c.phase(ctx, a, at, p, jobs) || p.once {
		return a.forget(jobs)
	}
	at.phase = noop
	for range c.noops {
		c.phase(ctx, a, at, p, jobs)
	}
	if !k.Still {
		if err := a.change(k); err != nil {
			return err
		}
		at.phase = changed
		c.phase(ctx, a, at, p, jobs)
	}
	return a.forget(jobs)
}

// jobs are one for each mailbox, each to a target that nobody used.
func (c *campaign) jobs(a *arena, k corpus, p program, w *way) ([]job, error) {
	c.serial++
	jobs := make([]job, k.Mailboxes)
	for n := range jobs {
		jobs[n] = job{from: w.from, fromUser: k.user(n), to: w.to, toUser: fmt.Sprintf("to%04d-%02d", c.serial, n), targetConfig: a.target.config,
			dir: filepath.Join(a.dir, "programs", fmt.Sprintf("%s-%04d-%02d", p.name, c.serial, n)), caFile: a.authority}
		if err := os.MkdirAll(jobs[n].dir, 0o700); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// phase runs a program for each mailbox, several at once, and looks at what
// the first of them made.
func (c *campaign) phase(ctx context.Context, a *arena, at place, p program, jobs []job) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("stopped after %s", c.limit))
	defer cancel()
	r := result{place: at, program: p.name}
	r.measured = c.together(ctx, p, at, jobs)
	r.kept = sizeOf(jobs[0].dir)
	if r.Err == nil && at.phase != noop {
		r.verdict = a.verdict(jobs[0])
	}
	c.results = append(c.results, r)
	fmt.Fprintf(c.log, "%-7s %-5s %-5s %-12s %-13s %7.2f s  cpu %6.2f s  %5.0f MiB  %s", at.corpus, at.rtt, at.variant, at.phase, p.name,
		r.Wall.Seconds(), r.CPU.Seconds(), r.PeakMiB, r.verdict)
	if r.Err != nil {
		fmt.Fprintf(c.log, "  failed: %v", r.Err)
	}
	fmt.Fprintln(c.log)
	return r.Err == nil
}

func (c *campaign) together(ctx context.Context, p program, at place, jobs []job) measured {
	var mu sync.Mutex
	var sum measured
	begin := clock.Monotonic()
	todo := make(chan job)
	var wg sync.WaitGroup
	for range min(c.parallel, len(jobs)) {
		wg.Go(func() {
			for j := range todo {
				j.label = label(at, j)
				m := one(ctx, p, j)
				mu.Lock()
				sum.CPU += m.CPU
				sum.PeakMiB = max(sum.PeakMiB, m.PeakMiB)
				sum.Err = errors.Join(sum.Err, m.Err)
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		todo <- j
	}
	close(todo)
	wg.Wait()
	sum.Wall = clock.Monotonic().Sub(begin)
	return sum
}

func one(ctx context.Context, p program, j job) measured {
	cmd, err := p.command(j)
	if err != nil {
		return measured{Err: err}
	}
	return measure(ctx, cmd)
}

// label names a run in file names; no-op runs of a cycle share theirs.
func label(at place, j job) string {
	text := strings.Join([]string{at.corpus, at.rtt.String(), at.variant.String(), at.phase, j.toUser}, "-")
	return strings.NewReplacer(" %", "", " ", "-", "--", "-").Replace(text)
}

// sizeOf adds up the files under a directory, in MiB.
func sizeOf(dir string) float64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return float64(sum) / (1 << 20)
}
