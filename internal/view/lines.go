package view

import (
	"io"
	"sync"
	"time"

	"bascule/migration"
)

// Lines reports one line an event, for CI and logs. Progress is a line a
// mailbox every half minute, so that a long pass is seen to live.
type Lines struct {
	mu     sync.Mutex
	w      io.Writer
	page   *page
	meters meters
	said   map[migration.Address]time.Time
}

var _ Reporter = (*Lines)(nil)

// linesEvery is how often Lines speaks of the progress of a mailbox.
const linesEvery = 30 * time.Second

// NewLines returns a Reporter that writes lines to w.
func NewLines(w io.Writer, s Style) *Lines {
	return &Lines{w: w, page: newPage(s), said: map[migration.Address]time.Time{}}
}

// Event implements Reporter.
func (l *Lines) Event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.page.style.Quiet && e.Level == Info {
		return
	}
	l.page.emit(eventLine(l.page.style, e))
	l.flush()
}

// Progress implements Reporter.
func (l *Lines) Progress(u ProgressUpdate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meters.add(u)
	last, begun := l.said[u.Mailbox]
	switch {
	case u.Ended:
		delete(l.said, u.Mailbox)
		return
	case !begun:
		// The event of the step has just said that it begins.
		l.said[u.Mailbox] = u.At
		return
	case u.At.Sub(last) < linesEvery || l.page.style.Quiet:
		return
	}
	l.said[u.Mailbox] = u.At
	l.page.emit(eventLine(l.page.style, Event{At: u.At, Level: Info, Address: u.Mailbox, Text: m.figures()}))
	l.flush()
}

// Close implements Reporter.
func (l *Lines) Close() {}

// flush writes what there is. An apply goes on when nobody listens.
func (l *Lines) flush() { _ = l.page.flush(l.w) }

// eventLine is an event as people read it: time, mark, object, step, text.
// It is one line however long it is: logs are searched by line.
func eventLine(s Style, e Event) line { return append(eventLead(s, e), eventBody(e)...) }

// leadCells is the width of what every event begins with.
const leadCells = 11

func eventLead(s Style, e Event) line {
	return line{say(faint, e.At.In(s.zone()).Format("15:04:05")), blank(1), levelMark(e.Level), blank(1)}
}

func eventBody(e Event) line {
	var l line
	if e.Address != "" {
		l = append(l, say(strong, string(e.Address)), blank(1))
	}
	if e.StepID != "" {
		l = append(l, say(faint, e.StepID), blank(1))
	}
	t := plain
	switch {
	case e.Level == Error:
		t = bad
	case e.Begins:
		t = faint
	}
	if e.Begins {
		return append(l, say(t, "begins"))
	}
	return append(l, say(t, e.Text))
}

func levelMark(l Level) span {
	switch l {
	case Error:
		return say(bad, "!")
	case Warn:
		return say(change, "~")
	default:
		return say(faint, "·")
	}
}
