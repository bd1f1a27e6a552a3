package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync/wire"
)

// timeline writes when each connection of the engine spoke and was answered.
// A flight is what is sent before the next answer is read: on a long way, its
// number is the time.
type timeline struct {
	mu    sync.Mutex
	file  *os.File
	w     *bufio.Writer
	begin time.Time
	ends  []*dialogue
}

// dialogue is one connection.
type dialogue struct {
	t       *timeline
	name    string
	flights int
	// sending is true while the engine has the word.
	sending bool
	// skipped counts lines that are not shown.
	skipped int
	opened  time.Duration
}

// traceWidth is how much of a line is shown.
const traceWidth = 160

func newTimeline(path string) (*timeline, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &timeline{file: f, w: bufio.NewWriter(f), begin: clock.Monotonic()}, nil
}

func (t *timeline) now() time.Duration { return clock.Monotonic().Sub(t.begin) }

// dialogue begins the trace of another connection.
func (t *timeline) dialogue(side string) func(wire.Direction, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := &dialogue{t: t, name: fmt.Sprintf("%s-%d", side, len(t.ends)+1), opened: t.now()}
	t.ends = append(t.ends, d)
	d.print("", "connect")
	return d.line
}

// line shows what was sent, the first line of each answer, and tagged replies.
func (d *dialogue) line(way wire.Direction, text string) {
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	first := d.sending && way == wire.Received
	switch {
	case way == wire.Sent:
		if !d.sending {
			d.flights++
			d.sending = true
		}
	case first:
		d.sending = false
	case strings.HasPrefix(text, "* "), strings.HasPrefix(text, "+"):
		d.skipped++
		return
	}
	if d.skipped > 0 {
		d.print("", fmt.Sprintf("(%d more)", d.skipped))
		d.skipped = 0
	}
	d.print(string(way), text)
}

func (d *dialogue) print(way, text string) {
	fmt.Fprintf(d.t.w, "%8.1f ms  %-9s flight %-3d %-1s %.*s\n", float64(d.t.now().Microseconds())/1000, d.name, d.flights, way, traceWidth, text)
}

// Close adds what each connection came to.
func (t *timeline) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.ends {
		fmt.Fprintf(t.w, "%s: connected at %.1f ms, %d flights\n", d.name, float64(d.opened.Microseconds())/1000, d.flights)
	}
	return errors.Join(t.w.Flush(), t.file.Close())
}
