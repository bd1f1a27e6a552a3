package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"bascule/config"
	"bascule/internal/view"
	"bascule/migration"
	"bascule/state/local"
)

// stateOnly opens the state without needing a valid configuration: what it
// says of the backend is used when it can be read.
func (c *cli) stateOnly() *local.Store {
	if !c.configured() {
		return c.stateStore(nil)
	}
	cfg, diags := config.Load(os.DirFS(c.workdir()), config.Options{Catalog: c.Catalog, Env: c.Env, ReadVarFile: c.readVarFile})
	if diags.HasErrors() {
		return c.stateStore(nil)
	}
	c.localise(cfg)
	return c.stateStore(cfg)
}

func (c *cli) cmdState() *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "Look at the state, and mend it",
		Long: `The state (bascule.state.json) says what has been done. Earlier versions are
kept beside it, in .bascule/history. Only restore and unlock write.`,
		Example: `  bascule state list
  bascule state show 'mailbox.team["alice"]'
  bascule state restore 41`,
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the objects and where they stand", Args: cobra.NoArgs, Example: "  bascule state list", RunE: c.stateList},
		&cobra.Command{Use: "show ADDRESS", Short: "Show all that is known of one object", Args: cobra.ExactArgs(1), Example: "  bascule state show 'mailbox.team[\"alice\"]'", RunE: c.stateShow},
		&cobra.Command{Use: "history", Short: "List the versions kept, and the runs that led through them", Args: cobra.NoArgs, Example: "  bascule state history", RunE: c.stateHistory},
		&cobra.Command{Use: "restore SERIAL", Short: "Make an earlier version the present one, under a new serial", Args: cobra.ExactArgs(1), Example: "  bascule state history\n  bascule state restore 41", RunE: c.stateRestore},
		&cobra.Command{Use: "unlock ID", Short: "Remove a lock whose holder is certainly dead", Args: cobra.ExactArgs(1), Example: "  bascule state unlock 3f2a…", RunE: c.stateUnlock},
	)
	return cmd
}

func (c *cli) stateList(cmd *cobra.Command, _ []string) error {
	st, err := c.stateOnly().Load(cmd.Context())
	if err != nil {
		return err
	}
	return view.StateList(c.Stdout, st, c.style())
}

func (c *cli) stateShow(cmd *cobra.Command, args []string) error {
	st, err := c.stateOnly().Load(cmd.Context())
	if err != nil {
		return err
	}
	a := migration.Address(args[0])
	if _, ok := st.Objects[a]; !ok {
		return hint(fmt.Errorf("the state knows nothing of %s", a), "bascule state list shows what it knows.")
	}
	return view.StateShow(c.Stdout, st, a, c.style())
}

func (c *cli) stateHistory(cmd *cobra.Command, _ []string) error {
	store := c.stateOnly()
	versions, err := store.History(cmd.Context())
	if err != nil {
		return err
	}
	if err := view.History(c.Stdout, versions, c.style()); err != nil {
		return err
	}
	// The runs are told by the present state, which may be the very thing
	// that is broken: then the versions are enough.
	st, err := store.Load(cmd.Context())
	if err != nil || len(st.Executions) == 0 {
		return nil
	}
	fmt.Fprintln(c.Stdout)
	return view.Executions(c.Stdout, st.Executions, c.style())
}

func (c *cli) stateRestore(cmd *cobra.Command, args []string) error {
	serial, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return hint(fmt.Errorf("%q is not a serial", args[0]), "bascule state history lists them.")
	}
	return c.locked(cmd.Context(), "state restore", func(ctx context.Context, store *local.Store) error {
		st, err := store.Restore(ctx, serial)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.Stdout, "Serial %d is the present state again, as serial %d. Plans made before are stale.\n", serial, st.Serial)
		return err
	})
}

// locked runs f under the state lock.
func (c *cli) locked(ctx context.Context, operation string, f func(context.Context, *local.Store) error) error {
	store := c.stateOnly()
	held, unlock, err := store.Lock(ctx, c.holder(operation))
	if err != nil {
		return c.lockError(err)
	}
	defer func() { _ = unlock() }()
	return f(held, store)
}

func (c *cli) stateUnlock(cmd *cobra.Command, args []string) error {
	if err := c.stateOnly().Break(cmd.Context(), args[0]); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.Stdout, "Unlocked. The holder, if it lives, writes nothing more.")
	return err
}
