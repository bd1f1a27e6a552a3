package planner

import (
	"testing"
	"time"

	"bascule/state"
)

func TestTheProofWaitsForTheClientsEvenWithoutAMailbox(t *testing.T) {
	w := company()
	w.desired.Mailboxes, w.desired.Aliases = nil, nil
	w.publish("example.ch", "MX", 300, "10 mx.old.example.")
	w.domain().SPF.Manage = false
	w.accept("inbound", dom)
	w.verdicts["domain.main/clients"] = state.Failed
	w.toSwitched(t)
	w.now = w.now.Add(80 * time.Hour)
	if w.tick(t); w.look().done(Root, "proof") {
		t.Error("the proof was written while published records lead to the old side")
	}
	w.accept("clients", dom)
	if p := w.tick(t); !p.Finished {
		t.Errorf("it does not end: %v", p.Phases)
	}
}

func TestAfterAWayBackEveryGateStandsAgainEvenWhereNoMXMoves(t *testing.T) {
	w := company()
	w.publish("example.ch", "MX", 86400, "10 mx.new.example.")
	w.toSwitched(t)
	w.rollBack(t)
	w.st.Hold = nil
	w.now = w.now.Add(48 * time.Hour)
	p := w.tick(t)
	if _, ok := p.Gate(GateWindow); !ok || w.st.Switch.Back == nil {
		t.Error("it was switched again outside the window")
	}
}
