package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bascule/config"
	"bascule/internal/atomicfile"
	"bascule/state"
)

func (c *cli) cmdInit() *cobra.Command {
	var src sources
	cmd := &cobra.Command{
		Use: "init", Short: "Begin a migration: a configuration to fill in, or the state", Args: cobra.NoArgs,
		Long: `In a directory without configuration, init writes a commented main.hcl to
fill in. Beside a configuration it checks it and creates the state, once: its
lineage tells this migration from every other. Running it again changes
nothing.`,
		Example: "  mkdir example.ch && cd example.ch && bascule init\n  $EDITOR main.hcl && bascule init && bascule plan",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !c.configured() {
				return c.writeSkeleton()
			}
			return c.initState(cmd.Context(), src)
		},
	}
	addSources(cmd, &src)
	return cmd
}

func (c *cli) configured() bool {
	files, err := filepath.Glob(filepath.Join(c.workdir(), "*.hcl"))
	return err == nil && len(files) > 0
}

func (c *cli) writeSkeleton() error {
	if err := os.MkdirAll(c.workdir(), 0o755); err != nil {
		return err
	}
	path := filepath.Join(c.workdir(), "main.hcl")
	if err := atomicfile.Write(path, config.Skeleton(), 0o644); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.Stdout, "Wrote main.hcl. Next: fill it in, then bascule init again, then bascule plan.\n")
	return err
}

func (c *cli) initState(ctx context.Context, src sources) error {
	a, err := c.open(src)
	if err != nil {
		return err
	}
	st, exists, err := loadState(ctx, a.store, c)
	if err != nil {
		return err
	}
	if exists {
		_, err := fmt.Fprintf(c.Stdout, "Already initialised: lineage %s, serial %d. Next: bascule plan.\n", st.Lineage, st.Serial)
		return err
	}
	if err := a.createState(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "Initialised: %s. Next: bascule plan.\n", filepath.Base(a.store.Path()))
	return err
}

// createState writes the first state of a new lineage.
func (a *app) createState(ctx context.Context) error {
	locked, unlock, err := a.store.Lock(ctx, a.holder("init"))
	if err != nil {
		return a.lockError(err)
	}
	defer func() { _ = unlock() }()
	if _, err := a.store.Load(locked); !errors.Is(err, state.ErrNoState) {
		return err
	}
	lineage, err := newLineage(a.Rand)
	if err != nil {
		return err
	}
	return a.store.Save(locked, state.New(lineage, "bascule "+version, a.Clock.Now()))
}

// newLineage draws 128 random bits.
func newLineage(random io.Reader) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}

// holder is this run, as the lock names it.
func (c *cli) holder(operation string) state.Holder {
	return state.Holder{Who: c.Who, Host: c.Host, PID: c.PID, Operation: operation, Since: c.Clock.Now()}
}

// lockError turns a held lock into exit 8 with the next move.
func (c *cli) lockError(err error) error {
	var held *state.LockedError
	if errors.As(err, &held) {
		return &exitError{exitLocked, err}
	}
	return err
}
