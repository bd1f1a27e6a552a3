package planner

import (
	"time"

	"bascule/migration"
)

// GateStatus is a verdict. Only Open passes.
type GateStatus string

// Verdicts of a gate.
const (
	Open GateStatus = "open"
	// Closed until OpensAt, or until a step that comes first is done.
	Closed GateStatus = "closed"
	// Person: somebody must act.
	Person GateStatus = "person"
	// Inconclusive: it could not be found out. It never passes.
	Inconclusive GateStatus = "inconclusive"
	// GateFailed: the evidence says no.
	GateFailed GateStatus = "failed"
)

// Gate guards steps of a phase.
type Gate struct {
	ID     string          `json:"id"`
	Kind   string          `json:"kind"`
	Phase  migration.Phase `json:"phase"`
	Status GateStatus      `json:"status"`
	// OpensAt and ClosesAt are zero when not known.
	OpensAt  time.Time `json:"opens_at,omitzero"`
	ClosesAt time.Time `json:"closes_at,omitzero"`
	// Because says why, in a sentence; Items name what is missing; Next is the
	// move that opens it.
	Because string   `json:"because"`
	Items   []string `json:"items,omitempty"`
	Next    string   `json:"next,omitempty"`
}

// Kinds of gate.
const (
	GateWindow      = "window"
	GateTTLExpiry   = "ttl_expiry"
	GateEvidence    = "evidence"
	GateHold        = "hold"
	GatePropagation = "propagation"
	GateSoak        = "soak"
	GateSilence     = "silence"
	GateLead        = "lead"
)

// holdGate is closed while somebody holds the migration. It guards every step
// that changes something other than mailbox progress.
func holdGate(in Input) Gate {
	g := Gate{ID: GateHold, Kind: GateHold, Phase: migration.Cutover, Status: Open, Because: "nobody holds the migration"}
	if h := in.State.Hold; h != nil {
		g.Status = Person
		g.Because = "held by " + h.By + " since " + h.Since.Format(time.RFC3339)
		if h.Reason != "" {
			g.Because += ": " + h.Reason
		}
		g.Next = "bascule gate release"
	}
	return g
}
