package state

import (
	"time"

	"bascule/migration"
)

// New returns an empty state of a new lineage.
func New(lineage, tool string, now time.Time) *State {
	return &State{
		FormatVersion: FormatVersion, Tool: tool, Lineage: lineage, Updated: now,
		Objects: map[migration.Address]*Object{},
	}
}

// Object returns the progress of an object, making it when there is none.
func (s *State) Object(a migration.Address) *Object {
	o := s.Objects[a]
	if o == nil {
		o = &Object{}
		s.Objects[a] = o
	}
	return o
}

// MailboxOf returns the mailbox part of an object, making it when there is none.
func (s *State) MailboxOf(a migration.Address) *Mailbox {
	o := s.Object(a)
	if o.Mailbox == nil {
		o.Mailbox = &Mailbox{}
	}
	return o.Mailbox
}

// DoneAt returns the record of a step, if it was recorded.
func (s *State) DoneAt(a migration.Address, step string) (Done, bool) {
	o := s.Objects[a]
	if o == nil {
		return Done{}, false
	}
	d, ok := o.Done[step]
	return d, ok
}

// Marked reports whether a step was begun and not recorded.
func (s *State) Marked(key string) (Mark, bool) {
	for _, m := range s.InFlight {
		if m.Key == key {
			return m, true
		}
	}
	return Mark{}, false
}

// AddEvent appends to the history people read.
func (s *State) AddEvent(at time.Time, name string, a migration.Address, text string) {
	s.Events = append(s.Events, Event{At: at, Name: name, Address: a, Text: text})
}

// Switched reports whether the target is the truth: the intent to write the
// first new MX is durable. It stays so after a rollback.
func (s *State) Switched() bool { return s.Switch != nil }
