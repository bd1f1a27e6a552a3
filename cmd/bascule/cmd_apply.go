package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bascule/executor"
	"bascule/internal/atomicfile"
	"bascule/internal/view"
	"bascule/migration"
	"bascule/observe"
	"bascule/planner"
	"bascule/state"
)

type applyFlags struct {
	src         sources
	autoApprove bool
	until       string
	wait        string
	maxDuration string
	lockTimeout string
	result      string
	detailed    bool
	json        bool
}

func (c *cli) cmdApply() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use: "apply [PLAN]", Short: "Do what is ready, then stop at the first closed gate", Args: cobra.MaximumNArgs(1),
		Long: `apply is a tick: it takes the lock, pulls late mail where the MX has moved,
looks again, does what is ready, and stops at the first closed gate. Run it
from a schedule every ten minutes, or let it wait: with --wait it gives the
lock back, listens to the sources and passes a mailbox as soon as something
happens there.

With a saved plan it never asks: it does what was reviewed, or refuses.
Without one it plans, shows the plan, and asks for "yes".

The first Ctrl-C finishes the message in hand and ends within five seconds;
the second ends at once. Both are safe: the next apply goes on from there.

` + exitCodes(map[int]string{
			exitPaused: "paused until a known time (with --detailed-exitcode)",
			exitPerson: "paused for a person (with --detailed-exitcode)",
		}, exitOK, exitFailure, exitPaused, exitPerson, exitConflict, exitEvidence, exitLocked, exitPartial, exitInterrupted),
		Example: `  bascule apply
  bascule apply plan.json --max-duration 9m --result result.json
  bascule apply --auto-approve --wait 75m   # one way to run it hourly`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.apply(cmd.Context(), f, args)
		},
	}
	addSources(cmd, &f.src)
	fl := cmd.Flags()
	fl.BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	fl.StringVar(&f.until, "until", "", "do nothing after `PHASE`; end when it is done")
	fl.StringVar(&f.wait, "wait", "", "wait up to `DURATION` for gates, without the lock")
	fl.StringVar(&f.maxDuration, "max-duration", "", "stop after `DURATION`, as the first Ctrl-C does")
	fl.StringVar(&f.lockTimeout, "lock-timeout", "", "wait up to `DURATION` for the state lock")
	fl.StringVar(&f.result, "result", "", "write what it came to as JSON to `FILE`")
	fl.BoolVar(&f.detailed, "detailed-exitcode", false, "exit 3 or 4 when paused, see above")
	fl.BoolVar(&f.json, "json", false, "tell what happens as JSON, a line an event")
	return cmd
}

// bounds are what flags say of time and phase, parsed.
type bounds struct {
	wait, most, lock time.Duration
	until            migration.Phase
}

func (f applyFlags) bounds() (l bounds, err error) {
	for _, d := range []struct {
		flag, text string
		to         *time.Duration
	}{{"--wait", f.wait, &l.wait}, {"--max-duration", f.maxDuration, &l.most}, {"--lock-timeout", f.lockTimeout, &l.lock}} {
		if *d.to, err = duration(d.text); err != nil {
			return l, fmt.Errorf("%s: %w", d.flag, err)
		}
	}
	if f.until != "" {
		l.until, err = migration.ParsePhase(f.until)
	}
	return l, err
}

// duration reads 90s, 5m, 24h and 3d.
func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		h, err := time.ParseDuration(days + "h")
		return 24 * h, err
	}
	return time.ParseDuration(text)
}

func (c *cli) apply(ctx context.Context, f applyFlags, args []string) error {
	l, err := f.bounds()
	if err != nil {
		return err
	}
	a, err := c.open(f.src)
	if err != nil {
		return c.pullAnyway(ctx, err)
	}
	if err := a.initialised(ctx); err != nil {
		return err
	}
	reviewed, err := a.reviewed(ctx, f, args)
	if reviewed == nil || err != nil {
		return err
	}
	return a.run(ctx, f, l, reviewed, planner.Forward)
}

// initialised makes sure that there is a state, and that it can be read.
func (a *app) initialised(ctx context.Context) error {
	_, exists, err := loadState(ctx, a.store, a.cli)
	if err == nil && !exists {
		return errNoState()
	}
	return err
}

// reviewed returns the plan to carry out: the saved one, or the present one
// once a person has seen it and said yes. Nil means there is nothing to do.
func (a *app) reviewed(ctx context.Context, f applyFlags, args []string) (*planner.Plan, error) {
	if len(args) == 1 {
		return a.loadPlan(args[0])
	}
	p, _, err := a.makePlan(ctx, false, observe.Needed)
	if err != nil {
		return nil, a.pullFirst(ctx, err)
	}
	if f.autoApprove {
		return p, nil
	}
	if err := view.Plan(a.Stdout, p, a.style()); err != nil {
		return nil, err
	}
	return p, a.confirm("Do you want bascule to do what is under Now, and what gates let through meanwhile?")
}

// confirm asks for the word yes.
func (c *cli) confirm(question string) error {
	if !c.Interactive {
		return hint(errors.New("there is nobody to ask: standard input is not a terminal"), "Apply a saved plan (bascule plan --out plan.json, then bascule apply plan.json), or use --auto-approve.")
	}
	fmt.Fprintf(c.Stderr, "\n%s\nOnly \"yes\" is taken: ", question)
	answer, _ := bufio.NewReader(c.Stdin).ReadString('\n')
	if strings.TrimSpace(answer) != "yes" {
		return &exitError{exitFailure, errors.New("not confirmed; nothing was done")}
	}
	return nil
}

// run ticks until it is done, or the waiting is over.
func (a *app) run(ctx context.Context, f applyFlags, l bounds, reviewed *planner.Plan, mode planner.Mode) error {
	ctx, stop, end := a.interruptible(ctx, l.most)
	defer end()
	reporter := a.reporter(f.json)
	e := &executor.Executor{
		World: a.world(), Report: reporter, Holder: a.holder("apply"), LockTimeout: l.lock,
		Reviewed: reviewed, Mode: mode, Until: l.until, Stop: stop, StopGrace: a.stopGrace(),
	}
	deadline := a.Clock.Now().Add(l.wait)
	var w *waiting
	defer func() { w.close() }()
	for {
		began := a.Clock.Now()
		e.World.Look = a.look(observe.Needed)
		r := e.Run(ctx)
		a.keepLast(ctx, r)
		again := a.again(r, l.until, deadline)
		if again.IsZero() {
			w.close()
			reporter.close()
			return a.conclude(f, reached(r, l.until), r, reporter, a.Clock.Now().Sub(began))
		}
		if w == nil {
			w = a.watch(ctx, e, reporter)
		}
		a.note("waiting until %s", again.Format(time.RFC3339))
		if err := w.until(again, r); err != nil {
			reporter.close()
			return exit(executor.ExitInterrupted)
		}
	}
}

// again is when the next tick of a waiting apply runs; zero ends it.
func (a *app) again(r executor.Result, until migration.Phase, deadline time.Time) time.Time {
	now := a.Clock.Now()
	waits := r.Status == "paused" || r.Status == "partial"
	if !waits || !now.Before(deadline) || reached(r, until) {
		return time.Time{}
	}
	next := now.Add(a.desired.Settings.Sync.Every)
	if !r.ResumeAfter.IsZero() && r.ResumeAfter.Before(next) && r.ResumeAfter.After(now) {
		next = r.ResumeAfter
	}
	if next.After(deadline) {
		next = deadline
	}
	return next
}

// reached reports whether all that --until asked for is done.
func reached(r executor.Result, until migration.Phase) bool {
	if until == 0 || r.Plan == nil || len(r.Failed) > 0 {
		return false
	}
	return !slices.ContainsFunc(r.Plan.Phases, func(p planner.PhaseStatus) bool { return p.Phase <= until && p.Status != "done" })
}

// conclude shows what it came to, and exits with its code.
func (a *app) conclude(f applyFlags, reached bool, r executor.Result, reporter *reporter, took time.Duration) error {
	a.showFindings(r)
	if f.result != "" {
		if err := a.writeResult(f.result, r); err != nil {
			return err
		}
	}
	if f.json {
		reporter.summary(r, a.Clock.Now())
	} else if err := view.ApplyResult(a.Stdout, a.summary(r, reporter, took), a.style()); err != nil {
		return err
	}
	code := r.ExitCode
	if f.detailed && !reached {
		code = r.Detailed()
	}
	return exit(code)
}

func (a *app) summary(r executor.Result, reporter *reporter, took time.Duration) view.Result {
	out := view.Result{ExitCode: r.Detailed(), PlanID: r.PlanID, Done: len(r.Applied), Took: took, Messages: reporter.messages(), Bytes: reporter.bytes()}
	if r.Plan != nil {
		out.Blocked = r.Plan.Blocked
		if g, ok := r.Plan.Gate(r.Gate); ok {
			out.Paused = &g
		}
	}
	out.Because = r.Refusal
	if len(r.Person) > 0 && r.Plan != nil {
		out.Next = "a person is asked to act: " + strings.Join(r.Person, ", ") + " (bascule plan shows what)"
	}
	if out.Failed = failures(r); out.Next == "" && out.Done == 0 && out.Paused == nil && r.Plan != nil {
		out.Next = view.Coming(r.Plan, a.style())
	}
	return out
}

func (a *app) writeResult(name string, r executor.Result) error {
	doc, err := resultJSON(r)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(a.dir, name)
	}
	return atomicfile.Write(name, doc, 0o600)
}

// note says something to the person at the terminal.
func (c *cli) note(format string, args ...any) {
	if !c.globals.quiet {
		fmt.Fprintf(c.Stderr, format+"\n", args...)
	}
}

// pullAnyway carries late mail over when the configuration cannot be read or
// does not hold any more: from cutover on, that never waits for anything.
func (c *cli) pullAnyway(ctx context.Context, cause error) error {
	store := c.stateStore(nil)
	st, err := store.Load(ctx)
	if err != nil || st.Switch == nil {
		return cause
	}
	a := c.fromApproved(st)
	return a.pullFirst(ctx, cause)
}

// pullFirst runs the approved pull, then returns what stopped the rest.
func (a *app) pullFirst(ctx context.Context, cause error) error {
	st, err := a.store.Load(ctx)
	if err != nil || st.Switch == nil {
		return cause
	}
	reporter := a.reporter(false)
	r := (&executor.Executor{World: a.world(), Report: reporter, Holder: a.holder("pull")}).Pull(ctx)
	reporter.close()
	a.showFindings(r)
	a.show(a.explain(r.Failures))
	if r.ExitCode == executor.ExitDone || r.Status == "paused" {
		a.note("Late mail of the old side was brought over all the same.")
	}
	return cause
}

// fromApproved wires what the pull needs from the state alone.
func (c *cli) fromApproved(st *state.State) *app {
	approved := st.Switch.Approved
	a := &app{cli: c, dir: c.workdir(), store: c.stateStore(nil), secrets: c.resolverOf(nil)}
	a.desired = &migration.Desired{Sources: approved.Sources, Targets: approved.Targets, Mailboxes: approved.Mailboxes}
	a.desired.Settings.Limits = approved.Limits
	a.limits = c.sharedLimits("")
	return a
}
