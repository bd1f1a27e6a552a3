package executor

import (
	"context"
	"slices"
	"strings"
	"time"

	"bascule/internal/safetext"
	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/state"
)

// seen is what is recorded of a pass: what the engine reports, and what a
// person may accept by name.
type seen struct {
	mailsync.Report
	refused []state.Refused
	late    bool
	// arrivals came in by themselves since the look before.
	arrivals []mailsync.Arrival
}

// maxRefused bounds the refused messages that the state names; the ledger has
// them all. What is not named can be accepted as a whole only.
const maxRefused = 1000

// maxReason bounds the words of a server, in characters.
const maxReason = 500

// afterPass reads from the ledger what the report does not say. Senders are
// looked for once the MX has moved: before that, mail arrives as it should.
func (t *tick) afterPass(ctx context.Context, j job, ledger mailsync.Ledger, r mailsync.Report) (seen, error) {
	s := seen{Report: r, late: j.late}
	err := mailsync.RefusedIn(ctx, ledger, func(m mailsync.RefusedMessage) error {
		if len(s.refused) < maxRefused {
			s.refused = append(s.refused, refusedOf(m))
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	if !j.late || r.Looked.IsZero() || !r.LastArrival.After(j.known.Silence.LastArrival) {
		return s, nil
	}
	s.arrivals, err = mailsync.Arrivals(ctx, mailsync.ArrivalsOptions{
		OpenSource: t.passOptions(j, ledger).OpenSource, Ledger: ledger, After: j.known.Silence.LastArrival, Until: r.LastArrival,
	})
	if err != nil {
		// Somebody wrote, and nobody knows who: nothing less is recorded.
		t.event("note", j.step, "who sent the late mail could not be read: "+err.Error())
		s.arrivals = []mailsync.Arrival{{Date: r.LastArrival}}
	}
	return s, nil
}

func refusedOf(m mailsync.RefusedMessage) state.Refused {
	r := state.Refused{Name: m.Name(), Folder: folders.Show(m.Folder), UID: uint32(m.UID), Size: m.Size, Date: m.Date, Reason: safetext.Shorten(m.Reason, maxReason)}
	if !m.Digest.IsZero() {
		r.Digest = m.Digest.String()
	}
	return r
}

// recordPass writes what a pass did and saw into the state.
func recordPass(st *state.State, j job, r seen, now time.Time) {
	b := st.MailboxOf(j.mailbox.Address)
	last := time.Time{}
	if b.Pass != nil {
		last = b.Pass.LastComplete
	}
	if r.Complete {
		last = r.Ended
	}
	b.Pass = &state.Pass{Started: r.Started, Ended: r.Ended, Complete: r.Complete, Open: r.open(), LastComplete: last, Left: max(0, r.Due-r.Bytes)}
	b.Pass.InboxNext, b.Pass.InboxValidity = inboxOf(r.Report)
	b.Paused = nil
	b.Similar = similarIn(r.Report, b.Similar)
	b.Exceptions = addExceptions(b.Exceptions, r.Exceptions)
	b.Totals.Source = int64(r.SourceMessages)
	b.Totals.Bytes += r.Bytes
	b.Totals.ByOutcome = map[string]int64{}
	for outcome, n := range r.Totals {
		b.Totals.ByOutcome[string(outcome)] = int64(n)
	}
	b.Refused = r.refused
	listen(&b.Silence, r, now)
	if !st.Switched() && r.Complete {
		b.Fences = fencesFrom(r.Report)
	}
}

// inboxOf is how far the INBOX of the source was seen.
func inboxOf(r mailsync.Report) (next, validity uint32) {
	for _, f := range r.Fences {
		if len(f.Source) == 1 && strings.EqualFold(f.Source[0], "INBOX") {
			return uint32(f.SourceNext), f.SourceValidity
		}
	}
	return 0, 0
}

// open counts what is left behind: a message that was refused once stays
// refused until somebody accepts it, and counts once.
func (r seen) open() int {
	n := r.Totals[mailsync.Rejected]
	for _, f := range r.Failures {
		if !slices.ContainsFunc(r.refused, func(m state.Refused) bool { return m.Folder == folders.Show(f.Folder) && m.UID == uint32(f.UID) }) {
			n++
		}
	}
	return n
}

// quietCap bounds how much silence one look can cover: a server that was away
// for longer between two looks made senders wait, and their mail is still to come.
const quietCap = 12 * time.Hour

// listen adds the time this look covers to the silence of the old side, or
// begins anew when mail arrived. Time around a failed look does not count.
func listen(s *state.Silence, r seen, now time.Time) {
	if r.Looked.IsZero() {
		s.LastTry = now
		return
	}
	covered := time.Duration(0)
	if !s.LastLook.IsZero() && !s.LastTry.After(s.LastLook) {
		covered = min(r.Looked.Sub(s.LastLook), quietCap)
	}
	if r.LastArrival.After(s.LastArrival) {
		if !s.LastLook.IsZero() || s.LastArrival.IsZero() {
			s.Quiet = 0
		}
		s.LastArrival = r.LastArrival
	} else {
		s.Quiet += covered
	}
	if r.late {
		s.Covered += covered
		for i := range s.Senders {
			s.Senders[i].Quiet += covered
		}
	}
	for _, a := range r.arrivals {
		heard(s, a)
	}
	s.LastLook, s.LastTry = r.Looked, r.Looked
}

// maxSenders bounds those who are named; the rest are one, without a name.
const maxSenders = 200

// heard notes who sent a message.
func heard(s *state.Silence, a mailsync.Arrival) {
	find := func(address string) int {
		return slices.IndexFunc(s.Senders, func(x state.Sender) bool { return x.Address == address })
	}
	i, address := find(a.Sender), a.Sender
	if i < 0 && len(s.Senders) >= maxSenders {
		i, address = find(""), ""
	}
	if i < 0 {
		s.Senders = append(s.Senders, state.Sender{Address: address})
		i = len(s.Senders) - 1
	}
	x := &s.Senders[i]
	x.Messages, x.Quiet = x.Messages+1, 0
	if a.Date.After(x.Last) {
		x.Last = a.Date
	}
}
