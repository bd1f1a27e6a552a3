package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bascule/executor"
	"bascule/internal/view"
	"bascule/observe"
	"bascule/planner"
	"bascule/state"
)

func (c *cli) cmdVerify() *cobra.Command {
	var src sources
	var depth string
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare both sides and ask the new MX, now", Args: cobra.NoArgs,
		Long: `verify compares every mailbox, message by message, asks the new MX about every
address, and looks at SPF and DKIM. The results are kept as evidence in the
state. It needs the ledgers of earlier passes, and writes nothing on any
server.

` + exitCodes(map[int]string{exitOK: "no difference", exitChanges: "a difference, or something could not be found out",
			exitPartial: "some mailboxes could not be compared"}, exitOK, exitFailure, exitChanges, exitLocked, exitPartial, exitInterrupted),
		Example: "  bascule verify\n  bascule verify --depth quick",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if depth != "quick" && depth != "full" {
				return fmt.Errorf("--depth is quick or full, not %q", depth)
			}
			return c.verify(cmd.Context(), src, depth)
		},
	}
	addSources(cmd, &src)
	cmd.Flags().StringVar(&depth, "depth", "full", "`DEPTH`: quick leaves out the octets")
	return cmd
}

func (c *cli) verify(ctx context.Context, src sources, depth string) error {
	a, err := c.open(src)
	if err != nil {
		return err
	}
	ctx, stop, end := a.interruptible(ctx, 0)
	defer end()
	reporter := a.reporter(false)
	e := &executor.Executor{World: a.world(), Report: reporter, Holder: a.holder("verify"), Stop: stop}
	r := e.Verify(ctx, depth)
	reporter.close()
	a.showFindings(r)
	a.show(a.explain(r.Failures))
	if r.ExitCode == executor.ExitError || r.ExitCode == executor.ExitLocked || r.ExitCode == executor.ExitInterrupted {
		return exit(r.ExitCode)
	}
	findings := view.Findings(r.State)
	if err := view.Verify(c.Stdout, findings, c.style()); err != nil {
		return err
	}
	if len(r.Failed) > 0 {
		return exit(exitPartial)
	}
	for _, f := range findings {
		if f.Evidence.Verdict != state.Passed {
			return exit(exitChanges)
		}
	}
	return nil
}

func (c *cli) cmdDrift() *cobra.Command {
	var src sources
	cmd := &cobra.Command{
		Use: "drift", Short: "Say what is not as the present phase wants it", Args: cobra.NoArgs,
		Long: `drift looks at both sides and at the DNS, and shows what is not as the steps
that were done left it, or as the configuration asserts it: records edited by
hand, aliases that are gone, an MX that somebody moved.

` + exitCodes(map[int]string{exitOK: "no difference", exitChanges: "a difference"}, exitOK, exitFailure, exitChanges),
		Example: "  bascule drift\n  bascule drift || notify-somebody",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(src)
			if err != nil {
				return err
			}
			in, err := a.input(cmd.Context(), observe.Needed)
			if err != nil {
				return err
			}
			p, _ := planner.Make(in)
			if err := view.Drift(c.Stdout, p, c.style()); err != nil {
				return err
			}
			if len(p.Drift) > 0 {
				return exit(exitChanges)
			}
			return nil
		},
	}
	addSources(cmd, &src)
	return cmd
}
