package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bascule/internal/safetext"
	"bascule/internal/view"
	"bascule/observe"
	"bascule/planner"
	"bascule/state"
	"bascule/state/local"
)

func (c *cli) cmdGate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "gate", Short: "Look at the gates, hold the migration, release it",
		Long: `A gate is what a step waits for: the window, the TTL that is really served,
the evidence, the soak and the silence after the cutover. hold closes them all
by hand; nothing but mailbox passes goes on until release.`,
		Example: `  bascule gate list
  bascule gate check window && echo open
  bascule gate hold --reason "the director is travelling"
  bascule gate release`,
	}
	var src sources
	var reason string
	list := &cobra.Command{Use: "list", Short: "List the gates and why they are open or not", Args: cobra.NoArgs, Example: "  bascule gate list",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.gateList(cmd.Context(), src) }}
	check := &cobra.Command{Use: "check NAME", Short: "Exit 0 only when the gate is open", Args: cobra.ExactArgs(1),
		Long: "check says whether a gate is open now. The name of a phase checks all its gates.\n\n" + exitCodes(map[int]string{
			exitOK: "open", exitPaused: "closed until a known time", exitPerson: "waits for a person, or for something that has no date",
			exitEvidence: "its evidence failed",
		}, exitOK, exitFailure, exitPaused, exitPerson, exitEvidence),
		Example: "  bascule gate check window && echo open\n  bascule gate check cutover",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.gateCheck(cmd.Context(), src, args[0]) }}
	hold := &cobra.Command{Use: "hold", Short: "Close every gate until somebody releases it", Args: cobra.NoArgs,
		Example: "  bascule gate hold --reason \"the director is travelling\"",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.gateHold(cmd.Context(), reason) }}
	release := &cobra.Command{Use: "release", Short: "Take the hold away", Args: cobra.NoArgs, Example: "  bascule gate release",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.gateRelease(cmd.Context()) }}
	addSources(list, &src)
	addSources(check, &src)
	hold.Flags().StringVar(&reason, "reason", "", "say why")
	cmd.AddCommand(list, check, hold, release)
	return cmd
}

func (c *cli) gateList(ctx context.Context, src sources) error {
	p, err := c.gates(ctx, src)
	if err != nil {
		return err
	}
	return view.Gates(c.Stdout, p, c.style())
}

func (c *cli) gates(ctx context.Context, src sources) (*planner.Plan, error) {
	a, err := c.open(src)
	if err != nil {
		return nil, err
	}
	p, _, err := a.makePlan(ctx, false, observe.Needed)
	return p, err
}

func (c *cli) gateCheck(ctx context.Context, src sources, name string) error {
	p, err := c.gates(ctx, src)
	if err != nil {
		return err
	}
	found, code := false, exitOK
	for _, g := range p.Gates {
		if g.ID != name && g.Kind != name && g.Phase.String() != name {
			continue
		}
		found = true
		fmt.Fprintf(c.Stdout, "%s: %s: %s\n", g.ID, g.Status, g.Because)
		for _, item := range g.Items {
			fmt.Fprintf(c.Stdout, "  %s\n", safetext.Line(item))
		}
		code = max(code, gateCode(g))
	}
	if !found {
		return fmt.Errorf("no gate is called %q now; there are %s", name, strings.Join(gateNames(p), ", "))
	}
	return exit(code)
}

func gateNames(p *planner.Plan) []string {
	var names []string
	for _, g := range p.Gates {
		names = append(names, g.ID)
	}
	return names
}

// gateCode is strict: only an open gate passes.
func gateCode(g planner.Gate) int {
	switch {
	case g.Status == planner.Open:
		return exitOK
	case g.Status == planner.GateFailed:
		return exitEvidence
	case g.Status == planner.Closed && !g.OpensAt.IsZero():
		return exitPaused
	default:
		return exitPerson
	}
}

func (c *cli) gateHold(ctx context.Context, reason string) error {
	return c.changeState(ctx, "gate hold", func(st *state.State, now time.Time) (string, error) {
		if st.Hold != nil {
			return "Held already, by " + st.Hold.By + " since " + st.Hold.Since.Format(time.RFC3339) + ".", nil
		}
		st.Hold = &state.Hold{Since: now, By: c.Who, Reason: reason}
		st.AddEvent(now, "held", planner.Root, reason)
		return "Held: nothing but the mailbox passes goes on until bascule gate release.", nil
	})
}

func (c *cli) gateRelease(ctx context.Context) error {
	return c.changeState(ctx, "gate release", func(st *state.State, now time.Time) (string, error) {
		if st.Hold == nil {
			return "Nobody holds the migration.", nil
		}
		st.Hold = nil
		st.AddEvent(now, "released", planner.Root, "by "+c.Who)
		return "Released. Next: bascule plan.", nil
	})
}

// changeState applies a change that raises no revision.
func (c *cli) changeState(ctx context.Context, operation string, f func(*state.State, time.Time) (string, error)) error {
	return c.locked(ctx, operation, func(ctx context.Context, store *local.Store) error {
		st, err := store.Load(ctx)
		if errors.Is(err, state.ErrNoState) {
			return errNoState()
		}
		if err != nil {
			return err
		}
		text, err := f(st, c.Clock.Now())
		if err != nil {
			return err
		}
		if err := store.Save(ctx, st); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.Stdout, text)
		return err
	})
}
