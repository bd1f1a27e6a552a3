package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bascule/internal/atomicfile"
	"bascule/internal/diag"
	"bascule/internal/view"
	"bascule/observe"
	"bascule/planner"
	"bascule/state"
)

type planFlags struct {
	src      sources
	out      string
	detailed bool
	json     bool
	rollback bool
}

func (c *cli) cmdPlan() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "plan", Short: "Show everything until the old side is closed; writes nothing", Args: cobra.NoArgs,
		Long: `plan looks at both sides and at the DNS, and shows every step until the old
side is closed: what is irreversible, what would be done now, what waits for
which gate and when that opens, and what is not as it should be. It writes
nothing anywhere, but for --out.

A saved plan is JSON, to be kept beside the configuration and reviewed like
it. It needs a state: bascule init.

` + exitCodes(map[int]string{
			exitOK: "there is a plan", exitChanges: "the same, and something to do (with --detailed-exitcode)",
			exitConflict: "conflict with what is there: nothing would be done", exitPartial: "the plan is incomplete: something could not be looked at",
		}, exitOK, exitFailure, exitChanges, exitConflict, exitPartial),
		Example: `  bascule plan
  bascule plan --out plan.json && bascule apply plan.json
  bascule plan --detailed-exitcode   # 2 when there is something to do
  bascule plan --rollback            # the way back of the MX`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.plan(cmd.Context(), f) },
	}
	addSources(cmd, &f.src)
	cmd.Flags().StringVar(&f.out, "out", "", "save the plan to `FILE`, to be reviewed and applied")
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "exit 2 when there are changes")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the plan as JSON")
	cmd.Flags().BoolVar(&f.rollback, "rollback", false, "plan the way back of the MX")
	return cmd
}

func (c *cli) plan(ctx context.Context, f planFlags) error {
	a, err := c.open(f.src)
	if err != nil {
		return err
	}
	p, st, err := a.makePlan(ctx, f.rollback, observe.Everything)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := a.savePlan(p, st, f.out); err != nil {
			return err
		}
	}
	if err := c.printPlan(p, f.json); err != nil {
		return err
	}
	return exit(planCode(p, f.detailed))
}

func planCode(p *planner.Plan, detailed bool) int {
	switch {
	case len(p.Conflicts()) > 0:
		return exitConflict
	case !p.Complete:
		return exitPartial
	case detailed && p.Changes():
		return exitChanges
	}
	return exitOK
}

// makePlan looks and plans. Errors of the plan are shown; a conflict is shown
// with the plan, so that a person sees both.
func (a *app) makePlan(ctx context.Context, back bool, depth observe.Depth) (*planner.Plan, *state.State, error) {
	in, err := a.input(ctx, depth)
	if err != nil {
		return nil, nil, err
	}
	if err := begun(in.State, in.Now, in.Desired); err != nil {
		return nil, nil, err
	}
	var p *planner.Plan
	var found diag.List
	if back {
		p, found = planner.MakeRollback(in)
	} else {
		p, found = planner.Make(in)
	}
	a.show(a.explain(found))
	if found.HasErrors() {
		code := exitFailure
		if len(p.Conflicts()) > 0 {
			code = exitConflict
		}
		return nil, nil, exit(code)
	}
	return p, in.State, nil
}

// input looks at everything and shows what the second evaluation has to say.
func (a *app) input(ctx context.Context, depth observe.Depth) (planner.Input, error) {
	st, _, err := loadState(ctx, a.store, a.cli)
	if err != nil {
		return planner.Input{}, err
	}
	if missing := a.missingSecrets(ctx); len(missing) > 0 {
		a.show(missing)
		return planner.Input{}, exit(exitFailure)
	}
	in, diags, err := a.look(depth)(ctx, st)
	if err != nil {
		return in, err
	}
	a.show(diags)
	if diags.HasErrors() {
		return in, exit(exitFailure)
	}
	return in, nil
}

// missingSecrets lists all that are not there, at once, before anything is contacted.
func (a *app) missingSecrets(ctx context.Context) diag.List {
	var out diag.List
	seen := map[string]bool{}
	for _, s := range a.cfg.Secrets() {
		if seen[s.Locator] {
			continue
		}
		seen[s.Locator] = true
		if _, err := a.secret(ctx, s); err != nil {
			out.Errorf("", "A secret cannot be read", "%v.", err)
		}
	}
	return out
}

func (a *app) savePlan(p *planner.Plan, st *state.State, name string) error {
	if st.Lineage == "" {
		return hint(errors.New("a saved plan belongs to a state, and there is none yet"), "Run bascule init first; it creates the lineage, once.")
	}
	doc, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(a.dir, name)
	}
	return atomicfile.Write(name, append(doc, '\n'), 0o600)
}

func (c *cli) printPlan(p *planner.Plan, asJSON bool) error {
	if asJSON {
		return c.printJSON(p)
	}
	return view.Plan(c.Stdout, p, c.style())
}

func (c *cli) printJSON(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// loadPlan reads a saved plan.
func (c *cli) loadPlan(name string) (*planner.Plan, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.workdir(), name)
	}
	doc, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var p planner.Plan
	if err := json.Unmarshal(doc, &p); err != nil {
		return nil, fmt.Errorf("%s is not a saved plan: %w", filepath.Base(name), err)
	}
	if p.FormatVersion != planner.FormatVersion {
		return nil, hint(fmt.Errorf("%s has the plan format %q; this version reads %q", filepath.Base(name), p.FormatVersion, planner.FormatVersion), "Make the plan again with this version.")
	}
	return &p, nil
}
