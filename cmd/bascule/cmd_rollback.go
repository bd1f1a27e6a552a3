package main

import (
	"context"

	"github.com/spf13/cobra"

	"bascule/internal/view"
	"bascule/observe"
	"bascule/planner"
)

func (c *cli) cmdRollback() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use: "rollback [PLAN]", Short: "Lead the MX back to the old side", Args: cobra.MaximumNArgs(1),
		Long: `rollback holds the migration, makes sure that the old MX still accepts every
address, then leads the MX back: old added, observed on every authoritative
server, new removed. Nothing is deleted on either side, and the sync goes on
adding only. Mail that arrived on the new side meanwhile stays there, and is
named by verify.

Without a saved plan it shows the way back and asks for "yes".

` + exitCodes(map[int]string{exitOK: "the old side receives again"}, exitOK, exitFailure, exitConflict, exitLocked, exitInterrupted),
		Example: "  bascule rollback\n  bascule plan --rollback --out back.json && bascule rollback back.json",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.rollback(cmd.Context(), f, args) },
	}
	addSources(cmd, &f.src)
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().StringVar(&f.lockTimeout, "lock-timeout", "", "wait up to `DURATION` for the state lock")
	cmd.Flags().StringVar(&f.result, "result", "", "write what it came to as JSON to `FILE`")
	return cmd
}

func (c *cli) rollback(ctx context.Context, f applyFlags, args []string) error {
	l, err := f.bounds()
	if err != nil {
		return err
	}
	a, err := c.open(f.src)
	if err != nil {
		return err
	}
	if err := a.initialised(ctx); err != nil {
		return err
	}
	p, err := a.wayBack(ctx, f, args)
	if err != nil {
		return err
	}
	return a.run(ctx, f, l, p, planner.Rollback)
}

// wayBack returns the rollback plan that was reviewed, or confirmed just now.
func (a *app) wayBack(ctx context.Context, f applyFlags, args []string) (*planner.Plan, error) {
	if len(args) == 1 {
		return a.loadPlan(args[0])
	}
	p, _, err := a.makePlan(ctx, true, observe.Needed)
	if err != nil || f.autoApprove {
		return p, err
	}
	if err := view.Plan(a.Stdout, p, a.style()); err != nil {
		return nil, err
	}
	return p, a.confirm("Do you want to lead the MX back?")
}
