package planner

import (
	"slices"
	"time"

	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

// Input is everything a decision depends on.
type Input struct {
	Desired  *migration.Desired
	Observed *migration.Observed
	// Zones holds the snapshot of each domain's zone, by the domain's
	// address. A domain without one was not looked at.
	Zones map[migration.Address]maildns.Zone
	// State is never nil; a migration that has not begun has an empty one.
	State *state.State
	// Now is the wall-clock time of the decision.
	Now  time.Time
	Tool string
	// loc is the configured time zone, once it was loaded.
	loc *time.Location
}

// domain returns a domain by address.
func (in Input) domain(a migration.Address) (migration.Domain, bool) {
	for _, d := range in.Desired.Domains {
		if d.Address == a {
			return d, true
		}
	}
	return migration.Domain{}, false
}

// mailboxAt returns a mailbox by address.
func (in Input) mailboxAt(a migration.Address) (migration.Mailbox, bool) {
	i := slices.IndexFunc(in.Desired.Mailboxes, func(m migration.Mailbox) bool { return m.Address == a })
	if i < 0 {
		return migration.Mailbox{}, false
	}
	return in.Desired.Mailboxes[i], true
}

// source returns a source server by address.
func (in Input) source(a migration.Address) migration.Server {
	for _, s := range in.Desired.Sources {
		if s.Address == a {
			return s
		}
	}
	return migration.Server{Address: a}
}

// target returns a target server by address.
func (in Input) target(a migration.Address) migration.Server {
	for _, s := range in.Desired.Targets {
		if s.Address == a {
			return s
		}
	}
	return migration.Server{Address: a}
}

// done reports whether a step was recorded.
func (in Input) done(a migration.Address, name string) bool {
	_, ok := in.State.DoneAt(a, name)
	return ok
}

// mailbox returns what the state knows of a mailbox; never nil.
func (in Input) mailbox(a migration.Address) *state.Mailbox {
	if o := in.State.Objects[a]; o != nil && o.Mailbox != nil {
		return o.Mailbox
	}
	return &state.Mailbox{}
}

// evidence returns the last result of a check.
func (in Input) evidence(a migration.Address, check string) (state.Evidence, bool) {
	o := in.State.Objects[a]
	if o == nil {
		return state.Evidence{}, false
	}
	e, ok := o.Evidence[check]
	return e, ok
}

// can reports whether the driver of a target can do something.
func (in Input) can(target migration.Address, what string) bool {
	for _, c := range in.Observed.Targets[target].Can {
		if c == what {
			return true
		}
	}
	return false
}

// root is the address of the migration as a whole.
func (in Input) root() migration.Address { return Root }

// Root is the address under which the state keeps what concerns the
// migration as a whole.
const Root migration.Address = "migration"
