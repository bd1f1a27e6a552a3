package mailsync

import (
	"context"
	"fmt"
	"io"
)

// lookForForward looks at the folders that no pair leads to, of which nobody
// remembers where they stood: a rule may file there what the forward brings.
func (p *pass) lookForForward(ctx context.Context) error {
	if p.Forward == nil {
		return nil
	}
	mapped := map[string]bool{}
	for _, s := range p.state.pairs {
		mapped[folderKey(s.Pair.Target.Path)] = true
	}
	return p.lookUnmapped(ctx, mapped)
}

// traces reads the messages that may be twins of others.
func (p *pass) traces(ctx context.Context, wanted []Ref) (map[Ref]Trace, error) {
	out := map[Ref]Trace{}
	for _, g := range p.groups(wanted) {
		if err := p.folderError(ctx, p.pairOf(g.like), p.tracesOf(ctx, g, out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *pass) tracesOf(ctx context.Context, g toRead, out map[Ref]Trace) error {
	side, err := p.openSeen(ctx, g.like)
	if err != nil {
		return err
	}
	_, err = side.Fetch(ctx, g.uids, func(m Meta, _ int64, body io.Reader) error {
		t, err := traceOf(p.Forward.Hosts, p.form(), p.Personality.altersOctets(), body)
		if err == nil {
			out[g.like.ref(m.UID)] = t
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read messages of %s: %w", showPath(g.like.Folder), err)
	}
	return nil
}

// withdrawAll removes our copies of what came by the forward, folder by
// folder. As with every deletion the row says so before the mark is set.
func (p *pass) withdrawAll(ctx context.Context, a Actions) error {
	if a.Twice > 0 {
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%d messages came by the forward too, and our copies were read, moved or marked since: both stay", a.Twice))
	}
	byFolder := map[string][]WithdrawAction{}
	for _, w := range a.Withdraws {
		byFolder[folderKey(w.Folder)] = append(byFolder[folderKey(w.Folder)], w)
	}
	for _, k := range sortedKeys(byFolder) {
		group := byFolder[k]
		s := p.pairByID(group[0].Row.Pair)
		if err := p.folderError(ctx, s, p.withdrawIn(ctx, s, group)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) withdrawIn(ctx context.Context, s *PairState, group []WithdrawAction) error {
	folder := group[0].Folder
	if err := p.targetAt(ctx, folder, group[0].Row.TargetValidity); err != nil {
		return err
	}
	if !p.target.Accepts().UIDPlus {
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: %d messages came by the forward too, and stay twice: %v", showPath(folder), len(group), ErrNoUIDPlus))
		return nil
	}
	rows := make([]*Row, len(group))
	for i, w := range group {
		w.Row.Left = unionFlags(w.Row.Left, []string{`\Deleted`})
		rows[i] = w.Row
	}
	if err := p.commit(ctx, Change{Rows: rows}); err != nil {
		return err
	}
	uids := uidsOf(rows)
	err := p.write("STORE", func() error { return p.target.AddFlags(ctx, uids, []string{`\Deleted`}) })
	if err == nil {
		err = p.write("EXPUNGE", func() error { return p.target.Expunge(ctx, uids) })
	}
	if err != nil {
		p.state.pending[s.Pair.ID]++
		return fmt.Errorf("withdraw from %s: %w", showPath(folder), err)
	}
	for _, w := range group {
		w.become(s)
	}
	p.removed(folder, len(rows))
	p.report.Withdrawn += len(rows)
	return p.commit(ctx, Change{Rows: rows})
}

// become makes the row that of what the forward brought.
func (w WithdrawAction) become(s *PairState) {
	r := w.Row
	r.Outcome, r.Reason, r.Plain = Delivered, broughtBy, w.Print.Plain
	r.TargetUID, r.TargetValidity, r.TargetFolder = w.Twin.UID, w.TwinValidity, nil
	r.Left = sortedFlags(w.Twin.Flags)
	if folderKey(w.TwinFolder) != folderKey(s.Pair.Target.Path) {
		r.TargetFolder = w.TwinFolder
	}
}
