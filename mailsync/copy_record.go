package mailsync

import (
	"context"
	"fmt"
)

func (p *pass) intent(s *PairState, batch []CopyAction) *Intent {
	in := &Intent{Pair: s.Pair.ID, At: p.Clock.Now(), SourceValidity: s.Source.UIDValidity, Validity: s.Target.UIDValidity,
		Next: max(s.Target.UIDNext, p.wrote(s.Pair.Target.Path).last+1)}
	for _, a := range batch {
		in.Sources = append(in.Sources, a.Meta.UID)
	}
	return in
}

// accepted records a batch the target took as a whole.
func (p *pass) accepted(ctx context.Context, s *PairState, in *Intent, t *transfer, done Appended) error {
	if err := p.recordSent(ctx, s, in, t.sent, done); err != nil {
		return err
	}
	p.state.rejectedInRow = 0
	if t.fetchErr != nil {
		return p.readError(s, t.fetchErr)
	}
	return p.explainMissing(ctx, s, t.missing)
}

// recordSent is one transaction per tagged OK: the rows, and the end of the intent.
func (p *pass) recordSent(ctx context.Context, s *PairState, in *Intent, sent []*sentMessage, done Appended) error {
	trust := len(done.UIDs) == len(sent) && done.UIDValidity == s.Target.UIDValidity
	if len(sent) > 0 && !trust {
		// No UIDPLUS, or an answer that does not fit: look, as after a crash.
		return p.recordFound(ctx, s, in, sent)
	}
	rows := p.sentRows(s, in, sent, done.UIDs)
	if err := p.commit(ctx, Change{Rows: rows, Close: in.ID}); err != nil {
		return err
	}
	p.countCopied(s, rows)
	return nil
}

func (p *pass) sentRows(s *PairState, in *Intent, sent []*sentMessage, uids []UID) []*Row {
	rows := make([]*Row, 0, len(sent))
	w := p.wrote(s.Pair.Target.Path)
	for i, m := range sent {
		r := copiedRow(s, m.action.Row, in, m.action.Meta, m.hash.Print(), uids[i])
		r.Left = sortedFlags(m.flags)
		rows = append(rows, r)
		w.last = max(w.last, uids[i])
	}
	return rows
}

func (p *pass) recordFound(ctx context.Context, s *PairState, in *Intent, sent []*sentMessage) error {
	taken, flags := *in, map[UID][]string{}
	taken.Sources = nil
	for _, m := range sent {
		taken.Sources = append(taken.Sources, m.action.Meta.UID)
		flags[m.action.Meta.UID] = sortedFlags(m.flags)
	}
	found, err := p.findSent(ctx, s, taken, s.knownOf(in), accepted())
	if err != nil {
		return err
	}
	for _, r := range found.copied {
		r.Left = flags[r.SourceUID]
	}
	if err := p.commit(ctx, Change{Rows: found.rows(), Close: in.ID}); err != nil {
		return err
	}
	w := p.wrote(s.Pair.Target.Path)
	for _, r := range found.copied {
		w.last = max(w.last, r.TargetUID)
	}
	for _, r := range found.inDoubt {
		if i, ok := s.Source.messages.search(r.SourceUID); ok {
			s.covered.set(i)
		}
	}
	if shown := len(found.copied) + len(found.inDoubt); shown < len(sent) {
		p.state.pending[s.Pair.ID] += len(sent) - shown
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: the target accepted %d messages and shows %d of them", showPath(s.Pair.Target.Path), len(sent), shown))
	}
	p.account(s, found)
	p.countCopied(s, found.copied)
	return nil
}

// knownOf is what this pass knows of a batch it sent itself.
func (s *PairState) knownOf(in *Intent) known {
	k := newKnown()
	for _, r := range s.Rows {
		k.add(r, *in)
	}
	for _, c := range s.sent {
		if c.target >= in.Next {
			k.claimed[c.target] = true
		}
	}
	return k
}

// countCopied reports rows that were committed, and remembers as much of them
// as reading back needs.
func (p *pass) countCopied(s *PairState, rows []*Row) {
	f := p.state.reports[s.Pair.ID]
	for _, r := range rows {
		f.Copied++
		f.Bytes += r.Size
		p.report.Bytes += r.Size
		s.arrive(r, p.Clock.Now())
		if i, ok := s.Source.messages.search(r.SourceUID); ok && r.Outcome == Copied {
			s.covered.set(i)
			s.Source.messages.setSize(i, r.Size)
			s.sent = append(s.sent, sentCopy{target: r.TargetUID, source: uint32(i), left: s.Target.messages.set(r.Left)})
			if !r.Plain.IsZero() {
				if s.irregular == nil {
					s.irregular = map[UID]bool{}
				}
				s.irregular[r.TargetUID] = true
			}
		}
	}
	p.report.Outcomes[Copied] += len(rows)
	p.wrote(s.Pair.Target.Path).appended += len(rows)
	p.done += len(rows)
	p.tell(Event{Kind: "copied", Folder: s.Pair.Source.Path})
}

// copiedRow is the row of a message we wrote, not yet read back.
func copiedRow(s *PairState, row *Row, in *Intent, m Meta, print Print, uid UID) *Row {
	if row == nil {
		row = &Row{}
	}
	*row = Row{ID: row.ID, Pair: s.Pair.ID, SourceUID: m.UID, SourceValidity: in.SourceValidity, TargetUID: uid, TargetValidity: in.Validity,
		Digest: print.Digest, Size: print.Octets, Date: m.Date, Flags: sortedFlags(m.Flags), Outcome: Copied, Origin: FromSource}
	if print.Plain != print.Digest {
		row.Plain = print.Plain
	}
	return row
}

// awaitsCopy: the row's copy was lost, and the intent was to write another.
func (r *Row) awaitsCopy(in Intent) bool { return r.TargetUID < in.Next }
