package mailsync

import (
	"fmt"
	"slices"
)

// maxSuspicion is how often a connection may end during one message.
const maxSuspicion = 3

// unsuspected leaves out, and names, messages that keep ending connections:
// one of them never stops the rest.
func (p *pass) unsuspected(s *PairState, list []uint32) []uint32 {
	return slices.DeleteFunc(list, func(i uint32) bool {
		uid := s.Source.messages.at(int(i)).uid
		if p.suspicion(s, uid) < maxSuspicion {
			return false
		}
		p.state.pending[s.Pair.ID]++
		p.fail(s.Pair.Source.Path, uid, errEndsConnections)
		return true
	})
}

func (p *pass) suspicion(s *PairState, uid UID) int {
	if len(p.suspects) == 0 {
		return 0
	}
	return p.suspects[suspectKey(s, uid)]
}

// A server may refuse a message and hang up, or hang up without a word. What
// was under way then is sent again with care: the plain way, asking before the
// octets of each, so that a refusal is heard and costs no connection; and
// where that does not help, one by one.

// doubtful says how far a message is under suspicion, since which connection.
type doubtful struct{ n, since int }

const (
	// enoughDoubt is what a refusal as BAD weighs, and two connections that ended.
	enoughDoubt = 2
	// moreDoubt: they end with care, too.
	moreDoubt = 3
)

// doubt notes that a connection ended while a batch was under way.
func (p *pass) doubt(s *PairState, batch []CopyAction) {
	for _, a := range batch {
		k := suspectKey(s, a.Meta.UID)
		p.doubts[k] = doubtful{p.doubts[k].n + 1, p.report.Reconnects}
	}
}

// doubtRefused notes that a batch was refused in a way after which servers hang up.
func (p *pass) doubtRefused(s *PairState, batch []CopyAction) {
	for _, a := range batch {
		k := suspectKey(s, a.Meta.UID)
		switch d := p.doubts[k]; {
		case d.n < enoughDoubt:
			p.doubts[k] = doubtful{enoughDoubt, p.report.Reconnects}
		case d.since != p.report.Reconnects: // refused with care, and the connection ended all the same
			p.doubts[k] = doubtful{moreDoubt, p.report.Reconnects}
		}
	}
}

func (p *pass) doubtOf(s *PairState, uid UID) int {
	if len(p.doubts) == 0 {
		return 0
	}
	return p.doubts[suspectKey(s, uid)].n
}

// wary messages are sent with care, singled ones by themselves.
func (p *pass) wary(s *PairState, uid UID) bool { return p.doubtOf(s, uid) >= enoughDoubt }

func (p *pass) singled(s *PairState, uid UID) bool {
	return p.suspicion(s, uid) > 0 || p.doubtOf(s, uid) >= moreDoubt
}

// strippedAs is how far the flags of a message were left out when its
// connection ended.
func (p *pass) strippedAs(s *PairState, batch []CopyAction) strip {
	if len(batch) != 1 || len(p.stripped) == 0 {
		return allFlags
	}
	return p.stripped[suspectKey(s, batch[0].Meta.UID)]
}

// askFirst chooses how a batch is sent, and returns to the usual way afterwards.
func (p *pass) askFirst(s *PairState, batch []CopyAction) (afterwards func()) {
	a, ok := p.target.(Asker)
	if !ok || !slices.ContainsFunc(batch, func(x CopyAction) bool { return p.wary(s, x.Meta.UID) }) {
		return func() {}
	}
	a.AskFirst(true)
	return func() { a.AskFirst(false) }
}

var errEndsConnections = fmt.Errorf("the connection ended %d times while this message was copied", maxSuspicion)

func suspectKey(s *PairState, uid UID) string {
	return fmt.Sprintf("%d %d %d", s.Pair.ID, s.Source.UIDValidity, uid)
}

// endedOver notes what was under way when a connection ended.
func (p *pass) endedOver(s *PairState, t *transfer, batch []CopyAction) {
	if uid, ok := t.suspect(); ok {
		p.suspects[suspectKey(s, uid)]++
	}
	p.doubt(s, batch)
}
