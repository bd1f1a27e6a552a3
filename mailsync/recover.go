package mailsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// recover settles the fate of batches that were announced and not recorded.
// Only target UIDs at or above the recorded UIDNEXT can be theirs; match says
// which are. What is not found was not received and is copied like anything new.
func (p *pass) recover(ctx context.Context) error {
	intents, err := p.Ledger.Intents(ctx)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	batches := make([]Intent, 0, len(intents))
	for _, in := range intents {
		if in.Moved == 0 {
			batches = append(batches, in)
		} else if err := p.recoverMove(ctx, in); err != nil {
			return fmt.Errorf("look for an interrupted move: %w", err)
		}
	}
	for _, group := range together(batches) {
		if err := p.recoverIntent(ctx, group[0]); err != nil {
			return fmt.Errorf("look for an interrupted batch: %w", err)
		}
		for _, in := range group[1:] {
			if err := p.commit(ctx, Change{Close: in.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// together joins the intents of one folder, which were under way at the same
// time: the first of each group says what all of them sent. Looking for them
// one by one would read the same messages again and again.
func together(intents []Intent) [][]Intent {
	type folder struct {
		pair             int64
		source, validity uint32
	}
	at := map[folder]int{}
	var out [][]Intent
	for _, in := range intents {
		k := folder{in.Pair, in.SourceValidity, in.Validity}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, []Intent{in})
			continue
		}
		first := &out[i][0]
		first.Sources = append(slices.Clone(first.Sources), in.Sources...)
		first.Next, first.At = min(first.Next, in.Next), later(first.At, in.At)
		out[i] = append(out[i], in)
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *pass) recoverIntent(ctx context.Context, in Intent) error {
	s := p.pairByID(in.Pair)
	if s == nil || s.excluded() {
		return p.commit(ctx, Change{Close: in.ID})
	}
	if err := p.waitFor(ctx, in); err != nil {
		return err
	}
	k, err := p.knownFrom(ctx, s, in)
	if err != nil {
		return err
	}
	w, err := p.findSent(ctx, s, in, k, unheard())
	if err != nil {
		return err
	}
	if err := p.commit(ctx, Change{Rows: w.rows(), Close: in.ID}); err != nil {
		return err
	}
	for _, r := range slices.Concat(w.copied, w.orphans) {
		p.report.Outcomes[r.Outcome]++
	}
	p.account(s, w)
	return nil
}

// waitFor gives a server time to finish: the process that sent the intent may
// have died a moment ago.
func (p *pass) waitFor(ctx context.Context, in Intent) error {
	if wait := in.At.Add(p.Grace); p.Clock.Now().Before(wait) {
		return p.Clock.WaitUntil(ctx, wait)
	}
	return nil
}

// known is what rows say of the messages of an intent.
type known struct {
	// claimed are target messages that are somebody's; rows those of sources.
	claimed map[UID]bool
	rows    map[UID]*Row
	// ended are target messages of rows that claim them no longer.
	ended map[UID]bool
}

func newKnown() known {
	return known{claimed: map[UID]bool{}, rows: map[UID]*Row{}, ended: map[UID]bool{}}
}

func (k known) add(r *Row, in Intent) {
	if r.TargetUID >= in.Next && r.Outcome.Live() && r.TargetFolder == nil && r.TargetValidity == in.Validity {
		k.claimed[r.TargetUID] = true
	}
	if r.TargetUID >= in.Next && r.Outcome == Gone && r.TargetFolder == nil && r.TargetValidity == in.Validity {
		k.ended[r.TargetUID] = true
	}
	if r.SourceValidity == in.SourceValidity && r.Outcome != Gone {
		k.rows[r.SourceUID] = r
	}
}

// knownFrom asks the ledger, of which it keeps what concerns the intent.
func (p *pass) knownFrom(ctx context.Context, s *PairState, in Intent) (known, error) {
	k, sources := newKnown(), sortedUIDs(in.Sources)
	err := p.Ledger.Rows(ctx, s.Pair.ID, func(r Row) error {
		if _, sent := slices.BinarySearch(sources, r.SourceUID); sent || r.TargetUID >= in.Next {
			kept := r
			k.add(&kept, in)
		}
		return nil
	})
	if err != nil {
		return k, fmt.Errorf("read ledger: %w", err)
	}
	return k, nil
}

func (p *pass) pairByID(id int64) *PairState {
	for _, s := range p.state.pairs {
		if s.Pair.ID == id {
			return s
		}
	}
	return nil
}

// whereabouts are the rows of what a batch sent, as far as the target shows it.
type whereabouts struct {
	copied, inDoubt, orphans []*Row
	// altered are those of copied whose octets are not what was sent, though
	// their size does not say so.
	altered []*Row
}

func (w whereabouts) rows() []*Row { return slices.Concat(w.copied, w.inDoubt, w.orphans) }

// InDoubt is the Reason of a message that is [Rejected] because the target may
// hold it already, and nothing proves that it does. Options.RetryRejected
// sends it again.
const InDoubt = "sent, and what became of it was not heard; the target holds a message that may be it: neither taken for it nor sent again"

// recognisedReason is that of a copy that was not known by its octets.
const recognisedReason = "known by date, size or Message-ID, and by its place; not by its octets"

// beyondRecognition names what a target did to such a copy.
const beyondRecognition = "beyond what was known of the target"

var errInDoubt = errors.New(InDoubt)

// findSent matches what the target received since the intent with what the
// intent sent. A changed UIDVALIDITY on either side leaves it to adoption.
func (p *pass) findSent(ctx context.Context, s *PairState, in Intent, k known, enough evidence) (w whereabouts, err error) {
	st, err := p.openTargetFolder(ctx, s.Pair.Target.Path, false)
	if err != nil || st.UIDValidity != in.Validity {
		return w, err
	}
	arrived, err := p.arrivedSince(ctx, in, k)
	if err != nil || len(arrived) == 0 || !s.SourceListed {
		return w, err
	}
	source, err := p.examine(ctx, s.Pair.Source.Path)
	if err != nil || source.UIDValidity != in.SourceValidity {
		return w, err
	}
	return p.matchSent(ctx, s, in, k, arrived, enough)
}

// arrivedSince reads the messages of the open target folder that the batch
// may have become, in UID order.
func (p *pass) arrivedSince(ctx context.Context, in Intent, k known) ([]foundMessage, error) {
	uids, err := p.target.UIDs(ctx)
	if err != nil {
		return nil, err
	}
	var since []UID
	for _, u := range sortedUIDs(uids) {
		if u >= in.Next && !k.claimed[u] {
			since = append(since, u)
		}
	}
	out, missing, err := readAll(ctx, p.target, since, p.form())
	if err != nil || len(missing) == 0 {
		return out, err
	}
	missing = sortedUIDs(missing)
	err = p.target.Scan(ctx, 0, func(m Meta) error {
		if _, ok := slices.BinarySearch(missing, m.UID); ok {
			out = append(out, foundMessage{meta: m, withheld: true})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b foundMessage) int { return cmp.Compare(a.meta.UID, b.meta.UID) })
	return out, err
}

// readAll returns what is delivered in the order of uids, and what is not.
func readAll(ctx context.Context, side Source, uids []UID, form Form) (out []foundMessage, missing []UID, err error) {
	if len(uids) == 0 {
		return nil, nil, nil
	}
	missing, err = side.Fetch(ctx, uids, func(m Meta, _ int64, body io.Reader) error {
		var l originReader
		print, err := form.PrintOf(io.TeeReader(body, &l))
		out = append(out, foundMessage{meta: m, print: print, marks: l.end()})
		return err
	})
	place := make(map[UID]int, len(uids))
	for i, u := range uids {
		place[u] = i
	}
	slices.SortStableFunc(out, func(a, b foundMessage) int { return cmp.Compare(place[a.meta.UID], place[b.meta.UID]) })
	return out, missing, err
}

func (p *pass) matchSent(ctx context.Context, s *PairState, in Intent, k known, arrived []foundMessage, enough evidence) (w whereabouts, err error) {
	var ask []UID
	for _, u := range in.Sources {
		if r := k.rows[u]; r == nil || r.awaitsCopy(in) {
			ask = append(ask, u)
		}
	}
	sent, _, err := readAll(ctx, p.source, ask, p.form())
	if err != nil {
		return w, err
	}
	if len(sent) < len(ask) {
		enough = unheardAndVanished()
	}
	for i := range arrived {
		arrived[i].ended = k.ended[arrived[i].meta.UID]
	}
	taken := make([]bool, len(arrived))
	for i, f := range match(sent, arrived, enough) {
		if f.how == unseen {
			continue
		}
		m, a := &sent[i], &arrived[f.at]
		r := foundRow(s, k.rows[m.meta.UID], &in, *m, a.meta)
		if taken[f.at] = true; f.how == inDoubt {
			w.inDoubt = append(w.inDoubt, doubtfulRow(r))
			continue
		}
		if w.copied = append(w.copied, r); f.how == byMarks {
			r.Reason = recognisedReason
			if p.Personality.alteration(r, a.meta.Size) == "" {
				w.altered = append(w.altered, r)
			}
		}
	}
	w.orphans = orphans(s, in, arrived, taken, len(ask)-len(sent))
	return w, nil
}

// doubtfulRow makes of a row that of a message of which nobody knows whether
// the target has it.
func doubtfulRow(r *Row) *Row {
	r.TargetUID, r.TargetValidity, r.Plain, r.Left, r.Flux = 0, 0, Digest{}, nil, nil
	r.Outcome, r.Reason, r.Settled = Rejected, InDoubt, true
	return r
}

// account reports what was recorded and is not as it should be. A wish to send
// again what was refused is older than the doubt.
func (p *pass) account(s *PairState, w whereabouts) {
	for _, r := range w.altered {
		p.report.Altered++
		p.except(OctetsAltered, beyondRecognition, r, "")
	}
	for _, r := range w.inDoubt {
		p.report.Outcomes[Rejected]++
		p.doubtful[r.ID] = true
		p.fail(s.Pair.Source.Path, r.SourceUID, errInDoubt)
	}
}

// foundRow records a message that was found where an intent sent it. With
// which flags it was sent nobody knows any more: where both sides differ the
// source may have changed its mind since, and the source decides ([Row].Flux).
func foundRow(s *PairState, row *Row, in *Intent, sent foundMessage, there Meta) *Row {
	r := copiedRow(s, row, in, sent.meta, sent.print, there.UID)
	r.Left = sortedFlags(there.Flags)
	r.Flux = unionFlags(minusFlags(r.Flags, r.Left), minusFlags(r.Left, r.Flags))
	return r
}

// orphanReason marks what an interrupted batch left on the target after its
// message vanished from the source folder. Where the same octets turn up in
// another folder of the source, it was moved; it is deleted on no other evidence.
const orphanReason = "sent by an interrupted pass; vanished from the source before that was recorded"

func orphans(s *PairState, in Intent, arrived []foundMessage, taken []bool, vanished int) []*Row {
	var rows []*Row
	for i, a := range arrived {
		if taken[i] || a.withheld || len(rows) >= vanished {
			continue
		}
		flags := sortedFlags(a.meta.Flags) // it was sent with the source's
		r := &Row{Pair: s.Pair.ID, TargetUID: a.meta.UID, TargetValidity: in.Validity, Digest: a.print.Digest, Size: a.print.Octets, Date: a.meta.Date,
			Flags: flags, Left: flags, Outcome: Gone, Origin: FromSource, Reason: orphanReason, Settled: true}
		rows = append(rows, r)
	}
	return rows
}
