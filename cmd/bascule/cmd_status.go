package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bascule/internal/view"
	"bascule/planner"
	"bascule/state"
)

func (c *cli) cmdStatus() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use: "status", Short: "Say where the migration stands; reads the state only", Args: cobra.NoArgs,
		Long: `status says of each phase where it stands, what comes next and when, how old
the last tick is, and what a rollback would cost; of each mailbox how far its
target is behind, and until when it is paused. It contacts nobody and needs no
lock, so it can be asked as often as one likes.

With --watch it shows that again and again until Ctrl-C: every second on a
terminal, elsewhere whenever the state has changed.`,
		Example: "  bascule status\n  bascule status --watch\n  bascule status --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.watch {
				return c.statusWatch(cmd.Context(), f)
			}
			_, err := c.status(cmd.Context(), f, 0)
			return err
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "go on showing it, until Ctrl-C")
	return cmd
}

type statusFlags struct{ json, watch bool }

// statusEvery is how often a watched state is read.
const statusEvery = time.Second

// statusWatch shows the status until the first Ctrl-C.
func (c *cli) statusWatch(ctx context.Context, f statusFlags) error {
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	for shown := uint64(0); ; {
		var err error
		if shown, err = c.status(ctx, f, shown); err != nil {
			return err
		}
		select {
		case <-c.Signals:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// status shows the state unless it is the one that was shown, and returns its
// serial. Where the picture is redrawn it is shown always: ages grow.
func (c *cli) status(ctx context.Context, f statusFlags, shown uint64) (serial uint64, err error) {
	st, exists, err := loadState(ctx, c.stateOnly(), c)
	if err != nil {
		return 0, err
	}
	style := c.style()
	if shown != 0 && st.Serial == shown && (f.json || !style.Live) {
		return shown, nil
	}
	if f.watch && !f.json && (style.Live || shown != 0) {
		if err := view.Clear(c.Stdout, style); err != nil {
			return 0, err
		}
	}
	if !exists && !f.json && !c.configured() {
		_, err := fmt.Fprintln(c.Stdout, "Nothing done yet, and there is no configuration here. Next: bascule init writes one to fill in.")
		return 0, err
	}
	in := view.StatusInput{}
	if exists {
		in.State = st
		in.Plan, in.Rollback = lastPlan(st), "not needed yet: the MX has not moved"
		if st.Last != nil && st.Last.Rollback != "" {
			in.Rollback = st.Last.Rollback
		}
	}
	if f.json {
		doc := map[string]any{"state": in.State, "plan": in.Plan, "rollback": in.Rollback}
		if exists {
			doc["lag"] = view.Lags(st, c.Clock.Now())
		}
		return st.Serial, c.printJSON(doc)
	}
	return st.Serial, view.Status(c.Stdout, in, style)
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
