package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bascule/internal/retry"
)

// maxRejections in a row without a message accepted say that it is not the messages.
const maxRejections = 25

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

func (p *pass) readError(s *PairState, err error) error {
	p.state.openSource = ""
	return fmt.Errorf("read messages of %s: %w", showPath(s.Pair.Source.Path), err)
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

// refused deals with a batch that was not taken as a whole.
func (p *pass) refused(ctx context.Context, s *PairState, in *Intent, t *transfer, batch []CopyAction, how strip, err error) error {
	var ae *AppendError
	if !errors.As(err, &ae) || ae.Unknown || ctx.Err() != nil {
		// The intent stays open: look before sending again.
		p.endedOver(s, t, batch)
		return retry.Temporary(fmt.Errorf("append to %s: %w", showPath(s.Pair.Target.Path), err))
	}
	sent := t.sent[:min(ae.Accepted, len(t.sent))]
	if e := p.recordSent(ctx, s, in, sent, Appended{UIDs: ae.UIDs, UIDValidity: s.Target.UIDValidity}); e != nil {
		return e
	}
	if t.fetchErr != nil {
		return p.readError(s, t.fetchErr)
	}
	rest := without(batch, sent, t.missing)
	if e := p.explainMissing(ctx, s, t.missing); e != nil {
		return e
	}
	if len(rest) == 0 {
		return nil
	}
	return p.refine(ctx, s, t, rest, how, ae)
}

// endedOver notes what was under way when a connection ended.
func (p *pass) endedOver(s *PairState, t *transfer, batch []CopyAction) {
	if uid, ok := t.suspect(); ok {
		p.suspects[suspectKey(s, uid)]++
	}
	p.doubt(s, batch)
}

func without(batch []CopyAction, sent []*sentMessage, missing []UID) []CopyAction {
	gone := map[UID]bool{}
	for _, m := range sent {
		gone[m.action.Meta.UID] = true
	}
	for _, u := range missing {
		gone[u] = true
	}
	return slices.DeleteFunc(slices.Clone(batch), func(a CopyAction) bool { return gone[a.Meta.UID] })
}

// refine finds the message a refusal is about: by halves, then by sending it
// without one keyword after another, without any, without flags, then by naming it.
func (p *pass) refine(ctx context.Context, s *PairState, t *transfer, rest []CopyAction, how strip, ae *AppendError) error {
	var se *ServerError
	if connectionEnded(ae.Err) {
		p.endedOver(s, t, rest)
	}
	if !errors.As(ae.Err, &se) || retry.IsTemporary(ae.Err) || stops(se) {
		return fmt.Errorf("append to %s: %w", showPath(s.Pair.Target.Path), ae.Err)
	}
	if se.Code == "TRYCREATE" {
		return p.recreate(ctx, s, ae)
	}
	if se.Status == "BAD" {
		p.doubtRefused(s, rest)
	}
	if len(rest) > 1 {
		half := len(rest) / 2
		if err := p.copyBatch(ctx, s, rest[:half], how); err != nil {
			return err
		}
		return p.copyBatch(ctx, s, rest[half:], how)
	}
	if next, ok := how.fewer(sendFlags(rest[0].Meta.Flags, p.target.Accepts(), allFlags, p.avoid)); ok {
		p.stripped[suspectKey(s, rest[0].Meta.UID)] = next
		return p.copyBatch(ctx, s, rest, next)
	}
	return p.reject(ctx, s, t, rest[0], se)
}

// stops names refusals that are not about one message (RFC 5530, RFC 9208).
func stops(se *ServerError) bool {
	return se.Status == "BYE" || slices.Contains([]string{"OVERQUOTA", "UNAVAILABLE", "INUSE", "THROTTLED", "SERVERBUG", "AUTHENTICATIONFAILED",
		"AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "CONTACTADMIN", "NOPERM", "CORRUPTION"}, se.Code)
}

// recreate makes a folder again that was deleted under us; the next look
// starts over there.
func (p *pass) recreate(ctx context.Context, s *PairState, ae *AppendError) error {
	path := s.Pair.Target.Path
	if p.state.created[folderKey(path)] {
		return fmt.Errorf("append to %s: %w", showPath(path), ae.Err)
	}
	p.state.created[folderKey(path)] = true
	if err := p.write("CREATE", func() error { _, err := p.target.Create(ctx, path, s.Use); return err }); err != nil {
		return fmt.Errorf("create target folder %s: %w", showPath(path), err)
	}
	return retry.Temporary(fmt.Errorf("target folder %s: %w", showPath(path), errFolderChanged))
}

// reject records the server's words about one message.
func (p *pass) reject(ctx context.Context, s *PairState, t *transfer, a CopyAction, se *ServerError) error {
	row := a.Row
	if row == nil {
		row = &Row{}
	}
	*row = Row{ID: row.ID, Pair: s.Pair.ID, SourceUID: a.Meta.UID, SourceValidity: s.Source.UIDValidity, Size: a.Meta.Size, Date: a.Meta.Date,
		Flags: sortedFlags(a.Meta.Flags), Outcome: Rejected, Origin: FromSource, Reason: se.Error(), Settled: true}
	if n := len(t.sent); n > 0 && t.sent[n-1].whole && t.sent[n-1].action.Meta.UID == a.Meta.UID {
		print := t.sent[n-1].hash.Print()
		row.Digest, row.Size = print.Digest, print.Octets
	}
	if err := p.commit(ctx, Change{Rows: []*Row{row}}); err != nil {
		return err
	}
	if i, ok := s.Source.messages.search(a.Meta.UID); ok {
		s.covered.set(i)
	}
	p.report.Outcomes[Rejected]++
	p.fail(s.Pair.Source.Path, a.Meta.UID, se)
	if p.state.rejectedInRow++; p.state.rejectedInRow >= maxRejections {
		return fmt.Errorf("append to %s: the last %d messages were all refused: %w", showPath(s.Pair.Target.Path), maxRejections, se)
	}
	return nil
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
