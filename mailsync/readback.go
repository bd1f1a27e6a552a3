package mailsync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// settling is one folder that is read back, message by message.
type settling struct {
	*PairState
	p *pass
	// rows are unsettled ones of an interrupted pass, by UID.
	rows map[UID]*Row
	// seen are copies of this pass that were there; altered those that are not
	// as they were sent.
	seen    marks
	altered roll
	// found are rows that were there, with what is there.
	found map[UID]Meta
	// lost are flags that were not kept, by the set sent and the set seen.
	lost map[[2]uint32][]string
	// bare: of what is there only the flags are told.
	bare bool
	// status is nil until the folder was read.
	status *Status
}

// unsettled are rows of an interrupted pass that were not read back, by the pair they are of now.
func (p *pass) unsettled() map[int64][]*Row {
	out := map[int64][]*Row{}
	for _, s := range p.state.pairs {
		for _, r := range s.Rows {
			if !r.Settled && r.Outcome == Copied && r.TargetFolder == nil {
				out[r.Pair] = append(out[r.Pair], r)
			}
		}
	}
	return out
}

func (p *pass) settling(s *PairState, rows []*Row) *settling {
	slices.SortFunc(s.sent, func(a, b sentCopy) int { return cmp.Compare(a.target, b.target) })
	b := &settling{PairState: s, p: p}
	b.rows = map[UID]*Row{}
	for _, r := range rows {
		if _, mine := b.find(r.TargetUID); !mine && r.TargetValidity == s.Target.UIDValidity {
			b.rows[r.TargetUID] = r
		}
	}
	b.begin()
	return b
}

// begin forgets what was seen.
func (b *settling) begin() {
	b.seen, b.altered, b.found, b.lost, b.bare = nil, roll{}, map[UID]Meta{}, map[[2]uint32][]string{}, false
}

func (b *settling) any() bool { return len(b.sent)+len(b.rows) > 0 }

func (b *settling) find(uid UID) (int, bool) {
	return slices.BinarySearchFunc(b.sent, uid, func(c sentCopy, u UID) int { return cmp.Compare(c.target, u) })
}

// since: with CONDSTORE only what changed since the look is read back,
// unless an interrupted pass left rows from before it.
func (b *settling) since() uint64 {
	if len(b.rows) > 0 {
		return 0
	}
	return b.Target.HighestModSeq
}

// plain: a probe has shown that nothing but flags can be other than it was
// sent. Of what the target copied itself that was not shown. Verify asks for sizes and dates nevertheless.
func (b *settling) plain() bool {
	return len(b.rows) == 0 && !b.referenced && !slices.ContainsFunc(b.sent, func(c sentCopy) bool {
		return !b.p.Personality.keeps(b.Source.messages.date(int(c.source)), b.p.report.Started)
	})
}

// surveySettled reads many folders back in one flight, where the target can.
func (p *pass) surveySettled(ctx context.Context, due []*settling) error {
	f := flight{}
	var asked []*settling
	for _, b := range due {
		if folder, ok := p.targetFolder(b.PairState); ok {
			asked = append(asked, b)
			ask := Ask{Folder: folder, Question: AskMessages, ChangedSince: b.since(), Message: b.look}
			if b.bare = b.plain(); b.bare {
				ask.Question = AskFlags
			}
			f.asks = append(f.asks, ask)
		}
	}
	f.tell = func(i int, a Surveyed) {
		if b := asked[i]; b.since() == 0 || a.Status.HighestModSeq >= b.Target.HighestModSeq {
			b.status = &a.Status
		}
	}
	return p.surveyBoth(ctx, flight{}, f)
}

// readBack opens the folder and reads what changed in it.
func (p *pass) readBack(ctx context.Context, b *settling) error {
	b.begin()
	st, err := p.openTargetFolder(ctx, b.Pair.Target.Path, true)
	b.status = &st
	if err != nil || st.UIDValidity != b.Target.UIDValidity {
		return err
	}
	since := b.since()
	if st.HighestModSeq < b.Target.HighestModSeq {
		since = 0
	}
	if err := p.target.Scan(ctx, since, func(m Meta) error { b.look(m); return nil }); err != nil {
		return fmt.Errorf("read back target folder %s: %w", showPath(b.Pair.Target.Path), err)
	}
	return nil
}

// look takes one message of the target in.
func (b *settling) look(m Meta) {
	if b.rows[m.UID] != nil {
		m.Flags = sortedFlags(m.Flags)
		b.found[m.UID] = m
		return
	}
	i, mine := b.find(m.UID)
	if !mine || b.seen.has(i) {
		return
	}
	b.seen.set(i)
	c, from := b.sent[i], int(b.sent[i].source)
	if b.bare {
		m.Size, m.Date = b.Source.messages.size(from), b.Source.messages.date(from)
	}
	if set := b.Target.messages.set(m.Flags); set != c.left || len(b.notKept(c, set)) > 0 || b.irregular[m.UID] {
		b.altered.add(m)
		return
	}
	if b.bare {
		return
	}
	b.p.compareBack(&Row{Pair: b.Pair.ID, SourceUID: b.Source.messages.at(from).uid, Size: b.Source.messages.size(from), Date: b.Source.messages.date(from)}, m)
}

// notKept are flags of a source message that the target does not show.
func (b *settling) notKept(c sentCopy, set uint32) []string {
	k := [2]uint32{b.Source.messages.at(int(c.source)).flags, set}
	if _, ok := b.lost[k]; !ok {
		b.lost[k] = minusFlags(b.Source.messages.sets.of(k[0]), b.Target.messages.sets.of(set))
	}
	return b.lost[k]
}
