package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"bascule/executor"
	"bascule/internal/clock"
	"bascule/internal/demo"
	"bascule/internal/safetext"
	"bascule/migration"
	"bascule/observe"
	"bascule/planner"
)

func (c *cli) cmdDemo() *cobra.Command {
	var keep string
	cmd := &cobra.Command{
		Use: "demo", Short: "Play a whole migration in this process, in half a minute", Args: cobra.NoArgs,
		Long: `demo starts two mail services and the name servers of one domain inside this
process, fills three mailboxes, and takes them through all eight phases over
real sockets, with the same planner, executor and copy engine as for real.
Only the clock is not real: ten days pass in a few seconds. It needs no
network and no configuration.

It ends with a proof made by a checker that shares no code with the engine,
and fails if the proof does.`,
		Example: `  bascule demo
  bascule demo --keep ./demo   # configuration, plan, state and proof stay`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), keep) },
	}
	cmd.Flags().StringVar(&keep, "keep", "", "work in `DIR` and leave everything there")
	return cmd
}

func (c *cli) demo(ctx context.Context, keep string) error {
	dir, cleanup, err := c.demoDir(keep)
	if err != nil {
		return err
	}
	defer cleanup()
	virtual := clock.NewVirtual(demoStart)
	world, err := demo.Start(ctx, demo.Options{Dir: dir, Clock: virtual})
	if err != nil {
		return err
	}
	defer world.Close()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), world.Config(), 0o644); err != nil {
		return err
	}
	show := &demonstration{cli: c.inside(world, dir, virtual), world: world, clock: virtual, began: clock.Monotonic()}
	err = show.play(ctx)
	if keep != "" {
		fmt.Fprintf(c.Stdout, "\nLeft in %s: main.hcl, plan.json, bascule.state.json, proof.json, proof.txt, clients/.\n", keep)
	}
	return err
}

// demoStart is J-7 of the demonstration: a Saturday before a Saturday.
var demoStart = time.Date(2027, 3, 6, 8, 0, 0, 0, time.UTC)

func (c *cli) demoDir(keep string) (dir string, cleanup func(), err error) {
	if keep == "" {
		dir, err = os.MkdirTemp("", "bascule-demo-")
		return dir, func() { _ = os.RemoveAll(dir) }, err
	}
	if !filepath.IsAbs(keep) {
		keep = filepath.Join(c.workdir(), keep)
	}
	if entries, err := os.ReadDir(keep); err == nil && len(entries) > 0 {
		return "", nil, hint(fmt.Errorf("%s is not empty", keep), "Name a directory that does not exist yet.")
	}
	return keep, func() {}, os.MkdirAll(keep, 0o700)
}

// inside is this program in the demonstration's world: its directory, clock,
// drivers and secrets.
func (c *cli) inside(w *demo.World, dir string, virtual clock.Clock) *cli {
	p := *c.process
	env := w.Env()
	p.Env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	p.Dir, p.Clock, p.Catalog, p.Resolvers, p.HTTP = dir, virtual, w.Catalog(), nil, http.DefaultTransport
	return &cli{process: &p, globals: globals{noColor: c.globals.noColor, quiet: true}}
}

// demonstration is the play: the same commands a person would give, on the
// days on which they would give them.
type demonstration struct {
	*cli
	world *demo.World
	clock *clock.Virtual
	app   *app
	began time.Time
	told  map[migration.Phase]bool
	ticks int
}

func (d *demonstration) play(ctx context.Context) error {
	var err error
	if d.app, err = d.open(sources{}); err != nil {
		return err
	}
	if err := d.app.createState(ctx); err != nil {
		return err
	}
	d.told = map[migration.Phase]bool{}
	j := d.world.Cutover()
	fmt.Fprintf(d.Stdout, "Two mail services, one domain (%s), three mailboxes. The window opens %s: J.\n", demo.Domain, j.Format("Mon 2 Jan 2006 15:04 MST"))
	if err := d.savedPlan(ctx); err != nil {
		return err
	}
	for _, act := range d.acts(j) {
		d.clock.Set(act.at)
		fmt.Fprintf(d.Stdout, "\n%s  %s\n", dayOf(act.at, j), act.title)
		if err := d.prepare(ctx, act); err != nil {
			return err
		}
		if err := d.tick(ctx, act.interrupt); err != nil {
			return err
		}
	}
	return d.prove(ctx)
}

// prepare lets happen what happens in the world before a tick, and tells it.
func (d *demonstration) prepare(ctx context.Context, a act) error {
	if a.before == nil {
		return nil
	}
	told, err := a.before(ctx)
	for _, line := range told {
		fmt.Fprintf(d.Stdout, "  · %s\n", safetext.Line(line))
	}
	return err
}

// act is one moment of the play.
type act struct {
	at     time.Time
	title  string
	before func(context.Context) ([]string, error)
	// interrupt stops the tick in the middle of the copy, as Ctrl-C would.
	interrupt bool
}

func (d *demonstration) acts(j time.Time) []act {
	mutate := func(s demo.Stage) func(context.Context) ([]string, error) {
		return func(ctx context.Context) ([]string, error) { return d.world.Mutate(ctx, s) }
	}
	day := 24 * time.Hour
	return []act{
		{at: j.Add(-7*day + 2*time.Hour), title: "the first apply, interrupted in the middle of the copy on purpose", interrupt: true},
		{at: j.Add(-7*day + 3*time.Hour), title: "the next apply goes on where it stopped"},
		{at: j.Add(-3 * day), title: "people go on working: new mail, moves, deletions, flags", before: mutate(demo.Week)},
		{at: j.Add(-12 * time.Hour), title: "the eve: once more, and the evidence is renewed", before: mutate(demo.Eve)},
		{at: j.Add(5 * time.Minute), title: "the window is open"},
		{at: j.Add(6 * time.Hour), title: "senders that remember the old MX still deliver there", before: mutate(demo.Late)},
		{at: j.Add(day), title: "people work on the new side", before: mutate(demo.Work)},
		{at: j.Add(day + 12*time.Hour), title: "the old side is watched"},
		{at: j.Add(2 * day), title: "and watched"},
		{at: j.Add(2*day + 12*time.Hour), title: "and watched"},
		{at: j.Add(3*day + time.Hour), title: "soak and silence are over: a person is to close the old side"},
		{at: j.Add(3*day + 2*time.Hour), title: "the person has closed it", before: func(context.Context) ([]string, error) { d.world.CloseInbound(); return nil, nil }},
	}
}

// savedPlan shows that a plan writes nothing and keeps it as a file.
func (d *demonstration) savedPlan(ctx context.Context) error {
	p, st, err := d.app.makePlan(ctx, false, observe.Everything)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Stdout, "plan: %d steps until the old side is closed, %d of them now; it wrote nothing.\n", len(p.Steps), len(p.Ready()))
	return d.app.savePlan(p, st, "plan.json")
}

// tick is one `bascule apply --auto-approve`.
func (d *demonstration) tick(ctx context.Context, interrupt bool) error {
	d.ticks++
	stop := make(chan struct{})
	teller := &teller{d: d, stop: stop, interrupt: interrupt, quiet: map[string]int{}}
	ctx, end := d.hearSignals(ctx)
	defer end()
	r := (&executor.Executor{World: d.app.world(), Report: teller, Holder: d.holder("demo"), Mode: planner.Forward, Stop: stop}).Run(ctx)
	teller.sumUp()
	d.app.keepLast(ctx, r)
	if ctx.Err() != nil {
		fmt.Fprintln(d.Stdout, "\nInterrupted, safely: every message is either recorded or will be found again.")
		return exit(executor.ExitInterrupted)
	}
	switch {
	case interrupt && r.ExitCode == executor.ExitInterrupted:
		fmt.Fprintln(d.Stdout, "  ! interrupted; what was acknowledged is on record")
	case r.ExitCode != executor.ExitDone:
		d.app.showFindings(r)
		d.show(d.app.explain(r.Failures))
		return fmt.Errorf("the demonstration stopped: apply came to %q (exit %d)", r.Status, r.ExitCode)
	}
	if g, ok := gateOf(r); ok {
		fmt.Fprintf(d.Stdout, "  … %s\n", safetext.Shorten("paused at "+g.ID+": "+safetext.Line(g.Because), d.columns()-4))
	}
	return nil
}

func gateOf(r executor.Result) (planner.Gate, bool) {
	if r.Plan == nil || r.Gate == "" {
		return planner.Gate{}, false
	}
	return r.Plan.Gate(r.Gate)
}

// hearSignals ends the context at Ctrl-C.
func (d *demonstration) hearSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-d.Signals:
			cancel(executor.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// prove ends the play with the checker's word.
func (d *demonstration) prove(ctx context.Context) error {
	report, err := d.world.Check(ctx)
	if err != nil {
		return err
	}
	for _, item := range report.Items {
		fmt.Fprintf(d.Stdout, "  ! %s\n", safetext.Line(item))
	}
	took := clock.Monotonic().Sub(d.began).Round(100 * time.Millisecond)
	fmt.Fprintf(d.Stdout, "\nProof: %s\n\n%d applies, ten days of the demonstration's clock, %s of yours.\n", report, d.ticks, took)
	st, err := d.app.store.Load(ctx)
	if err != nil {
		return err
	}
	if _, done := st.DoneAt(planner.Root, "proof"); !done || !report.OK() {
		return errors.New("the proof failed")
	}
	return nil
}

// dayOf names a moment by its distance from J.
func dayOf(t, j time.Time) string {
	hours := t.Sub(j).Hours()
	switch {
	case hours < -24:
		return fmt.Sprintf("J%.0f  ", hours/24)
	case hours < 0:
		return fmt.Sprintf("J%.0fh", hours)
	case hours < 1:
		return "J    "
	case hours < 24:
		return fmt.Sprintf("J+%.0fh ", hours)
	default:
		return fmt.Sprintf("J+%.1f", hours/24)
	}
}
