package mailsync

import (
	"cmp"
	"slices"
)

// Of a batch that was announced and not recorded, recover asks which messages
// of the target it became. Octets say so where they are kept. Where a target
// altered them beyond its [Form], or nobody has probed it, what goes with a
// message decides: its date, its size, its Message-ID.
//
// What is recognised here is recorded as [Copied], and a mirror deletes it
// when the source does. So three things must come together: the intent was
// announced, and the message arrived since in that folder and is in no row;
// two of the three marks agree, Message-ID among them unless the target does
// not deliver the message; and it stands where it must stand, in the order in
// which the batch was sent, nothing else being meant. A message with less that
// may be ours is neither claimed nor sent again: a person decides. One that
// agrees in nothing is a stranger's. Date and size alone say too little: a
// mailbox that was brought over once has one date for all, and what is claimed
// wrongly is lost. So much is asked because the answer was lost; where the target
// said that it took a batch, and only not under which UIDs, one mark is enough.

// foundMessage is a message that recover read, on either side.
type foundMessage struct {
	meta  Meta
	print Print
	marks origins
	// withheld: it is listed, and was not delivered. Only meta is known of it.
	withheld bool
	// ended: a row says what it was a copy of; only its octets can say otherwise.
	ended bool
}

// certainty says how a message that was sent is known on the target.
type certainty int

const (
	// unseen: nothing there can be it. It was not received.
	unseen certainty = iota
	// byContent: by its octets, or what the target is known to make of them.
	byContent
	// byMarks: by date, size and Message-ID, and its place.
	byMarks
	// inDoubt: something there may be it.
	inDoubt
)

// fate is what became of a message that was sent: at is the place of the
// message it became among those that arrived.
type fate struct {
	how certainty
	at  int
}

// matching pairs what was sent, in that order, with what arrived, by UID: pure.
type matching struct {
	sent, arrived []foundMessage
	fates         []fate // of sent
	taken         []bool // of arrived
}

// evidence is what must agree before a message counts as ours.
type evidence struct {
	// marks of the three.
	marks int
	// named: Message-ID must be one of them where the message is delivered.
	named bool
	// explained: what arrived and bears no name in common is taken for what
	// vanished, not for what may be ours.
	explained bool
}

// The answer was lost, and the message may not be there.
func unheard() evidence { return evidence{marks: 2, named: true} }

// Besides, what else was sent vanished from the source, and may be what arrived.
func unheardAndVanished() evidence { return evidence{allMarks, true, true} }

// The message left the folder where it was.
func leftItsFolder() evidence { return evidence{marks: 2} }

// The target said that it took the message, and not under which UID.
func accepted() evidence { return evidence{marks: 1} }

const allMarks = 3

// match says what became of each message that was sent.
func match(sent, arrived []foundMessage, enough evidence) []fate {
	m := &matching{sent: sent, arrived: arrived, fates: make([]fate, len(sent)), taken: make([]bool, len(arrived))}
	m.byContent(func(s, a *Print) bool { return s.Digest == a.Digest })
	// We wrote it: the same message as far as the target keeps it.
	m.byContent(func(s, a *Print) bool { return s.Plain == a.Plain })
	for least := allMarks; least >= enough.marks; least-- {
		m.byMarks(least, enough.named)
	}
	m.doubt(enough.explained)
	return m.fates
}

func (m *matching) byContent(same func(s, a *Print) bool) {
	for i := range m.sent {
		for at := 0; at < len(m.arrived) && m.fates[i].how == unseen; at++ {
			if a := &m.arrived[at]; !m.taken[at] && !a.withheld && same(&m.sent[i].print, &a.print) {
				m.take(i, at, byContent)
			}
		}
	}
}

func (m *matching) take(i, at int, how certainty) {
	m.fates[i], m.taken[at] = fate{how, at}, true
}

// agree counts the marks that a message and what it may have become have in
// common. Another Message-ID, or a line that a server wrote when it delivered
// the message there, is never that of a copy of ours.
func agree(s, a *foundMessage) (n int) {
	if a.ended || s.marks.contradicts(a.marks) {
		return 0
	}
	for _, same := range []bool{
		sameSecond(s.meta.Date, a.meta.Date),
		s.print.Octets == a.meta.Size,
		sameName(s, a),
	} {
		if same {
			n++
		}
	}
	return n
}

func sameName(s, a *foundMessage) bool { return !s.marks.id.IsZero() && s.marks.id == a.marks.id }

// byMarks claims what can only be meant so. The pairs of one round are weighed
// together: two that cross each other are both left.
func (m *matching) byMarks(least int, named bool) {
	rooms := m.rooms()
	may := func(i, at int) bool {
		s, a := &m.sent[i], &m.arrived[at]
		return m.fates[i].how == unseen && !m.taken[at] && rooms[i].has(at) && agree(s, a) >= least && (!named || a.withheld || sameName(s, a))
	}
	var pairs []pairing
	for _, c := range m.circles(may) {
		pairs = append(pairs, m.inOrder(c, may)...)
	}
	for _, p := range uncrossed(pairs) {
		m.take(p.sent, p.at, byMarks)
	}
}

// room is where a message can have arrived: behind what was sent before it and
// is recognised, before what was sent after it.
type room struct{ after, before int }

func (r room) has(at int) bool { return r.after < at && at < r.before }

func (m *matching) rooms() []room {
	out := make([]room, len(m.sent))
	after, before := -1, len(m.arrived)
	for i := range m.sent {
		if out[i].after = after; m.fates[i].how != unseen {
			after = max(after, m.fates[i].at)
		}
	}
	for i := len(m.sent) - 1; i >= 0; i-- {
		if out[i].before = before; m.fates[i].how != unseen {
			before = min(before, m.fates[i].at)
		}
	}
	return out
}

// circle is messages of which each may be any other, directly or by way of
// others: places in sent and in arrived, rising.
type circle struct{ sent, arrived []int }

// circles joins what may be each other.
func (m *matching) circles(may func(i, at int) bool) []circle {
	var out []circle
	seenSent, seenArrived := make([]bool, len(m.sent)), make([]bool, len(m.arrived))
	for first := range m.sent {
		if seenSent[first] {
			continue
		}
		seenSent[first] = true
		c := circle{sent: []int{first}}
		for i, k := 0, 0; i < len(c.sent) || k < len(c.arrived); {
			if i < len(c.sent) {
				c.arrived = widened(c.arrived, seenArrived, func(at int) bool { return may(c.sent[i], at) })
				i++
				continue
			}
			c.sent = widened(c.sent, seenSent, func(j int) bool { return may(j, c.arrived[k]) })
			k++
		}
		if slices.Sort(c.sent); len(c.arrived) > 0 {
			slices.Sort(c.arrived)
			out = append(out, c)
		}
	}
	return out
}

// widened adds the places that fit and were not seen.
func widened(list []int, seen []bool, fits func(i int) bool) []int {
	for i := range seen {
		if !seen[i] && fits(i) {
			seen[i] = true
			list = append(list, i)
		}
	}
	return list
}

type pairing struct{ sent, at int }

// inOrder pairs a circle one to one, or not at all. Of messages that are the
// same, octet by octet, fewer may have arrived: whichever they are, as many
// are missing.
func (m *matching) inOrder(c circle, may func(i, at int) bool) []pairing {
	alike := !slices.ContainsFunc(c.sent, func(i int) bool { return m.sent[i].print.Digest != m.sent[c.sent[0]].print.Digest })
	if len(c.arrived) > len(c.sent) || len(c.arrived) < len(c.sent) && !alike {
		return nil
	}
	var out []pairing
	for n, at := range c.arrived {
		if !may(c.sent[n], at) {
			return nil
		}
		out = append(out, pairing{c.sent[n], at})
	}
	return out
}

// uncrossed leaves out pairs that another one contradicts: what was sent
// later arrived later.
func uncrossed(pairs []pairing) []pairing {
	slices.SortFunc(pairs, func(a, b pairing) int { return cmp.Compare(a.sent, b.sent) })
	crossed := make([]bool, len(pairs))
	last := -1
	for n, p := range pairs {
		crossed[n] = p.at < last
		last = max(last, p.at)
	}
	next := -1
	for n := len(pairs) - 1; n >= 0; n-- {
		crossed[n] = crossed[n] || next >= 0 && pairs[n].at > next
		if next < 0 || pairs[n].at < next {
			next = pairs[n].at
		}
	}
	var out []pairing
	for n, p := range pairs {
		if !crossed[n] {
			out = append(out, p)
		}
	}
	return out
}

// doubt is about what is left: one mark is enough for it.
func (m *matching) doubt(explained bool) {
	for i := range m.sent {
		if m.fates[i].how != unseen {
			continue
		}
		for at := range m.arrived {
			s, a := &m.sent[i], &m.arrived[at]
			if !m.taken[at] && agree(s, a) > 0 && (!explained || sameName(s, a)) {
				m.fates[i] = fate{inDoubt, at}
				break
			}
		}
	}
}
