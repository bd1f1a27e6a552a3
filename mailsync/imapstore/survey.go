package imapstore

import (
	"context"

	"bascule/mailsync"
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
	v := &visit{verb: "EXAMINE", folder: a.Folder}
	switch a.Question {
	case mailsync.AskMessages:
		v.questions = []question{{"UID FETCH", scanText("UID FLAGS INTERNALDATE RFC822.SIZE"+s.naming(a.Folder), a.ChangedSince, false)}}
	case mailsync.AskFlags:
		v.questions = []question{{"UID FETCH", scanText("UID FLAGS", a.ChangedSince, false)}}
	case mailsync.AskUIDs:
		v.questions = []question{{"UID SEARCH", s.searchText()}}
	}
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
		}
		return err
	}
	return v
}

func (v *visit) messages(a mailsync.Ask, out *mailsync.Surveyed) (refusal, err error) {
	sc := &scan{s: v.s, before: v.s.open, bare: a.Question == mailsync.AskFlags, fn: func(m mailsync.Meta) error {
		if a.Message != nil {
			a.Message(m)
			return nil
		}
		m.ModSeq = 0
		out.Messages = append(out.Messages, m)
		return nil
	}}
	r, err := v.await(0, sc.data)
	if err != nil {
		return nil, err
	}
	return sc.complete(r, a.ChangedSince), nil
}

func (v *visit) uids(out *mailsync.Surveyed) (refusal, err error) {
	r, err := v.await(0, v.s.searching(&out.UIDs))
	if err != nil {
		return nil, err
	}
	out.UIDs = ordered(out.UIDs)
	return replied("UID SEARCH", r), nil
}
