package mailsync

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// readTwice fetches everything on two connections: some servers remember on
// one what they wrote.
func (p *prober) readTwice(ctx context.Context) error {
	uids, err := p.uids(ctx)
	if err != nil {
		return err
	}
	if len(uids) != len(p.sent) {
		return unprobed(fmt.Sprintf("it accepted %d messages and shows %d of them", len(p.sent), len(uids)))
	}
	for i := range p.sent {
		p.sent[i].uid = uids[i] // UIDs rise in the order of arrival (RFC 3501 §2.3.1.1)
	}
	if err := p.fetch(ctx, func(s *appendedSpecimen, m Meta, b []byte) { s.meta, s.first = m, b }); err != nil {
		return err
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	if _, err := p.uids(ctx); err != nil {
		return err
	}
	return p.fetch(ctx, func(s *appendedSpecimen, _ Meta, b []byte) { s.second = b })
}

// maxSpecimen bounds what a message of the probe may have become.
const maxSpecimen = 1 << 20

func (p *prober) fetch(ctx context.Context, keep func(s *appendedSpecimen, m Meta, b []byte)) error {
	var uids []UID
	at := map[UID]*appendedSpecimen{}
	for i := range p.sent {
		uids, at[p.sent[i].uid] = append(uids, p.sent[i].uid), &p.sent[i]
	}
	metas := map[UID]Meta{}
	if err := p.target.Scan(ctx, 0, func(m Meta) error { metas[m.UID] = m; return nil }); err != nil {
		return err
	}
	_, err := p.target.Fetch(ctx, uids, func(m Meta, _ int64, body io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(body, maxSpecimen))
		if s := at[m.UID]; s != nil && err == nil {
			keep(s, metas[m.UID], b)
		}
		return errors.Join(err, discard(body))
	})
	return err
}

// judge compares what came back with what was sent.
func (p *prober) judge() {
	var samples []sample
	for _, s := range p.sent {
		samples = append(samples, sample{s.kind, []byte(s.body), s.first, s.second})
	}
	c := classify(samples)
	f := &p.found
	f.Class, f.Alters, f.Added, f.DropNUL, f.Unrecognised = c.Class, c.Alters, c.Added, c.DropNUL, c.Unrecognised
	for _, s := range p.sent {
		kept := NotKept
		if s.meta.Date.Unix() == s.date.Unix() {
			kept = KeptAtAppend
		}
		switch s.mark {
		case markFuture:
			f.FutureDates = kept
		case markOld:
			f.OldDates = kept
		}
	}
}

// storeMarks sets by STORE what was not kept at APPEND.
func (p *prober) storeMarks(ctx context.Context) error {
	if _, err := p.target.Select(ctx, p.folder); err != nil {
		return lasting("open the scratch folder for writing", err)
	}
	for _, s := range p.sent {
		kept, flag := &p.found.Flagged, `\Flagged`
		switch s.mark {
		case markFlagged:
		case markKeyword:
			kept, flag = &p.found.Keywords, probeKeyword
		case markLong:
			kept, flag = &p.found.LongKeywords, longKeyword
		default:
			continue
		}
		var err error
		if *kept, err = p.keeps(ctx, s, flag); err != nil {
			return err
		}
	}
	return nil
}

func (p *prober) keeps(ctx context.Context, s appendedSpecimen, flag string) (Kept, error) {
	if hasFlag(s.meta.Flags, flag) {
		return KeptAtAppend, nil
	}
	err := p.write("STORE", func() error { return p.target.AddFlags(ctx, []UID{s.uid}, []string{flag}) })
	if isRefusal(err) {
		return NotKept, nil
	}
	kept := NotKept
	if err == nil {
		err = p.target.Scan(ctx, 0, func(m Meta) error {
			if m.UID == s.uid && hasFlag(m.Flags, flag) {
				kept = KeptByStore
			}
			return nil
		})
	}
	return kept, err
}
