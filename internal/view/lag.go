package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bascule/migration"
	"bascule/state"
)

// Lag is how far a target is behind its source.
type Lag struct {
	Mailbox migration.Address `json:"mailbox"`
	// LastLook is when every folder of the source was last looked at; absent
	// before the first look. AgeSeconds is how long ago that is, -1 before it.
	LastLook   time.Time `json:"last_look,omitzero"`
	AgeSeconds int64     `json:"age_seconds"`
	// Behind counts messages that were seen to arrive since and not carried over.
	Behind int `json:"behind"`
	// PausedUntil and Why are set while the mailbox is left alone.
	PausedUntil time.Time `json:"paused_until,omitzero"`
	Why         string    `json:"why,omitempty"`
}

// Lags lists all mailboxes of a state, by address.
func Lags(st *state.State, now time.Time) []Lag {
	out := []Lag{}
	for a, o := range st.Objects {
		if o == nil || o.Mailbox == nil {
			continue
		}
		l := Lag{Mailbox: a, LastLook: o.Mailbox.Silence.LastLook, AgeSeconds: -1}
		if !l.LastLook.IsZero() {
			l.AgeSeconds = max(0, int64(now.Sub(l.LastLook).Seconds()))
		}
		if o.Mailbox.Pass != nil {
			l.Behind = o.Mailbox.Pass.Behind
		}
		if p := o.Mailbox.Paused; p != nil && now.Before(p.Until) {
			l.PausedUntil, l.Why = p.Until, p.Why
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Lag) int { return strings.Compare(string(a.Mailbox), string(b.Mailbox)) })
	return out
}

// behind says in short how far a mailbox is behind.
func (v statusView) behind(b *state.Mailbox) line {
	var parts []string
	if b.Pass != nil && b.Pass.Behind > 0 {
		parts = append(parts, count(int64(b.Pass.Behind))+" new")
	}
	if look := b.Silence.LastLook; !look.IsZero() && !v.style.Now.IsZero() {
		parts = append(parts, length(max(0, v.style.Now.Sub(look))))
	}
	switch {
	case len(parts) == 0:
		return words(faint, "-")
	case b.Pass != nil && b.Pass.Behind > 0:
		return words(change, strings.Join(parts, ", "))
	}
	return words(plain, strings.Join(parts, ", "))
}

// paused reports whether a mailbox is left alone now.
func (v statusView) paused(b *state.Mailbox) bool {
	return b.Paused != nil && (v.style.Now.IsZero() || v.style.Now.Before(b.Paused.Until))
}

// pauses says of each mailbox that is left alone until when, and why: below
// the table, since the words of a server fit no column.
func (v statusView) pauses(list []migration.Address) {
	for _, a := range list {
		b := v.in.State.Objects[a].Mailbox
		if !v.paused(b) {
			continue
		}
		p := b.Paused
		text := fmt.Sprintf("  paused until %s (%s)", v.style.local(p.Until), p.Why)
		if p.Words != "" && p.Why == "server asked" {
			text += ": " + p.Words
		}
		v.hang(0, words(change, "~"), 2, line{say(strong, string(a)), say(plain, text)})
	}
}

// Clear empties a terminal that may be redrawn: ED and CUP (ECMA-48 §8.3.39,
// §8.3.21). Elsewhere pictures follow one another, with a line between them.
func Clear(w io.Writer, s Style) error {
	text := "\n"
	if s.Live {
		text = "\x1b[H\x1b[J"
	}
	_, err := io.WriteString(w, text)
	return err
}
