package planner

import (
	"time"

	"bascule/migration"
)

// Status says why a step is or is not to be done now.
type Status string

// Statuses of a step.
const (
	// Ready: nothing holds it back.
	Ready Status = "ready"
	// Waiting: a step it depends on comes first, or its time has not come.
	Waiting Status = "waiting"
	// Gated: a gate is not open.
	Gated Status = "gated"
	// Held back because its object cannot be looked at or is in conflict.
	Stopped Status = "blocked"
)

// Step is one thing to do.
type Step struct {
	// ID numbers the steps of this plan for people: "s07".
	ID string `json:"id"`
	// Name is the step's name within its object: "mx.add". Address and Name
	// together are its identity, in every plan and in the state.
	Name    string            `json:"name"`
	Address migration.Address `json:"address"`
	Phase   migration.Phase   `json:"phase"`
	Action  Action            `json:"action"`
	Before  Value             `json:"before"`
	After   Value             `json:"after"`
	Reason  string            `json:"reason"`
	Risk    string            `json:"risk,omitempty"`
	Undo    string            `json:"undo,omitempty"`
	// Irreversible steps come first in every view.
	Irreversible bool     `json:"irreversible,omitempty"`
	DependsOn    []string `json:"depends_on,omitempty"`
	Gates        []string `json:"gates,omitempty"`
	Status       Status   `json:"status"`
	// Progress is true for mailbox progress and evidence: no change in the
	// sense of a reviewer, and never a conflict.
	Progress bool `json:"progress,omitempty"`
	// Revises is true when recording the step raises the state's revision.
	Revises bool `json:"revises,omitempty"`
	// NotBefore keeps the step back until then: the next pass, the next look
	// at what a person was asked to do. It is no part of the plan's identity.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Clears names records of the object that end with this step.
	Clears []string `json:"clears,omitempty"`
	// Estimate is how long it takes, for the forecast.
	Estimate time.Duration `json:"estimate,omitempty"`
}

// Key is the step's identity: "domain.main/mx.add".
func (s Step) Key() string { return StepKey(s.Address, s.Name) }

// StepKey joins an address and a step's name.
func StepKey(a migration.Address, name string) string { return string(a) + "/" + name }

// Value is one side of a change, as lines to show and to compare.
type Value struct {
	Lines []string `json:"lines,omitempty"`
	// KnownAfter is the key of the step that makes an unknown value.
	KnownAfter string `json:"known_after,omitempty"`
}

// Lines makes a Value.
func Lines(lines ...string) Value { return Value{Lines: lines} }

// Unknown reports whether the value is made by an earlier step.
func (v Value) Unknown() bool { return v.KnownAfter != "" }
