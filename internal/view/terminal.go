package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Terminal reports events as lines that stay, and below them one line for
// each mailbox being passed, redrawn in place.
type Terminal struct {
	mu     sync.Mutex
	w      io.Writer
	page   *page
	meters meters
	// drawn is how many lines of progress stand below the last event.
	drawn  int
	redrew time.Time
}

var _ Reporter = (*Terminal)(nil)

const (
	// redrawEvery bounds how often the lines are drawn anew.
	redrawEvery = 100 * time.Millisecond
	// shownMeters bounds the lines of progress: lines that have scrolled away
	// cannot be redrawn, and every terminal is taller than this.
	shownMeters = 8
	// barCells is the width of a bar.
	barCells = 20
)

// NewTerminal returns a Reporter that redraws lines on the terminal w.
func NewTerminal(w io.Writer, s Style) *Terminal { return &Terminal{w: w, page: newPage(s)} }

// Event implements Reporter.
func (t *Terminal) Event(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.page.style.Quiet && e.Level == Info {
		return
	}
	t.erase()
	for i, part := range wrap(eventBody(e), t.page.style.cells()-leadCells) {
		lead := eventLead(t.page.style, e)
		if i > 0 {
			lead = line{blank(leadCells)}
		}
		t.page.emit(append(lead, part...))
	}
	t.draw()
	t.flush()
}

// Progress implements Reporter.
func (t *Terminal) Progress(u ProgressUpdate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meters.add(u)
	if since := u.At.Sub(t.redrew); t.page.style.Quiet || !u.Ended && since >= 0 && since < redrawEvery {
		return
	}
	t.redrew = u.At
	t.erase()
	t.draw()
	t.flush()
}

// Close implements Reporter: the lines of progress go.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.erase()
	t.flush()
}

// flush writes what there is at once, so that no half-drawn picture shows. An
// apply goes on when nobody listens.
func (t *Terminal) flush() { _ = t.page.flush(t.w) }

// erase moves to the first line of progress and clears from there: CUU and ED
// (ECMA-48 §8.3.22, §8.3.39).
func (t *Terminal) erase() {
	if t.drawn > 0 {
		fmt.Fprintf(&t.page.buf, "\x1b[%dA\x1b[J", t.drawn)
	}
	t.drawn = 0
}

// draw writes a line for each mailbox. None is as wide as the terminal: a line
// that wraps would take two, and could not be redrawn.
func (t *Terminal) draw() {
	if t.page.style.Quiet {
		return
	}
	widest := 0
	shown := t.meters.order[:min(len(t.meters.order), shownMeters)]
	for _, a := range shown {
		widest = max(widest, cells(say(plain, string(a)).text))
	}
	room := t.page.style.cells() - 1
	for _, a := range shown {
		m := t.meters.of[a]
		name := pad(words(strong, string(a)).shorten(room/3), min(widest, room/3))
		l := append(name, blank(1))
		l = append(l, bar(m.last)...)
		l = append(l, say(plain, " "+m.figures()))
		if m.last.Folder != "" {
			l = append(l, say(faint, "  "+m.last.Folder))
		}
		t.page.emit(l.shorten(room))
		t.drawn++
	}
	if more := len(t.meters.order) - len(shown); more > 0 {
		t.page.emit(line{say(faint, fmt.Sprintf("… and %s", plural(more, "more mailbox", "more mailboxes")))}.shorten(room))
		t.drawn++
	}
}

// bar shows a share as a bar that reads without colour.
func bar(u ProgressUpdate) line {
	full := 0
	if u.Total > 0 {
		full = int(max(0, min(u.Done, u.Total)) * barCells / u.Total)
	}
	return line{say(faint, "["), say(good, strings.Repeat("=", full)), say(faint, strings.Repeat(" ", barCells-full)+"]")}
}
