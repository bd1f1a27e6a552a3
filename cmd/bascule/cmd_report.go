package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bascule/internal/safetext"
	"bascule/mailsync"
	"bascule/mailsync/export"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

func (c *cli) cmdReport() *cobra.Command {
	var src sources
	var refused string
	own := map[int]string{exitOK: "everything asked for is there", exitPartial: "a message or a mailbox could not be read; the rest is there"}
	cmd := &cobra.Command{
		Use: "report --refused DIR", Short: "Save the messages that the target refused", Args: cobra.NoArgs,
		Long: `report --refused saves every message that the target refused as an .eml file,
in a directory for each mailbox, with an index: folder, UID, date, size, digest
and the target's own words. The octets are those of the source, which is opened
read-only, compared with the digest in the ledger.

The files are mail: only you can read them, and a directory that others may
read is refused. Running it again fetches only what is not there. The state is
not locked; nothing is changed but the directory.

` + exitCodes(own, exitOK, exitFailure, exitPartial, exitInterrupted),
		Example: "  bascule report --refused refused",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if refused == "" {
				return hint(errors.New("nothing to write was named"), "Give --refused DIR, to save what the target refused.")
			}
			return c.saveRefused(cmd.Context(), src, refused)
		},
	}
	addSources(cmd, &src)
	cmd.Flags().StringVar(&refused, "refused", "", "save what the target refused in `DIR`")
	return cmd
}

// saveRefused exports the refused messages of every mailbox that has any.
func (c *cli) saveRefused(ctx context.Context, src sources, dir string) error {
	a, err := c.open(src)
	if err != nil {
		return err
	}
	st, exists, err := loadState(ctx, a.store, c)
	if err == nil && !exists {
		err = errNoState()
	}
	if err != nil {
		return err
	}
	if dir, err = c.absolute(dir); err != nil {
		return err
	}
	ctx, stop, end := a.interruptible(ctx, 0)
	defer end()
	ctx, cancel := until(ctx, stop)
	defer cancel()
	saved, troubled := 0, false
	for _, m := range a.desired.Mailboxes {
		index, err := a.saveRefusedOf(ctx, st, m, filepath.Join(dir, strings.TrimSuffix(planner.SheetName(m.Email), ".txt")))
		if ctx.Err() != nil {
			c.note("Interrupted. The same command goes on where this one stopped.")
			return exit(exitInterrupted)
		}
		if err != nil {
			c.fail(fmt.Errorf("%s: %w", m.Address, exportHint(err)))
		}
		troubled = troubled || err != nil || index.Problems() > 0
		saved += len(index.Messages)
		listed(a.Stdout, string(m.Address), refusedLines(index.Messages))
	}
	if saved == 0 && !troubled {
		_, err := fmt.Fprintln(a.Stdout, "No message was refused.")
		return err
	}
	fmt.Fprintf(a.Stdout, "%s, in %s (index.txt lists them).\n", count(saved, "refused message"), safetext.Line(dir))
	if troubled {
		return exit(exitPartial)
	}
	return nil
}

// saveRefusedOf leaves mailboxes alone of which nothing was refused.
func (a *app) saveRefusedOf(ctx context.Context, st *state.State, m migration.Mailbox, dir string) (export.Index, error) {
	if _, err := os.Stat(filepath.Join(a.ledgers(), LedgerName(m.Address))); err != nil {
		return export.Index{}, nil // no pass yet
	}
	l, err := a.openLedger(ctx, m.Address)
	if err != nil {
		return export.Index{}, err
	}
	defer l.Close()
	list, err := export.List(ctx, l)
	if err != nil || len(list) == 0 {
		return export.Index{}, err
	}
	return export.Refused(ctx, export.Options{Dir: dir, Ledger: l, Mailbox: m.Email, Now: a.Clock.Now(),
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return a.sourceOf(ctx, st, m) }})
}

// sourceOf opens the source of a mailbox, whose identity was pinned.
func (a *app) sourceOf(ctx context.Context, st *state.State, m migration.Mailbox) (mailsync.Source, error) {
	var pin *state.Pin
	if o := st.Objects[m.Address]; o != nil && o.Mailbox != nil {
		pin = o.Mailbox.Source
	}
	for _, s := range a.desired.Sources {
		if s.Address == m.Source.Server {
			return a.openSource(ctx, s, m, pin)
		}
	}
	return nil, fmt.Errorf("%s is not declared", m.Source.Server)
}

// exportHint adds the next move.
func exportHint(err error) error {
	if errors.Is(err, export.ErrReadable) {
		return hint(err, "What is saved is mail: run chmod 700 on the directory, or name one that does not exist yet.")
	}
	return err
}
