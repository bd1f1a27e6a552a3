package executor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

func TestSilenceCountsOnlyTimeCoveredByLooks(t *testing.T) {
	at := func(h float64) time.Time { return saturday.Add(time.Duration(h * float64(time.Hour))) }
	look := func(h float64) mailsync.Report { return mailsync.Report{Looked: at(h)} }
	arrival := func(h, came float64) mailsync.Report { return mailsync.Report{Looked: at(h), LastArrival: at(came)} }
	type event struct {
		r      mailsync.Report
		failed float64 // when a pass failed, if r is empty
	}
	for name, tt := range map[string]struct {
		events []event
		quiet  time.Duration
	}{
		"one look covers nothing":            {[]event{{r: look(1)}}, 0},
		"two looks cover what lies between":  {[]event{{r: look(1)}, {r: look(3)}}, 2 * time.Hour},
		"looks add up":                       {[]event{{r: look(1)}, {r: look(3)}, {r: look(4)}}, 3 * time.Hour},
		"what came before is no arrival":     {[]event{{r: arrival(1, 0.5)}, {r: arrival(3, 0.5)}}, 2 * time.Hour},
		"an arrival begins anew":             {[]event{{r: look(1)}, {r: look(3)}, {r: arrival(4, 3.5)}}, 0},
		"and counts from its look":           {[]event{{r: look(1)}, {r: arrival(4, 1.5)}, {r: arrival(5, 1.5)}}, time.Hour},
		"a first arrival in an empty box":    {[]event{{r: look(1)}, {r: look(2)}, {r: arrival(3, 2.5)}, {r: arrival(4, 2.5)}}, time.Hour},
		"time around a failed pass":          {[]event{{r: look(1)}, {r: look(2)}, {failed: 3}, {r: look(4)}}, time.Hour},
		"time after a failed pass counts":    {[]event{{r: look(1)}, {failed: 3}, {r: look(4)}, {r: look(6)}}, 2 * time.Hour},
		"a folder that could not be seen":    {[]event{{r: look(1)}, {r: mailsync.Report{}}, {r: look(2)}}, 0},
		"a long absence covers twelve hours": {[]event{{r: look(1)}, {r: look(50)}}, quietCap},
	} {
		t.Run(name, func(t *testing.T) {
			var box state.Mailbox
			for _, e := range tt.events {
				if e.failed > 0 {
					failedPass(&box, at(e.failed))
					continue
				}
				now := e.r.Looked
				if now.IsZero() {
					now = at(1.5)
				}
				listen(&box.Silence, seen{Report: e.r}, now)
			}
			if box.Silence.Quiet != tt.quiet {
				t.Errorf("quiet for %s, want %s: %+v", box.Silence.Quiet, tt.quiet, box.Silence)
			}
		})
	}
}

func TestTheLockIsNotHeldDuringPasses(t *testing.T) {
	w := company(t)
	w.run(func(e *Executor) { e.Until = migration.LowerTTL })
	var locks []error
	w.sources[alice].Before = func(string) error {
		_, unlock, err := w.store().Lock(context.Background(), state.Holder{Who: "bea"})
		if err == nil {
			err = unlock()
		}
		locks = append(locks, err)
		return nil
	}
	w.run()
	if err := errors.Join(locks...); len(locks) == 0 || err != nil {
		t.Errorf("%d tries to lock during the passes: %v", len(locks), err)
	}
}

func TestTheLockIsTakenBackPatiently(t *testing.T) {
	w := company(t)
	held := false
	w.targets[alice].Before = func(command string) error {
		if command == "APPEND" && w.probed(alice) && !held {
			held = true
			if _, _, err := w.store().Lock(context.Background(), state.Holder{Who: "bea"}); err != nil {
				t.Error(err) // its lease ends by itself after 90 s
			}
		}
		return nil
	}
	r := w.run()
	if !held || r.ExitCode == ExitLocked || w.state().Objects[alice].Mailbox.Pass == nil {
		t.Errorf("held %v, exit %d: what the passes did is lost", held, r.ExitCode)
	}
}

func TestALockLostEndsTheRunAndNothingMoreIsWritten(t *testing.T) {
	for _, at := range []string{"act:prepare:before:spf.union", "act:prepare:after:spf.union", "act:lower_ttl:before:mx.ttl"} {
		t.Run(at, func(t *testing.T) {
			w := company(t)
			var serial uint64
			var writes int
			w.tap = func(point string) {
				if point == at {
					if err := w.store().Break(context.Background(), w.place.held.holder.ID); err != nil {
						t.Error(err)
					}
					serial, writes = w.state().Serial, len(w.writes)
				}
			}
			r := w.run()
			if r.ExitCode != ExitError || !errors.Is(r.Err, state.ErrLostLock) {
				t.Errorf("exit %d: %v", r.ExitCode, r.Err)
			}
			if got := w.state().Serial; got != serial || len(w.writes) != writes {
				t.Errorf("state %d -> %d, zone %d -> %d", serial, got, writes, len(w.writes))
			}
		})
	}
}

func TestAHeldLockNamesItsHolder(t *testing.T) {
	w := company(t)
	if _, _, err := w.store().Lock(context.Background(), state.Holder{Who: "bea"}); err != nil {
		t.Fatal(err)
	}
	r := w.run()
	var locked *state.LockedError
	if r.ExitCode != ExitLocked || !errors.As(r.Err, &locked) || locked.Holder.Who != "bea" {
		t.Errorf("exit %d: %v", r.ExitCode, r.Err)
	}
	if r := w.run(func(e *Executor) { e.LockTimeout = 2 * time.Minute }); r.ExitCode != ExitDone {
		t.Errorf("who waits gets it when the lease ends: exit %d %v", r.ExitCode, r.Err)
	}
	if !slices.ContainsFunc(w.events, func(e Event) bool { return e.Kind == "note" }) {
		t.Error("a lock was taken over and nobody was told")
	}
}

// late is a world after the switch in which mail still came to the old side.
func late(t *testing.T) (*world, *planner.Plan) {
	w := company(t)
	p := w.plan()
	w.toSwitched(reviewed(p))
	w.clock.Advance(time.Hour)
	w.arrive(alice, "late", w.clock.Now())
	w.mu.Lock()
	w.opened = nil
	w.mu.Unlock()
	return w, p
}

func TestThePullComesFirstWhateverIsRefused(t *testing.T) {
	for name, refuse := range map[string]struct {
		change func(w *world, p *planner.Plan)
		exit   int
	}{
		"a plan of another lineage": {func(_ *world, p *planner.Plan) { p.Base.Lineage = "x" }, ExitConflict},
		"a plan that is altered":    {func(_ *world, p *planner.Plan) { p.ID = "sha256:00" }, ExitConflict},
		"a state that moved on":     {func(w *world, _ *planner.Plan) { w.change(func(st *state.State) { st.Revision++ }) }, ExitConflict},
		"an edited configuration":   {func(w *world, _ *planner.Plan) { w.desired.Digest = "edited" }, ExitConflict},
		"an MX somebody changed":    {func(w *world, _ *planner.Plan) { w.publish("example.ch", "MX", 60, "1 mx.their.example.") }, ExitConflict},
		"a zone that is unknown":    {func(w *world, _ *planner.Plan) { w.silent = "timeout" }, ExitPartial},
		"a look that fails": {func(w *world, _ *planner.Plan) {
			w.lookAt = func(*planner.Input) error { return errors.New("no network") }
		}, ExitError},
		"a hold": {func(w *world, _ *planner.Plan) { w.change(func(st *state.State) { st.Hold = &state.Hold{By: "bea"} }) }, ExitDone},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := late(t)
			refuse.change(w, p)
			writes := len(w.writes)
			r := w.run(reviewed(p))
			if r.ExitCode != refuse.exit {
				t.Errorf("exit %d %s: %v %v", r.ExitCode, r.Status, r.Err, r.Refusal)
			}
			if w.messages(alice) != 4 {
				t.Errorf("the late mail was not pulled: %d messages", w.messages(alice))
			}
			if len(w.writes) != writes {
				t.Errorf("the zone was written to: %v", w.writes[writes:])
			}
		})
	}
}

func TestThePullUsesWhatWasApprovedNotWhatWasEdited(t *testing.T) {
	w, p := late(t)
	w.desired.Digest = "edited"
	w.desired.Sources = []migration.Server{{Address: "source.imap.old", Endpoint: migration.Endpoint{Host: "imap.evil.example", Port: 993}}}
	w.desired.Mailboxes = w.desired.Mailboxes[1:]
	w.run(reviewed(p))
	if w.messages(alice) != 4 {
		t.Errorf("who was taken out of the configuration is not pulled: %d messages", w.messages(alice))
	}
	for _, s := range w.opened {
		if s.Endpoint.Host == "imap.evil.example" {
			t.Error("the pull went to a server nobody approved")
		}
	}
}

func TestThePullDeletesNothing(t *testing.T) {
	w, p := late(t)
	w.sources[alice].Expunge("INBOX", 1)
	w.run(reviewed(p))
	if w.messages(alice) != 4 {
		t.Errorf("%d messages, want the three of before and the late one", w.messages(alice))
	}
}

func TestThePullAloneNeedsNoConfiguration(t *testing.T) {
	w, _ := late(t)
	out := w.outside()
	out.Look = nil
	r := (&Executor{World: out, Report: w, Holder: state.Holder{Who: "anna"}}).Pull(t.Context())
	if r.ExitCode != ExitDone || w.messages(alice) != 4 || w.place.held != nil {
		t.Errorf("exit %d %v, %d messages", r.ExitCode, r.Err, w.messages(alice))
	}
	if last := w.state().Executions; last[len(last)-1].PlanID != w.state().Switch.PlanID {
		t.Errorf("the pull is not the doing of the plan that switched: %+v", last)
	}
}

func TestAPlanChangedBySomebodyDuringThePassesIsRefusedAfterThem(t *testing.T) {
	w := company(t)
	p := w.plan()
	moved := false
	w.targets[alice].Before = func(command string) error {
		if command == "APPEND" && w.probed(alice) && !moved {
			moved = true
			w.change(func(st *state.State) { st.Revision++ })
		}
		return nil
	}
	if r := w.run(reviewed(p)); !moved || r.ExitCode != ExitConflict {
		t.Errorf("moved %v, exit %d %v", moved, r.ExitCode, r.Err)
	}
	if w.state().Objects[alice].Mailbox.Pass == nil {
		t.Error("what the pass did is not on record")
	}
}

func TestRollingBackLeadsTheMXBackAndHolds(t *testing.T) {
	w, p := late(t)
	r := w.run(func(e *Executor) { e.Mode = planner.Rollback })
	if got := w.mx(); !slices.Equal(got, []string{"10 mx.old.example."}) || w.state().Hold == nil || w.state().Switch.Back == nil {
		t.Fatalf("MX %v, hold %v, exit %d %v", got, w.state().Hold, r.ExitCode, r.Err)
	}
	if w.messages(alice) != 4 {
		t.Error("the pull did not come first")
	}
	if r := w.run(reviewed(p)); r.ExitCode != ExitConflict {
		t.Errorf("the forward plan lives on: exit %d", r.ExitCode)
	}
}

func TestVerifyGathersEvidenceAndRaisesNoRevision(t *testing.T) {
	w := company(t)
	w.run()
	w.targets[bob].Alter("INBOX", 1, "altered")
	before := w.state().Revision
	r := (&Executor{World: w.outside(), Report: w, Holder: state.Holder{Who: "anna"}}).Verify(t.Context(), "full")
	if r.Err != nil || w.state().Revision != before || w.place.held != nil {
		t.Errorf("%v, revision %d -> %d", r.Err, before, w.state().Revision)
	}
	if a, b := w.state().Objects[alice].Evidence["messages"], w.state().Objects[bob].Evidence["messages"]; a.Verdict != state.Passed || b.Verdict != state.Failed {
		t.Errorf("alice %+v, bob %+v", a, b)
	}
}
