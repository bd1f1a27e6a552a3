package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"bascule/internal/clock"
)

// campaign is a number of programs, each doing the same to the same servers.
type campaign struct {
	dir      string
	corpora  []corpus
	programs []program
	rtts     []time.Duration
	runs     int
	noops    int
	parallel int
	limit    time.Duration
	fsync    bool
	log      io.Writer

	source, target *dovecot
	serial         int
	generation     map[string]int
	results        []result
}

// result is one phase of one program.
type result struct {
	corpus, program, phase string
	rtt                    time.Duration
	measured
	verdict string
}

// The phases of a cycle.
const (
	initial = "initial"
	noop    = "no-op"
	changed = "1 % changed"
)

func (c *campaign) run(ctx context.Context) error {
	var err error
	if c.source, err = startDovecot(ctx, filepath.Join(c.dir, "source"), c.fsync); err != nil {
		return err
	}
	defer c.source.stop()
	if c.target, err = startDovecot(ctx, filepath.Join(c.dir, "target"), c.fsync); err != nil {
		return err
	}
	defer c.target.stop()
	for _, k := range c.corpora {
		if err := c.corpus(ctx, k); err != nil {
			return fmt.Errorf("corpus %s: %w", k.Name, err)
		}
	}
	return nil
}

func sourceUser(k corpus, mailbox int) string { return fmt.Sprintf("%s%02d", k.Name, mailbox) }

func (c *campaign) corpus(ctx context.Context, k corpus) error {
	for n := range k.Mailboxes {
		if err := k.load(c.source.addr, sourceUser(k, n), n); err != nil {
			return err
		}
	}
	for _, rtt := range c.rtts {
		from, to, end, err := c.links(rtt)
		if err != nil {
			return err
		}
		// Programs take turns, so that what else runs here disturbs all alike.
		for range c.runs {
			for _, p := range c.programs {
				if err := c.cycle(ctx, k, p, rtt, from, to); err != nil {
					end()
					return fmt.Errorf("%s: %w", p.name, err)
				}
			}
		}
		end()
	}
	return nil
}

// links are the addresses programs are given.
func (c *campaign) links(rtt time.Duration) (from, to string, end func(), err error) {
	if rtt == 0 {
		return c.source.addr, c.target.addr, func() {}, nil
	}
	a, err := newLink(c.source.addr, rtt)
	if err != nil {
		return "", "", nil, err
	}
	b, err := newLink(c.target.addr, rtt)
	if err != nil {
		a.Close()
		return "", "", nil, err
	}
	return a.addr(), b.addr(), func() { a.Close(); b.Close() }, nil
}

// cycle is everything one program does to one corpus.
func (c *campaign) cycle(ctx context.Context, k corpus, p program, rtt time.Duration, from, to string) error {
	c.serial++
	jobs := make([]job, k.Mailboxes)
	for n := range jobs {
		jobs[n] = job{from: from, fromUser: sourceUser(k, n), to: to, toUser: fmt.Sprintf("to%04d-%02d", c.serial, n), targetConfig: c.target.config,
			dir: filepath.Join(c.dir, "programs", fmt.Sprintf("%s-%04d-%02d", p.name, c.serial, n))}
		if err := os.MkdirAll(jobs[n].dir, 0o700); err != nil {
			return err
		}
	}
	if !c.phase(ctx, k, p, rtt, initial, jobs) || p.once {
		return c.clean(jobs)
	}
	for range c.noops {
		c.phase(ctx, k, p, rtt, noop, jobs)
	}
	if !k.Still {
		c.generation[k.Name]++
		if err := k.change(c.source.addr, jobs[0].fromUser, 0, c.generation[k.Name]); err != nil {
			return fmt.Errorf("change the source: %w", err)
		}
		c.phase(ctx, k, p, rtt, changed, jobs)
	}
	return c.clean(jobs)
}

// clean removes what the target stored: a campaign would fill a small disk.
func (c *campaign) clean(jobs []job) error {
	var err error
	for _, j := range jobs {
		err = errors.Join(err, os.RemoveAll(filepath.Join(filepath.Dir(c.target.config), "mail", j.toUser)))
	}
	return err
}

// phase runs a program for each mailbox, several at once, and looks at what
// the first of them made.
func (c *campaign) phase(ctx context.Context, k corpus, p program, rtt time.Duration, name string, jobs []job) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("stopped after %s", c.limit))
	defer cancel()
	r := result{corpus: k.Name, program: p.name, phase: name, rtt: rtt}
	r.measured = c.together(ctx, p, jobs)
	if r.Err == nil && name != noop {
		r.verdict = c.verdict(jobs[0])
	}
	c.results = append(c.results, r)
	fmt.Fprintf(c.log, "%-4s %-6s %-12s %-13s %7.2f s  cpu %6.2f s  %5.0f MiB  %s", k.Name, rtt, name, p.name, r.Wall.Seconds(), r.CPU.Seconds(), r.PeakMiB, r.verdict)
	if r.Err != nil {
		fmt.Fprintf(c.log, "  failed: %v", r.Err)
	}
	fmt.Fprintln(c.log)
	return r.Err == nil
}

func (c *campaign) together(ctx context.Context, p program, jobs []job) measured {
	var mu sync.Mutex
	var sum measured
	begin := clock.Monotonic()
	todo := make(chan job)
	var wg sync.WaitGroup
	for range min(c.parallel, len(jobs)) {
		wg.Go(func() {
			for j := range todo {
				m := c.one(ctx, p, j)
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

func (c *campaign) one(ctx context.Context, p program, j job) measured {
	cmd, err := p.command(j)
	if err != nil {
		return measured{Err: err}
	}
	return measure(ctx, cmd)
}

func (c *campaign) verdict(j job) string {
	source, err := holdingsOf(c.source.addr, j.fromUser)
	if err != nil {
		return err.Error()
	}
	target, err := holdingsOf(c.target.addr, j.toUser)
	if err != nil {
		return err.Error()
	}
	return compare(source, target)
}
