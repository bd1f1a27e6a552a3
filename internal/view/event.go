package view

import (
	"io"
	"time"

	"bascule/migration"
)

// Level says how much an event matters.
type Level string

// Levels, as they stand in the JSON stream.
const (
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// Event is something that happened during an apply.
type Event struct {
	At    time.Time
	Level Level
	// Name is the kind of event, the type of the JSON stream: "apply_start".
	Name    string
	Address migration.Address
	// StepID is the step: its number in the plan, "s07", or its name.
	StepID string
	Text   string
	// Begins is true where a step that takes long has only begun.
	Begins bool
	// Fields are further figures for machines.
	Fields map[string]string
}

// ProgressUpdate says how far a pass over a mailbox has come.
type ProgressUpdate struct {
	At      time.Time
	Mailbox migration.Address
	// Folder is the one being worked on, if there is one.
	Folder string
	// Done and Total count messages; Total is 0 while it is not known.
	Done, Total int64
	// Bytes were copied so far.
	Bytes int64
	// Ended is true when the pass is over, however it ended.
	Ended bool
}

// Reporter is told what happens. Implementations may be called from several
// goroutines at once; what cannot be written is dropped, since an apply must
// not fail because nobody listens.
type Reporter interface {
	Event(Event)
	Progress(ProgressUpdate)
	// Close leaves the output in order. Nothing may be reported after it.
	Close()
}

// NewReporter returns the Reporter for people that fits a style: a Terminal
// where lines may be redrawn, Lines elsewhere.
func NewReporter(w io.Writer, s Style) Reporter {
	if s.Live {
		return NewTerminal(w, s)
	}
	return NewLines(w, s)
}
