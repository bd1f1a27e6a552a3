package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/observe"
	"bascule/planner"
	"bascule/state"
)

// job is one pass or comparison, with all it needs as data.
type job struct {
	step    planner.Step
	mailbox migration.Mailbox
	from    migration.Server
	to      migration.Server
	sync    migration.SyncPolicy
	known   state.Mailbox
	// settles says whether a person accepted all that evidence found; nil for
	// passes of the pull, which compare nothing.
	settles func(state.Evidence) bool
	// late is true once the MX has moved: mail that arrives now came too late.
	late bool

	limits migration.Limits
	// unbound work waits neither for quiet hours nor for a daily budget.
	unbound bool
	// quietFrom, unless zero, is when quiet hours end this job; it may go on at quietUntil.
	quietFrom, quietUntil time.Time
}

// passes runs the batch side by side, without the state lock, then takes the
// lock again and records.
func (t *tick) passes(ctx, locked context.Context, in planner.Input, batch []planner.Step) (context.Context, error) {
	var jobs []job
	for _, s := range batch {
		j, err := jobFor(in.Desired.Sources, in.Desired.Targets, in.Desired.Mailboxes, s)
		if err != nil {
			return locked, err
		}
		j.sync, j.known = in.Desired.Settings.Sync, *t.session.st.MailboxOf(j.mailbox.Address)
		j.late = t.session.st.Switched()
		j.bound(in, &j.known)
		j.settles = func(e state.Evidence) bool { return planner.Settled(in, j.mailbox.Address, "messages", e) }
		jobs = append(jobs, j)
	}
	return t.runJobs(ctx, jobs, in.Desired.Settings.Limits.Mailboxes)
}

func jobFor(sources, targets []migration.Server, boxes []migration.Mailbox, s planner.Step) (job, error) {
	i := slices.IndexFunc(boxes, func(m migration.Mailbox) bool { return m.Address == s.Action.Mailbox })
	if i < 0 {
		return job{}, fmt.Errorf("bug: %s is not in the configuration", s.Action.Mailbox)
	}
	j := job{step: s, mailbox: boxes[i]}
	var err error
	if j.from, err = server(sources, j.mailbox.Source.Server); err != nil {
		return j, err
	}
	j.to, err = server(targets, j.mailbox.Target.Server)
	return j, err
}

// ended is what a job came to.
type ended struct {
	job job
	out outcome
	err error
}

// runJobs releases the lock, runs the jobs and takes the lock again. What a job
// came to is recorded soon after, while others may run for hours; the rest at
// the end.
func (t *tick) runJobs(ctx context.Context, jobs []job, limit int) (context.Context, error) {
	if err := t.session.release(); err != nil {
		return nil, err
	}
	work, _, cancel := t.stoppable(ctx)
	defer cancel()
	results := make(chan ended, len(jobs))
	var left []ended
	var keeping sync.WaitGroup
	keeping.Go(func() { left = t.keepMeanwhile(work, results) })
	var group errgroup.Group
	group.SetLimit(max(limit, 1))
	for _, j := range jobs {
		group.Go(func() error {
			out, err := t.runJob(ctx, j)
			results <- ended{j, out, err}
			return nil
		})
	}
	_ = group.Wait()
	close(results)
	keeping.Wait()
	locked, err := t.again(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.keepLimits(locked, &t.session); err != nil {
		return locked, err
	}
	stopped := t.stopped()
	if ctx.Err() != nil {
		stopped = context.Cause(ctx)
	}
	for _, j := range jobs { // in the order of the plan, whatever ended first
		i := slices.IndexFunc(left, func(r ended) bool { return r.job.step.Key() == j.step.Key() })
		if i < 0 {
			continue
		}
		if err := t.settle(locked, left[i], stopped != nil); err != nil {
			return locked, err
		}
	}
	return locked, stopped
}

// again takes the lock back, to record what passes did: patiently, and even
// when the run is being stopped, since nobody else knows it.
func (t *tick) again(ctx context.Context) (context.Context, error) {
	t.session.wait = max(t.session.wait, patience)
	locked, err := t.session.acquire(ctx)
	if err != nil && ctx.Err() != nil {
		t.session.wait = 0
		return t.session.acquire(context.WithoutCancel(ctx))
	}
	return locked, err
}

// patience is how long a run waits for the lock after its passes.
const patience = 2 * time.Minute

// stopGrace is what a pass gets to finish the message in hand after the first
// Ctrl-C, where nothing else is said; what is left of five seconds is for recording it.
const stopGrace = 3 * time.Second

// stoppable is a context that also ends at the first Ctrl-C: what only waits or
// reads may end at any instruction. After goOn it does not: what writes is told
// to stop, and finishes the message in hand.
func (t *tick) stoppable(ctx context.Context) (work context.Context, goOn func(), cancel context.CancelFunc) {
	work, end := context.WithCancelCause(ctx)
	past := make(chan struct{})
	go func() {
		select {
		case <-t.Stop:
			end(ErrInterrupted)
		case <-past:
		case <-work.Done():
		}
	}()
	return work, sync.OnceFunc(func() { close(past) }), func() { end(nil) }
}

func (t *tick) runJob(ctx context.Context, j job) (outcome, error) {
	ctx, goOn, cancel := t.stoppable(ctx)
	defer cancel()
	if err := t.stopped(); err != nil {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	t.event("begin", j.step, describe(j.step))
	ledger, err := t.World.OpenLedger(ctx, j.mailbox.Address)
	if err != nil {
		return outcome{}, err
	}
	defer ledger.Close()
	t.World.tap("act:" + j.step.Phase.String() + ":before:" + j.step.Name)
	var out outcome
	err = t.World.Limits.Run(ctx, t.work(j), func(ctx context.Context, room mailsync.Room) (err error) {
		if j.step.Action.Kind == planner.VerifyMailbox {
			out, err = t.verifyMailbox(ctx, j, ledger)
		} else {
			goOn()
			out, err = t.syncMailbox(ctx, j, ledger, room)
		}
		return err
	})
	return out, err
}

// settle records one job. Its failure is its mailbox's alone; being stopped is
// no failure, and the job is taken up again by the next run.
func (t *tick) settle(ctx context.Context, r ended, stopped bool) error {
	j := r.job
	if r.err == nil {
		if err := t.session.record(ctx, j.step, r.out); err != nil {
			return err
		}
		t.finished(j.step, r.out)
		return nil
	}
	if stopped {
		return t.session.change(ctx, func(st *state.State) { st.MailboxOf(j.mailbox.Address).Silence.LastTry = t.World.Clock.Now() })
	}
	if p := pauseOf(r.err); p != nil {
		return t.paused(ctx, j, r.out, p)
	}
	t.event("failed", j.step, r.err.Error())
	t.result.Failed = append(t.result.Failed, j.step.Key())
	t.result.Failures.Warnf(string(j.step.Address), j.step.Name+": "+firstLine(r.err), "%s", rest(r.err))
	if errors.Is(r.err, mailsync.ErrLeased) {
		return nil // another run works on it, and says how it went
	}
	if err := t.session.fail(ctx, j.step, r.err, false); err != nil {
		return err
	}
	if j.step.Action.Kind != planner.SyncMailbox {
		return nil
	}
	return t.session.change(ctx, func(st *state.State) { failedPass(st.MailboxOf(j.mailbox.Address), t.World.Clock.Now()) })
}

// failedPass is a look that did not happen: its time covers no silence.
func failedPass(b *state.Mailbox, now time.Time) {
	if b.Pass == nil {
		b.Pass = &state.Pass{Started: now}
	}
	b.Pass.Ended, b.Pass.Complete = now, false
	b.Silence.LastTry = now
}

// syncMailbox is one pass of the copy engine.
func (t *tick) syncMailbox(ctx context.Context, j job, ledger mailsync.Ledger, room mailsync.Room) (outcome, error) {
	o := t.passOptions(j, ledger)
	o.Room, o.Budget, o.Connections = room, t.World.Limits.Octets, j.lanes()
	report, err := mailsync.Pass(ctx, o)
	if err != nil {
		return outcome{change: func(st *state.State, _ time.Time) { recordPart(st.MailboxOf(j.mailbox.Address), report) }}, err
	}
	seen, err := t.afterPass(ctx, j, ledger, report)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{done: report.Complete && j.step.Name == "final", text: passText(report)}
	out.clearsFailure = report.Complete
	if len(report.Failures) > 0 {
		out.failed = failureOf(report)
	}
	if spared, refused := sparedBy(j, report); refused {
		out.failed = spared
	}
	out.change = func(st *state.State, now time.Time) { recordPass(st, j, seen, now) }
	if j.step.Name == "final" && !report.Complete {
		out.failed = fmt.Errorf("the last delta is not complete: %w", failureOf(report))
	}
	return out, nil
}

func (t *tick) passOptions(j job, ledger mailsync.Ledger) mailsync.Options {
	o := mailsync.Options{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			return t.World.OpenSource(ctx, j.from, j.mailbox, j.known.Source)
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			return t.World.OpenTarget(ctx, j.to, j.mailbox, j.known.Target)
		},
		Personality: personalityOf(j.known.Personality), OnSimilar: similarTo(j.mailbox.Target.OnSimilar),
		Ledger: ledger, Owner: fmt.Sprintf("%s on %s (pid %d)", t.Holder.Who, t.Holder.Host, t.Holder.PID),
		Clock: t.World.Clock, Final: j.step.Action.Sync.Final, KeepVanished: !j.sync.MirrorDeletions,
		Stop: t.Stop, StopGrace: cmp.Or(t.StopGrace, stopGrace),
		MaxDelete: int(j.sync.MaxDelete*100 + 0.5), Rules: observe.Rules(j.mailbox.Folders), Tap: t.World.Tap,
		Progress: func(e mailsync.Event) {
			t.Report.Progress(Progress{Mailbox: j.mailbox.Address, Folder: strings.Join(e.Folder, "/"), Done: e.Done, Total: e.Total, Bytes: e.Bytes})
		},
	}
	if j.step.Action.Sync.AddOnly {
		o.Policy = mailsync.AddOnly
		o.Fences = fencesOf(j.known.Fences)
	}
	return o
}

func fencesOf(f *state.Fences) mailsync.Fences {
	if f == nil {
		return mailsync.Fences{}
	}
	out := mailsync.Fences{At: f.At, Ledger: mailsync.Head{ID: f.LedgerID, Serial: f.LedgerSerial}}
	for _, x := range f.Folders {
		out.Folders = append(out.Folders, mailsync.Fence{
			Source: x.Source, SourceValidity: x.SourceValidity, TargetValidity: x.TargetValidity,
			SourceNext: mailsync.UID(x.SourceNext), TargetNext: mailsync.UID(x.TargetNext),
		})
	}
	return out
}

func fencesFrom(r mailsync.Report) *state.Fences {
	f := &state.Fences{At: r.Started, LedgerID: r.Head.ID, LedgerSerial: r.Head.Serial}
	for _, x := range r.Fences {
		f.Folders = append(f.Folders, state.Fence{
			Source: x.Source, SourceValidity: x.SourceValidity, TargetValidity: x.TargetValidity,
			SourceNext: uint32(x.SourceNext), TargetNext: uint32(x.TargetNext),
		})
	}
	return f
}

func failureOf(r mailsync.Report) error {
	if len(r.Failures) == 0 {
		return fmt.Errorf("not every folder could be looked at")
	}
	f := r.Failures[0]
	where := strings.Join(f.Folder, "/")
	if f.UID != 0 {
		where = fmt.Sprintf("%s UID %d", where, f.UID)
	}
	return fmt.Errorf("%d failures, first in %s: %s", len(r.Failures), where, f.Text)
}

func passText(r mailsync.Report) string {
	copied := r.Outcomes[mailsync.Copied]
	text := fmt.Sprintf("%d messages on the source, %d copied", r.SourceMessages, copied)
	if r.Referenced > 0 {
		text += fmt.Sprintf(" (%d of them on the target, out of copies: %d octets not sent)", r.Referenced, r.Saved)
	}
	if n := r.Outcomes[mailsync.Adopted]; n > 0 {
		text += fmt.Sprintf(", %d adopted", n)
	}
	if r.Elsewhere > 0 {
		text += fmt.Sprintf(", %d of all mail in other folders as well", r.Elsewhere)
	}
	if r.Deleted > 0 {
		text += fmt.Sprintf(", %d deleted", r.Deleted)
	}
	if r.MovedOnTarget > 0 {
		text += fmt.Sprintf(", %d moved", r.MovedOnTarget)
	}
	if r.Flagged > 0 {
		text += fmt.Sprintf(", %d re-flagged", r.Flagged)
	}
	if n := r.Outcomes[mailsync.Released]; n > 0 {
		text += fmt.Sprintf(", %d released", n)
	}
	if r.Refusal != "" {
		text += "; deletions refused: " + r.Refusal
	}
	if len(r.Exceptions) > 0 {
		text += "; not as on the source: " + exceptionsText(r.Exceptions)
	}
	return text
}

// pull runs the add-only passes that were approved at the switch, before
// anything is revalidated: a refusal never stops the safe direction.
func (t *tick) pull(ctx, locked context.Context) (context.Context, error) {
	st := t.session.st
	if st.Switch == nil {
		return locked, nil
	}
	jobs := t.due(st)
	if len(jobs) == 0 {
		return locked, nil
	}
	// The pull is the doing of the plan that switched, whatever plan this
	// tick was given.
	given := t.session.planID
	t.session.planID = st.Switch.PlanID
	defer func() { t.session.planID = given }()
	return t.runJobs(ctx, jobs, st.Switch.Approved.Limits.Mailboxes)
}

// due lists the approved passes whose time has come.
func (t *tick) due(st *state.State) []job {
	var jobs []job
	approved := st.Switch.Approved
	for _, m := range approved.Mailboxes {
		b := st.MailboxOf(m.Address)
		_, final := st.DoneAt(m.Address, "final")
		now := t.World.Clock.Now()
		if final || b.Pass != nil && now.Before(b.Pass.Ended.Add(approved.Sync.Every)) {
			continue
		}
		if b.Paused != nil && b.Paused.Why == limits.ServerAsked && now.Before(b.Paused.Until) {
			continue
		}
		j, err := pullJob(st, m.Address)
		if err != nil {
			continue
		}
		t.tried[j.step.Key()] = true
		jobs = append(jobs, j)
	}
	return jobs
}

// pullJob is the approved pass of one mailbox.
func pullJob(st *state.State, a migration.Address) (job, error) {
	approved := st.Switch.Approved
	j, err := jobFor(approved.Sources, approved.Targets, approved.Mailboxes, planner.Step{
		Name: "sync", Address: a, Phase: migration.DoubleReception, Progress: true,
		Action: planner.Action{Kind: planner.SyncMailbox, Mailbox: a, Sync: &planner.SyncParams{AddOnly: true}},
		After:  planner.Lines("late mail of the old side"),
	})
	j.sync, j.known, j.late = approved.Sync, *st.MailboxOf(a), true
	j.limits, j.unbound = approved.Limits, true
	return j, err
}
