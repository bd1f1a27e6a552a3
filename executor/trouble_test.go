package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/mailsync"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/providers/fake"
	"bascule/state"
)

func TestAMailboxThatFailsStopsNoOther(t *testing.T) {
	w := company(t)
	w.sources[bob].Before = func(string) error { return errors.New("NO go away") }
	r := w.run()
	if r.ExitCode != ExitPartial || r.Status != "partial" {
		t.Errorf("exit %d %s, failed %v", r.ExitCode, r.Status, r.Failed)
	}
	if w.messages(alice) != 3 || w.messages(bob) != 0 {
		t.Errorf("alice has %d messages, bob %d", w.messages(alice), w.messages(bob))
	}
	if f := w.state().Objects[bob].Failure; f == nil || !strings.Contains(f.Text, "go away") {
		t.Errorf("the state does not say why: %+v", f)
	}
	w.sources[bob].Before = nil
	w.clock.Advance(time.Hour)
	if r := w.run(); r.ExitCode != ExitDone || w.messages(bob) != 3 {
		t.Errorf("after it was mended: exit %d, %d messages", r.ExitCode, w.messages(bob))
	}
	if f := w.state().Objects[bob].Failure; f != nil {
		t.Errorf("a failure that is over is still told: %+v", f)
	}
}

func TestAZoneThatCannotBeWrittenIsAnError(t *testing.T) {
	w := company(t)
	w.wire = func(when fake.When, _ maildns.RRset) error { return retry.Temporary(errors.New("connection reset")) }
	r := w.run()
	if r.ExitCode != ExitError || !slices.Contains(r.Failed, "domain.main/spf.union") {
		t.Errorf("exit %d, failed %v", r.ExitCode, r.Failed)
	}
	if w.messages(alice) != 3 {
		t.Errorf("the mail did not go on: %d messages", w.messages(alice))
	}
	if _, marked := w.state().Marked("domain.main/spf.union"); !marked {
		t.Error("whether it was written is unknown, but the mark is gone")
	}
}

// A second try that is refused for good says nothing of the first, whose
// answer was lost: what was there before stays on record.
func TestARefusalKeepsTheMarkOfAnEarlierTry(t *testing.T) {
	w := company(t)
	before := w.served("example.ch", "MX")
	w.wire = func(when fake.When, after maildns.RRset) error {
		if when == fake.Afterwards && after.Type == "MX" {
			return retry.Temporary(errors.New("connection reset"))
		}
		return nil
	}
	w.run()
	w.publish("example.ch", "MX", before.TTL, before.Values...) // the write got lost after all
	w.wire = func(when fake.When, after maildns.RRset) error {
		if after.Type == "MX" {
			return fmt.Errorf("update: %w", providers.ErrAuth)
		}
		return nil
	}
	w.clock.Advance(time.Hour)
	w.run()
	mark, marked := w.state().Marked("domain.main/mx.ttl")
	if !marked || !strings.Contains(string(mark.Before), "86400") {
		t.Errorf("mark %v, before-image %s", marked, mark.Before)
	}
}

func TestARefusalForGoodOfTheFirstTryLeavesNoMark(t *testing.T) {
	w := company(t)
	w.wire = func(fake.When, maildns.RRset) error { return fmt.Errorf("update: %w", providers.ErrAuth) }
	w.run()
	if st := w.state(); len(st.InFlight) > 0 {
		t.Errorf("marks: %+v", st.InFlight)
	}
}

// changed edits the zone between the look and the step, as somebody else would.
func (w *world) changedBefore(step string, edit func()) {
	w.tap = func(point string) {
		if strings.HasSuffix(point, ":before:"+step) && strings.HasPrefix(point, "act:") && edit != nil {
			edit()
			edit = nil
		}
	}
}

func TestAZoneThatSomebodyChangedMeanwhileIsAConflict(t *testing.T) {
	w := company(t)
	w.changedBefore("mx.ttl", func() { w.publish("example.ch", "MX", 3600, "5 mx.elsewhere.example.") })
	r := w.run()
	if r.ExitCode != ExitConflict || r.Status != "refused" || len(r.Refusal) == 0 {
		t.Fatalf("exit %d %s: %v, failed %v", r.ExitCode, r.Status, r.Refusal, r.Failed)
	}
	if got := w.mx(); !slices.Equal(got, []string{"5 mx.elsewhere.example."}) {
		t.Errorf("their MX was written over: %v", got)
	}
}

func TestServersThatDoNotAnswerAreNoConflict(t *testing.T) {
	w := company(t)
	w.changedBefore("mx.ttl", func() { w.silent = "timeout" })
	r := w.run()
	if r.ExitCode == ExitConflict || r.ExitCode == ExitDone {
		t.Errorf("exit %d %s: %v", r.ExitCode, r.Status, r.Refusal)
	}
	if got := w.served("example.ch", "MX"); got.TTL != 86400 {
		t.Errorf("it was written to a zone that could not be seen: %v", got)
	}
}

func TestAWarningIsToldOnce(t *testing.T) {
	w := company(t)
	w.desired.Domains[0].MXTo.Values = []string{"10 mx.new.example.ch."}
	w.run()
	w.clock.Advance(time.Hour)
	r := w.run()
	seen := map[string]int{}
	for _, d := range r.Diags {
		if seen[d.String()]++; seen[d.String()] == 2 {
			t.Errorf("told again: %s", d)
		}
	}
}

func TestAnAccountThatAppearedMeanwhileIsNotTouched(t *testing.T) {
	w := company(t)
	w.changedBefore("create", func() {
		_ = w.service.CreateMailbox(t.Context(), providers.NewMailbox{Email: "alice@example.ch", Password: secret.New("hers")})
	})
	w.run()
	w.clock.Advance(time.Hour)
	w.run()
	w.clock.Advance(time.Hour)
	w.run()
	if !w.service.CheckLogin("alice@example.ch", "hers") {
		t.Error("the password of an account that is not ours was set")
	}
}

func TestAnAccountWhoseAnswerWasLostGetsItsPassword(t *testing.T) {
	w := company(t)
	lost := true
	w.service.SetHook(func(when fake.When, verb, subject string) error {
		if verb == "create mailbox" && subject == "alice@example.ch" && when == fake.Afterwards && lost {
			lost = false
			return retry.Temporary(errors.New("connection reset"))
		}
		return nil
	})
	w.run()
	if _, marked := w.state().Marked(string(alice) + "/create"); !marked {
		t.Fatal("no mark")
	}
	w.clock.Advance(time.Hour)
	w.run()
	if !w.service.CheckLogin("alice@example.ch", "env:NEW") || w.state().Objects[alice].Mailbox == nil || !w.state().Objects[alice].Mailbox.Created {
		t.Error("our own account was not taken up again")
	}
}

// dies is what a test panics with to end a run at an instruction.
type dies struct{}

// killed runs a tick that ends at a point, as if the process were killed.
func (w *world) killed(at string) {
	w.t.Helper()
	w.tap = func(point string) {
		if point == at {
			panic(dies{})
		}
	}
	defer func() {
		w.tap = nil
		if r := recover(); r != (dies{}) {
			w.t.Fatalf("it was not killed at %s: %v", at, r)
		}
	}()
	w.run()
}

func TestACrashBetweenMarkAndRecordKeepsWhatWasThereBefore(t *testing.T) {
	for _, at := range []string{"act:lower_ttl:before:mx.ttl", "dns:before:mx.ttl", "dns:after:mx.ttl", "act:lower_ttl:after:mx.ttl"} {
		t.Run(at, func(t *testing.T) {
			w := company(t)
			w.killed(at)
			if m, ok := w.state().Marked("domain.main/mx.ttl"); !ok || !strings.Contains(string(m.Before), "86400") {
				t.Fatalf("mark: %v %s", ok, m.Before)
			}
			if r := w.run(); r.ExitCode != ExitDone {
				t.Fatalf("run again: exit %d %v %v", r.ExitCode, r.Err, r.Refusal)
			}
			d, ok := w.state().DoneAt(dom, "mx.ttl")
			if !ok || !strings.Contains(string(d.Before), "86400") || !strings.Contains(string(d.After), "300") {
				t.Errorf("recorded %v: %s -> %s", ok, d.Before, d.After)
			}
			if n := len(slices.DeleteFunc(slices.Clone(w.writes), func(x zoneWrite) bool { return x.after.Type != "MX" })); n != 1 {
				t.Errorf("the TTL was written %d times", n)
			}
		})
	}
}

func TestAPanicGivesTheLockBack(t *testing.T) {
	w := company(t)
	w.killed("act:lower_ttl:before:mx.ttl")
	if w.place.held != nil {
		t.Errorf("held by %+v", w.place.held.holder)
	}
}

func TestUntilIsInclusive(t *testing.T) {
	w := company(t)
	w.run(func(e *Executor) { e.Until = migration.Prepare })
	if got := w.served("example.ch", "MX").TTL; got != 86400 {
		t.Errorf("the TTL was lowered: %d", got)
	}
	if !w.served("example.ch", "TXT").Has("v=spf1 a:mx.old.example include:shop.example include:spf.new.example -all") {
		t.Error("prepare was not done")
	}
	w.run(func(e *Executor) { e.Until = migration.LowerTTL })
	if got := w.served("example.ch", "MX").TTL; got != 300 {
		t.Errorf("the TTL was not lowered: %d", got)
	}
	if w.messages(alice) > 0 {
		t.Error("the sync began")
	}
}

func TestAStepThatFailsIsTriedOnceInATick(t *testing.T) {
	w := company(t)
	tries := 0
	w.service.SetHook(func(when fake.When, verb, subject string) error {
		if verb == "create mailbox" && subject == "bob@example.ch" && when == fake.Before {
			tries++
			return retry.Temporary(errors.New("503 later"))
		}
		return nil
	})
	w.run()
	if tries != 1 {
		t.Errorf("%d tries", tries)
	}
}

func TestAHoldStopsEverythingButThePasses(t *testing.T) {
	w := company(t)
	w.run()
	w.change(func(st *state.State) { st.Hold = &state.Hold{Since: w.clock.Now(), By: "bea"} })
	w.clock.Set(saturday)
	w.arrive(alice, "new", saturday.Add(-time.Hour))
	writes := len(w.writes)
	r := w.run()
	if len(w.writes) != writes || w.state().Switch != nil {
		t.Errorf("written although held: %v", w.writes[writes:])
	}
	if w.messages(alice) != 4 {
		t.Errorf("the pass was held too: %d messages", w.messages(alice))
	}
	if r.Gate != planner.GateHold || r.Detailed() != ExitPerson {
		t.Errorf("gate %q, detailed exit %d", r.Gate, r.Detailed())
	}
}

func TestAStopEndsTheRunAtASafePlaceAndItGoesOnLater(t *testing.T) {
	w := company(t)
	stop := make(chan struct{})
	w.tap = func(point string) {
		if point == "act:prepare:after:create" {
			w.tap = nil
			close(stop)
		}
	}
	r := w.run(func(e *Executor) { e.Stop = stop })
	if r.ExitCode != ExitInterrupted || r.Status != "interrupted" {
		t.Fatalf("exit %d %s", r.ExitCode, r.Status)
	}
	if _, done := w.state().DoneAt(alice, "create"); !done {
		t.Error("the step in hand was not recorded")
	}
	if r := w.run(); r.ExitCode != ExitDone || w.messages(alice) != 3 {
		t.Errorf("run again: exit %d, %d messages", r.ExitCode, w.messages(alice))
	}
}

func TestAPassThatIsStoppedIsNoFailureAndIsTakenUpAtOnce(t *testing.T) {
	w := company(t)
	w.run()
	w.clock.Advance(time.Hour)
	for i := range 3 {
		w.arrive(alice, fmt.Sprintf("new %d", i), w.clock.Now())
	}
	stop := make(chan struct{})
	stopped := false
	w.targets[alice].Before = func(command string) error {
		if command == "APPEND" && !stopped {
			stopped = true
			close(stop)
			<-w.passing.Done()
		}
		return nil
	}
	r := w.run(func(e *Executor) { e.Stop = stop })
	if r.ExitCode != ExitInterrupted {
		t.Fatalf("exit %d %s %v", r.ExitCode, r.Status, r.Failed)
	}
	w.targets[alice].Before = nil
	if r := w.run(); r.ExitCode != ExitDone || w.messages(alice) != 6 {
		t.Errorf("run again at once: exit %d, %d messages of 6", r.ExitCode, w.messages(alice))
	}
}

func TestTheSecondInterruptReachesWhatIsDoneAfterThePasses(t *testing.T) {
	w := company(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var answer error
	w.answers = func(migration.RecipientQuery) []migration.RecipientAnswer {
		cancel(ErrInterrupted)
		return nil
	}
	outside := w.outside()
	asked := outside.Recipients
	outside.Recipients = func(ctx context.Context, q migration.RecipientQuery) []migration.RecipientAnswer {
		out := asked(ctx, q)
		answer = context.Cause(ctx)
		return out
	}
	r := w.runIn(ctx, func(e *Executor) { e.World = outside })
	if !errors.Is(answer, ErrInterrupted) {
		t.Errorf("the step went on: %v", answer)
	}
	if r.ExitCode != ExitInterrupted {
		t.Errorf("exit %d %s %v", r.ExitCode, r.Status, r.Err)
	}
}

func TestTwoSidesThatAreOneAccountAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target mailsync.Identity
		login          string
		refused        bool
	}{
		"one key, one address, one login":   {mailsync.Identity{KeySHA256: "k", Address: "192.0.2.1:993"}, mailsync.Identity{KeySHA256: "k", Address: "192.0.2.1:993"}, "alice@example.ch", true},
		"one address without TLS":           {mailsync.Identity{Address: "192.0.2.1:143"}, mailsync.Identity{Address: "192.0.2.1:143"}, "alice@example.ch", true},
		"another login on one server":       {mailsync.Identity{KeySHA256: "k", Address: "192.0.2.1:993"}, mailsync.Identity{KeySHA256: "k", Address: "192.0.2.1:993"}, "old-alice", false},
		"another key behind one address":    {mailsync.Identity{KeySHA256: "k", Address: "192.0.2.1:993"}, mailsync.Identity{KeySHA256: "l", Address: "192.0.2.1:993"}, "alice@example.ch", false},
		"another address without TLS":       {mailsync.Identity{Address: "192.0.2.1:143"}, mailsync.Identity{Address: "192.0.2.2:143"}, "alice@example.ch", false},
		"servers that show nothing of them": {mailsync.Identity{}, mailsync.Identity{}, "alice@example.ch", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := company(t)
			w.desired.Mailboxes[0].Source.Login = tt.login
			out := w.outside()
			open, openTarget := out.OpenSource, out.OpenTarget
			out.OpenSource = func(ctx context.Context, s migration.Server, m migration.Mailbox, p *state.Pin) (mailsync.Source, error) {
				conn, err := open(ctx, s, m, p)
				return &sourceWho{conn, tt.source}, err
			}
			out.OpenTarget = func(ctx context.Context, s migration.Server, m migration.Mailbox, p *state.Pin) (mailsync.Target, error) {
				conn, err := openTarget(ctx, s, m, p)
				return &targetWho{conn, tt.target}, err
			}
			w.run(func(e *Executor) { e.World = out })
			if _, pinned := w.state().DoneAt(alice, "pin"); pinned == tt.refused {
				t.Errorf("pinned: %v", pinned)
			}
		})
	}
}

// sourceWho and targetWho say who they are as a test wants it.
type sourceWho struct {
	mailsync.Source
	id mailsync.Identity
}

func (s *sourceWho) Identity() mailsync.Identity { return s.id }

type targetWho struct {
	mailsync.Target
	id mailsync.Identity
}

func (s *targetWho) Identity() mailsync.Identity { return s.id }

func TestAMailboxThatAnotherRunWorksOnIsNoFailure(t *testing.T) {
	w := company(t)
	w.run(func(e *Executor) { e.Until = migration.LowerTTL })
	end, err := w.ledgers[alice].Lease(t.Context(), "bea")
	if err != nil {
		t.Fatal(err)
	}
	r := w.run()
	box := w.state().Objects[alice]
	if box.Failure != nil || box.Mailbox.Pass != nil || !box.Mailbox.Silence.LastTry.IsZero() {
		t.Errorf("failure %+v, pass %+v, silence %+v", box.Failure, box.Mailbox.Pass, box.Mailbox.Silence)
	}
	if r.ExitCode != ExitPartial || w.messages(bob) != 3 {
		t.Errorf("exit %d, bob has %d messages", r.ExitCode, w.messages(bob))
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if r := w.run(); r.ExitCode != ExitDone || w.messages(alice) != 3 {
		t.Errorf("once it is free: exit %d, %d messages", r.ExitCode, w.messages(alice))
	}
}
