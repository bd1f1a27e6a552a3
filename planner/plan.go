package planner

import (
	"time"

	"bascule/migration"
)

// FormatVersion of the plan document: minor versions add, major ones break.
const FormatVersion = "1.0"

// Mode of a plan.
type Mode string

// Modes.
const (
	Forward  Mode = "forward"
	Rollback Mode = "rollback"
)

// Plan is everything that is left to do, as plain data.
type Plan struct {
	FormatVersion string    `json:"format_version"`
	ID            string    `json:"plan_id"`
	Mode          Mode      `json:"mode"`
	Created       time.Time `json:"created"`
	Tool          string    `json:"tool_version,omitempty"`
	Base          Base      `json:"base"`
	// Migration is the label of the migration block, Domains the names it
	// moves; both only to be shown.
	Migration string   `json:"migration,omitempty"`
	Domains   []string `json:"domains,omitempty"`
	// Phase is the first unfinished phase on the path of the objects.
	Phase  migration.Phase `json:"phase"`
	Phases []PhaseStatus   `json:"phases"`
	Steps  []Step          `json:"steps"`
	Gates  []Gate          `json:"gates"`
	Drift  []Drift         `json:"drift"`
	// Blocked names objects that could not be looked at; Complete is false
	// when there are any.
	Blocked  []Blocked   `json:"blocked"`
	Complete bool        `json:"complete"`
	Forecast []Milestone `json:"forecast"`
	// Accepted lists what a person accepted by name, shown in red.
	Accepted []migration.Accept `json:"accepted"`
	// Plaintext names servers that are spoken to without TLS, shown in red.
	Plaintext []migration.Address `json:"plaintext"`
	// Notes are facts a reviewer should know: folder mappings, altered names.
	Notes []Note `json:"notes"`
	// Finished is true when the migration is over.
	Finished bool `json:"finished"`
}

// Base is what the plan was made from; apply checks it.
type Base struct {
	Lineage      string `json:"lineage"`
	Serial       uint64 `json:"serial"`
	Revision     uint64 `json:"revision"`
	ConfigDigest string `json:"config_digest"`
}

// PhaseStatus is one line of the method.
type PhaseStatus struct {
	Phase migration.Phase `json:"phase"`
	// Status is "done", "running", "waiting", "blocked" or "later".
	Status string `json:"status"`
	Text   string `json:"text"`
}

// Drift is a difference between what the state says and what was observed.
type Drift struct {
	Address  migration.Address `json:"address"`
	What     string            `json:"what"`
	Expected []string          `json:"expected"`
	Found    []string          `json:"found"`
	// Wanted is what the next step on the object would have made of it.
	Wanted []string `json:"wanted,omitempty"`
	// Conflict stops every step on the object; other drift is corrected by one.
	Conflict bool   `json:"conflict"`
	Next     string `json:"next"`
}

// Blocked is an object that cannot be worked on now.
type Blocked struct {
	Address   migration.Address `json:"address"`
	Side      string            `json:"side,omitempty"`
	Why       string            `json:"why"`
	Temporary bool              `json:"temporary,omitempty"`
	Next      string            `json:"next,omitempty"`
}

// Milestone is one point of the forecast; no part of the plan's identity.
type Milestone struct {
	Phase migration.Phase `json:"phase"`
	At    time.Time       `json:"at"`
	Text  string          `json:"text"`
}

// Note is something to know about an object.
type Note struct {
	Address migration.Address `json:"address"`
	Text    string            `json:"text"`
}

// Changes reports whether the plan holds a change: a step to do now that is
// more than mailbox progress, a drift, or a conflict.
func (p *Plan) Changes() bool {
	if len(p.Drift) > 0 {
		return true
	}
	for _, s := range p.Steps {
		if s.Status == Ready && !s.Progress {
			return true
		}
	}
	return false
}

// Ready returns the steps that can be done now, in order.
func (p *Plan) Ready() []Step {
	var out []Step
	for _, s := range p.Steps {
		if s.Status == Ready {
			out = append(out, s)
		}
	}
	return out
}

// Conflicts returns the drift that stops steps.
func (p *Plan) Conflicts() []Drift {
	var out []Drift
	for _, d := range p.Drift {
		if d.Conflict {
			out = append(out, d)
		}
	}
	return out
}

// Gate returns the gate with that id.
func (p *Plan) Gate(id string) (Gate, bool) {
	for _, g := range p.Gates {
		if g.ID == id {
			return g, true
		}
	}
	return Gate{}, false
}
