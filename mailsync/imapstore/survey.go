package imapstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var (
	_ mailsync.Surveyor = (*Source)(nil)
	_ mailsync.Surveyor = (*Target)(nil)
)

// Survey implements mailsync.Surveyor: EXAMINE and the question for one folder
// behind those for another.
func (r *reader) Survey(ctx context.Context, asks []mailsync.Ask) ([]mailsync.Surveyed, error) {
	out := make([]mailsync.Surveyed, len(asks))
	err := r.s.do(ctx, "look at folders", func() error {
		if err := r.s.meet(); err != nil { // whether a history can be asked for
			return err
		}
		f := r.s.newFlight()
		for i, a := range asks {
			if err := f.add(r.s.surveying(a, &out[i])); err != nil {
				return err
			}
		}
		return f.land()
	})
	return out, err
}

func (s *session) surveying(a mailsync.Ask, out *mailsync.Surveyed) *visit {
	if a.Question == mailsync.AskChanges && !s.qresync {
		a.Question, a.ChangedSince = mailsync.AskMessages, 0
	}
	v := &visit{verb: "EXAMINE", folder: a.Folder, questions: s.questions(a)}
	v.landed = func(v *visit, refusal error) (err error) {
		if out.Err = refusal; refusal != nil {
			return nil
		}
		out.Status = s.open.status
		switch a.Question {
		case mailsync.AskMessages, mailsync.AskFlags:
			out.Err, err = v.messages(a, out)
		case mailsync.AskUIDs:
			out.Err, err = v.uids(out)
		case mailsync.AskChanges:
			out.Err, err = v.changes(a, out)
		}
		return err
	}
	return v
}

// questions are what an Ask says in the folder it is about.
func (s *session) questions(a mailsync.Ask) (out []question) {
	items := "UID FLAGS INTERNALDATE RFC822.SIZE" + s.naming(a.Folder)
	switch a.Question {
	case mailsync.AskMessages:
		for _, set := range setsOf(a.UIDs) {
			out = append(out, question{"UID FETCH", scanText(set, items, a.ChangedSince, false)})
		}
	case mailsync.AskFlags:
		out = []question{{"UID FETCH", scanText(all, "UID FLAGS", a.ChangedSince, false)}}
	case mailsync.AskUIDs:
		out = []question{{"UID SEARCH", s.searchText()}}
	case mailsync.AskChanges:
		out = []question{{"UID FETCH", scanText(all, items, a.ChangedSince, true)}, {"UID SEARCH", s.searchText()}}
	}
	return out
}

// setOctets is how long a set of UIDs in a command may be.
const setOctets = 7000

// setsOf writes ranges as sequence sets, each short enough for a command.
func setsOf(ranges []mailsync.UIDRange) []string {
	if len(ranges) == 0 {
		return []string{all}
	}
	var out []string
	var b []byte
	for _, r := range ranges {
		if len(b) > setOctets {
			out, b = append(out, string(b)), b[:0]
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		if b = strconv.AppendUint(b, uint64(r.First), 10); r.Last > r.First {
			b = strconv.AppendUint(append(b, ':'), uint64(r.Last), 10)
		}
	}
	return append(out, string(b))
}

// listing hands the messages it is told to whoever asked.
func (v *visit) listing(a mailsync.Ask, out *mailsync.Surveyed) *scan {
	return &scan{s: v.s, before: v.s.open, bare: a.Question == mailsync.AskFlags, since: a.ChangedSince, fn: func(m mailsync.Meta) error {
		if a.Message != nil {
			a.Message(m)
			return nil
		}
		m.ModSeq = 0
		out.Messages = append(out.Messages, m)
		return nil
	}}
}

func (v *visit) messages(a mailsync.Ask, out *mailsync.Surveyed) (refusal, err error) {
	sc := v.listing(a, out)
	for n := range v.sent {
		r, err := v.await(n, sc.data)
		if err != nil {
			return nil, err
		}
		if refusal == nil {
			refusal = sc.complete(r, a.ChangedSince, len(a.UIDs) > 0)
		}
		sc.last = 0 // the next set begins
	}
	return refusal, nil
}

// changes reads what changed and vanished, and what is there. A server may
// answer the two questions at once, in pieces (RFC 3501 §5.5).
func (v *visit) changes(a mailsync.Ask, out *mailsync.Surveyed) (refusal, err error) {
	s := v.s
	present, vanished := gathered{most: gaps(s.open.exists)}, gathered{most: gaps(s.open.exists)}
	sc, finding := v.listing(a, out), s.finding(present.add)
	s.gone = vanished.add
	defer func() { s.gone = nil }()
	either := func(r *wire.Response) (bool, error) {
		if wanted, err := finding(r); wanted || err != nil {
			return wanted, err
		}
		return sc.data(r)
	}
	changed, err := v.await(0, either)
	if err != nil {
		return nil, err
	}
	searched, err := v.await(1, either)
	if err != nil {
		return nil, err
	}
	out.Changes = &mailsync.Changes{Present: present.ranges, Vanished: vanished.ranges}
	return errors.Join(sc.complete(changed, a.ChangedSince, true), replied("UID SEARCH", searched), present.err, vanished.err), nil
}

// gaps is how many ranges are worth the room they take: one for four messages.
func gaps(exists uint32) int { return int(exists)/4 + 1000 }

// gathered is a set of UIDs as it is told, with neighbours joined.
type gathered struct {
	ranges []mailsync.UIDRange
	most   int
	err    error
}

func (g *gathered) add(first, last uint32) error {
	n := len(g.ranges)
	switch {
	case n > 0 && uint64(g.ranges[n-1].Last)+1 == uint64(first):
		g.ranges[n-1].Last = mailsync.UID(last)
	case n >= g.most:
		g.err = fmt.Errorf("UIDs in more than %d ranges", g.most)
	default:
		g.ranges = append(g.ranges, mailsync.UIDRange{First: mailsync.UID(first), Last: mailsync.UID(last)})
	}
	return nil
}

func (v *visit) uids(out *mailsync.Surveyed) (refusal, err error) {
	r, err := v.await(0, v.s.searching(&out.UIDs))
	if err != nil {
		return nil, err
	}
	out.UIDs = ordered(out.UIDs)
	return replied("UID SEARCH", r), nil
}
