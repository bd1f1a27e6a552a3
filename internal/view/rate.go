package view

import (
	"fmt"
	"time"

	"bascule/migration"
)

// rateSpan is over how long a rate is measured, rateStep how often it is sampled.
const (
	rateSpan = 15 * time.Second
	rateStep = time.Second
)

// meter follows the progress of one mailbox.
type meter struct {
	last    ProgressUpdate
	samples []ProgressUpdate
}

// add takes an update in; one that comes late, from another goroutine, counts
// for nothing.
func (m *meter) add(u ProgressUpdate) {
	if u.At.Before(m.last.At) {
		return
	}
	m.last = u
	if n := len(m.samples); n == 0 || u.At.Sub(m.samples[n-1].At) >= rateStep {
		m.samples = append(m.samples, u)
	}
	for len(m.samples) > 2 && u.At.Sub(m.samples[0].At) > rateSpan {
		m.samples = m.samples[1:]
	}
}

// rates returns messages and octets a second, lately.
func (m *meter) rates() (messages, bytes float64) {
	if len(m.samples) == 0 {
		return 0, 0
	}
	first := m.samples[0]
	d := m.last.At.Sub(first.At).Seconds()
	if d < 0.5 {
		return 0, 0
	}
	return max(0, float64(m.last.Done-first.Done)/d), max(0, float64(m.last.Bytes-first.Bytes)/d)
}

// left estimates how long the rest takes; ok is false when nobody can know.
func (m *meter) left() (d time.Duration, ok bool) {
	rate, _ := m.rates()
	todo := m.last.Total - m.last.Done
	if rate <= 0 || m.last.Total == 0 || todo < 0 {
		return 0, false
	}
	seconds := float64(todo) / rate
	if seconds > (100 * 24 * time.Hour).Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// figures says how far a mailbox is, at what rate, and for how long still.
func (m *meter) figures() string {
	u := m.last
	if u.Done == 0 && u.Total == 0 && !u.Ended {
		return "reading both sides"
	}
	text := plural(int(u.Done), "message", "messages")
	if u.Total > 0 {
		text = count(u.Done) + " of " + plural(int(u.Total), "message", "messages")
	}
	// A narrow terminal cuts the end: how long still is what one looks for.
	if d, ok := m.left(); ok && d > 0 && !u.Ended {
		text += ", " + length(d) + " left"
	}
	text += ", " + octets(u.Bytes)
	if messages, bytes := m.rates(); messages > 0 {
		text += fmt.Sprintf(", %.0f/s, %s/s", messages, octets(int64(bytes)))
	}
	return text
}

// meters follow the mailboxes that are being passed, in the order they began.
type meters struct {
	of    map[migration.Address]*meter
	order []migration.Address
}

// add takes an update in and returns its meter; a pass that ended is followed
// no longer.
func (ms *meters) add(u ProgressUpdate) *meter {
	if ms.of == nil {
		ms.of = map[migration.Address]*meter{}
	}
	m := ms.of[u.Mailbox]
	if m == nil {
		m = &meter{}
		ms.of[u.Mailbox] = m
		ms.order = append(ms.order, u.Mailbox)
	}
	m.add(u)
	if u.Ended {
		ms.drop(u.Mailbox)
	}
	return m
}

func (ms *meters) drop(a migration.Address) {
	delete(ms.of, a)
	for i, b := range ms.order {
		if a == b {
			ms.order = append(ms.order[:i], ms.order[i+1:]...)
			return
		}
	}
}
