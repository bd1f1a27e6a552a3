package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"bascule/internal/view"
	"bascule/planner"
	"bascule/state"
)

func (c *cli) cmdStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Say where the migration stands; reads the state only", Args: cobra.NoArgs,
		Long: `status says of each phase where it stands, what comes next and when, how old
the last tick is, and what a rollback would cost. It contacts nobody and needs
no lock, so it can be asked as often as one likes.`,
		Example: "  bascule status\n  bascule status --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.status(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (c *cli) status(ctx context.Context, asJSON bool) error {
	st, exists, err := loadState(ctx, c.stateOnly(), c)
	if err != nil {
		return err
	}
	if !exists && !asJSON && !c.configured() {
		_, err := fmt.Fprintln(c.Stdout, "Nothing done yet, and there is no configuration here. Next: bascule init writes one to fill in.")
		return err
	}
	in := view.StatusInput{}
	if exists {
		in.State = st
		in.Plan, in.Rollback = lastPlan(st), "not needed yet: the MX has not moved"
		if st.Last != nil && st.Last.Rollback != "" {
			in.Rollback = st.Last.Rollback
		}
	}
	if asJSON {
		return c.printJSON(map[string]any{"state": in.State, "plan": in.Plan, "rollback": in.Rollback})
	}
	return view.Status(c.Stdout, in, c.style())
}

// lastPlan is the plan that the last tick left, nil before the first.
func lastPlan(st *state.State) *planner.Plan {
	if st.Last == nil {
		return nil
	}
	var p planner.Plan
	if json.Unmarshal(st.Last.Plan, &p) != nil {
		return nil
	}
	return &p
}
