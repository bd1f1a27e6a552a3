package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// campaign is a number of stages, one after the other.
type campaign struct {
	stages   []stage
	corpora  map[string]corpus
	programs []program
	cycles   int
	noops    int
	parallel int
	limit    time.Duration
	// memory and disk are where stages live, without fsync and with it.
	memory, disk string
	log          io.Writer

	serial  int
	results []result
}

// result is one phase of one program.
type result struct {
	place
	program string
	measured
	// kept is what the program remembers of the mailbox, in MiB on disk.
	kept    float64
	verdict string
}

// place is what results are compared within.
type place struct {
	variant
	corpus string
	rtt    time.Duration
	phase  string
}

// The phases of a cycle.
const (
	initial = "initial"
	noop    = "no-op"
	changed = "1 % changed"
)

func (c *campaign) run(ctx context.Context) error {
	for _, s := range c.stages {
		if err := c.stage(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// stage has servers of its own, and leaves nothing.
func (c *campaign) stage(ctx context.Context, s stage) error {
	at := c.memory
	if s.Fsync {
		at = c.disk
	}
	dir, err := os.MkdirTemp(at, "bascule-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // Dovecot's processes are somebody else's
		return err
	}
	a, err := newArena(ctx, dir, s.variant)
	if err != nil {
		return err
	}
	defer a.close()
	for _, name := range s.corpora {
		if err := c.corpus(ctx, a, s, c.corpora[name]); err != nil {
			return fmt.Errorf("corpus %s: %w", name, err)
		}
	}
	return nil
}

func (c *campaign) corpus(ctx context.Context, a *arena, s stage, k corpus) error {
	if err := a.load(k); err != nil {
		return err
	}
	for _, rtt := range s.rtts {
		w, err := a.way(rtt)
		if err != nil {
			return err
		}
		err = c.turns(ctx, a, s, k, w)
		w.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
