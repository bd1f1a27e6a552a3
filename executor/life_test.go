package executor

import (
	"slices"
	"testing"
	"time"
)

func TestAMigrationGoesFromPrepareToTheProofUnderOneReviewedPlan(t *testing.T) {
	w := company(t)
	p := w.plan()
	w.toSwitched(reviewed(p))
	w.oldClosed = true
	r := w.until("the proof", func(r Result) bool { return r.Status == "done" || r.ExitCode != ExitDone }, reviewed(p))
	if r.ExitCode != ExitDone || !r.Plan.Finished {
		t.Fatalf("it ends with %d %s: %v %v %v", r.ExitCode, r.Status, r.Err, r.Refusal, r.Diags)
	}
	if mx := w.served("example.ch", "MX"); mx.TTL != 86400 || !slices.Equal(mx.Values, []string{"10 mx.new.example."}) {
		t.Errorf("the MX ends as %v", mx)
	}
	if w.messages(alice) != 3 || w.messages(bob) != 3 {
		t.Errorf("alice has %d messages, bob %d", w.messages(alice), w.messages(bob))
	}
	for _, a := range []string{"proof.json", "proof.txt", "clients/alice@example.ch.txt"} {
		if w.files[a] == "" {
			t.Errorf("%s was not written; there are %v", a, len(w.files))
		}
	}
	if st := w.state(); len(st.InFlight) > 0 || len(st.Executions) != 1 {
		t.Errorf("marks %v, executions %+v", st.InFlight, st.Executions)
	}
}

func TestATickWithNothingDueWritesNothing(t *testing.T) {
	w := company(t)
	w.run()
	serial, zone, calls := w.state().Serial, len(w.writes), w.service.Writes()
	for a := range w.targets {
		w.targets[a].Writes()
	}
	w.clock.Advance(time.Minute)
	if r := w.run(); r.Status != "paused" || len(r.Applied) > 0 {
		t.Errorf("%s, applied %v", r.Status, r.Applied)
	}
	for a, s := range w.targets {
		if got := s.Writes(); len(got) > 0 {
			t.Errorf("%s was written to: %v", a, got)
		}
	}
	if got := w.state().Serial; got != serial || len(w.writes) != zone || w.service.Writes() != calls {
		t.Errorf("state %d -> %d, zone %d -> %d, service %d -> %d", serial, got, zone, len(w.writes), calls, w.service.Writes())
	}
}
