package main

import (
	"github.com/spf13/cobra"

	"bascule/internal/view"
)

func (c *cli) cmdShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [PLAN]", Short: "Show a saved plan, or the state", Args: cobra.MaximumNArgs(1),
		Long: `show renders a plan that was saved, as plan did when it was made; one that was
edited by hand since is refused (exit 5). Without a plan it lists the state.`,
		Example: "  bascule show plan.json\n  bascule show --json plan.json\n  bascule show",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.showPlan(args[0], asJSON)
			}
			st, _, err := loadState(cmd.Context(), c.stateOnly(), c)
			if err != nil {
				return err
			}
			if asJSON {
				return c.printJSON(st)
			}
			return view.StateList(c.Stdout, st, c.style())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (c *cli) showPlan(name string, asJSON bool) error {
	_ = c.stateOnly() // for the time zone of the configuration, if there is one
	p, err := c.loadPlan(name)
	if err != nil {
		return err
	}
	if err := p.Verify(); err != nil {
		return &exitError{exitConflict, err}
	}
	return c.printPlan(p, asJSON)
}
