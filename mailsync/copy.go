package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// copyAll copies what is new: streaming where the target can, then pair by
// pair, oldest message first, whatever needs a closer look.
func (p *pass) copyAll(ctx context.Context, copies []CopyList) error {
	due := map[*PairState][]uint32{}
	p.total, p.report.Due = p.done, p.report.Bytes
	for _, l := range copies {
		p.total += len(l.At)
		p.report.Due += l.Pair.octets(l.At)
		l.Pair.again, l.Pair.sent = l.Again, slices.Grow(l.Pair.sent, len(l.At))
		due[l.Pair] = p.unsuspected(l.Pair, l.At)
	}
	errands := p.errands(due)
	if err := p.copyDue(ctx, due); err != nil || len(errands) == 0 {
		return err
	}
	left, err := p.runErrands(ctx, errands)
	if err != nil {
		return err
	}
	return p.copyDue(ctx, left)
}

// copyDue sends messages, by their places in the source views.
func (p *pass) copyDue(ctx context.Context, due map[*PairState][]uint32) error {
	if len(due) > 0 && p.streams() {
		var err error
		if due, err = p.flowAll(ctx, due); err != nil {
			return err
		}
	}
	for _, s := range p.state.pairs {
		list := due[s]
		slices.Sort(list)
		for _, batch := range p.batches(s, list) {
			if err := p.stopped(); err != nil {
				return err
			}
			p.state.confirmed = nil // too long ago
			actions := s.actions(batch)
			if err := p.copyBatch(ctx, s, actions, p.strippedAs(s, actions)); err != nil {
				if err = p.folderError(ctx, s, err); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// actions are what a batch of places stands for. They are made when the batch
// is announced, never for a whole folder.
func (s *PairState) actions(places []uint32) []CopyAction {
	out := make([]CopyAction, len(places))
	for n, i := range places {
		out[n] = CopyAction{Pair: s, Meta: s.Source.At(int(i)), Row: s.again[i]}
	}
	return out
}

// octets are those of a batch, as the source tells them.
func (s *PairState) octets(places []uint32) (n int64) {
	for _, i := range places {
		n += s.Source.messages.size(int(i))
	}
	return n
}

// batches cuts by number and by octets; a message larger than the bound is a batch by itself.
func (p *pass) batches(s *PairState, list []uint32) [][]uint32 {
	var out [][]uint32
	var octets int64
	start, alone, wary := 0, false, false
	for n, i := range list {
		uid := s.Source.messages.at(int(i)).uid
		size, suspect, careful := s.Source.messages.size(int(i)), p.singled(s, uid), p.wary(s, uid)
		if n > start && (alone || suspect || careful != wary || n-start >= p.BatchMessages || octets+size > p.BatchBytes) {
			out, start, octets = append(out, list[start:n:n]), n, 0
		}
		octets += size
		alone, wary = suspect, careful
	}
	if start < len(list) {
		out = append(out, list[start:])
	}
	return out
}

// copyBatch announces a batch, sends it, and records what became of it.
func (p *pass) copyBatch(ctx context.Context, s *PairState, batch []CopyAction, how strip) error {
	if err := p.sourceAt(ctx, s.Pair.Source.Path, s.Source.UIDValidity); err != nil {
		return err
	}
	if err := p.ensureForCopy(ctx, s); err != nil {
		return err
	}
	if err := p.targetAt(ctx, s.Pair.Target.Path, s.Target.UIDValidity); err != nil {
		return err
	}
	if err := p.Room.Enough(octetsOf(batch)); err != nil {
		return err
	}
	claim, err := p.Budget.Take(ctx, octetsOf(batch))
	if err != nil {
		return err
	}
	defer claim.Release()
	in := p.intent(s, batch)
	if err := p.commit(ctx, Change{Open: in}); err != nil {
		return err
	}
	accepts := p.target.Accepts()
	t := newTransfer(batch, func(m Meta) []string { return sendFlags(m.Flags, accepts, how, p.avoid) })
	t.form = p.form()
	t.enough = p.Stop
	var done Appended
	afterwards := p.askFirst(s, batch)
	err = p.write("APPEND", func() (err error) {
		done, err = t.run(ctx, p.source, p.target, p.state.targets[folderKey(s.Pair.Target.Path)], in.Sources)
		return err
	})
	afterwards()
	claim.Release() // before a half of the batch claims its own
	if err == nil {
		p.avoids(batch, how)
		return p.accepted(ctx, s, in, t, done)
	}
	return p.refused(ctx, s, in, t, batch, how, err)
}

// ensureForCopy makes a target folder that a person deleted, for late mail.
func (p *pass) ensureForCopy(ctx context.Context, s *PairState) error {
	path := s.Pair.Target.Path
	if _, ok := p.state.targets[folderKey(path)]; ok {
		return nil
	}
	var f Folder
	err := p.write("CREATE", func() (err error) { f, err = p.target.Create(ctx, path, s.Use); return err })
	if err != nil {
		return fmt.Errorf("create target folder %s: %w", showPath(path), err)
	}
	p.state.targets[folderKey(path)] = f
	s.Target.Status, err = p.openTargetFolder(ctx, path, true)
	return err
}

func (p *pass) readError(s *PairState, err error) error {
	p.state.openSource = ""
	return fmt.Errorf("read messages of %s: %w", showPath(s.Pair.Source.Path), err)
}

// explainMissing tells messages that vanished from messages that cannot be read.
func (p *pass) explainMissing(ctx context.Context, s *PairState, missing []UID) error {
	if len(missing) == 0 {
		return nil
	}
	uids, err := p.source.UIDs(ctx)
	if err != nil {
		return fmt.Errorf("read source folder %s again: %w", showPath(s.Pair.Source.Path), err)
	}
	uids = sortedUIDs(uids)
	for _, u := range missing {
		if _, there := slices.BinarySearch(uids, u); !there {
			p.report.VanishedMeanwhile++
			p.state.vanished[s.Pair.ID]++
			continue
		}
		p.state.pending[s.Pair.ID]++
		p.fail(s.Pair.Source.Path, u, errUnreadable)
	}
	return nil
}

var errUnreadable = errors.New("the source lists the message but does not deliver it")

func compactUIDs(in []UID) []UID { return slices.Compact(sortedUIDs(in)) }
