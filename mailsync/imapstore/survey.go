package imapstore

import (
	"context"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var (
	_ mailsync.Surveyor = (*Source)(nil)
	_ mailsync.Surveyor = (*Target)(nil)
)

// surveyFlight is how many folders are asked for before an answer is read.
// The questions must fit into the buffers on the way: nobody reads meanwhile.
const surveyFlight = 24

// Survey implements mailsync.Surveyor: EXAMINE and the question for one folder
// behind those for another. The answers come in the order of the questions,
// because each EXAMINE makes those behind it wait (RFC 3501 §5.5).
func (r *reader) Survey(ctx context.Context, asks []mailsync.Ask) ([]mailsync.Surveyed, error) {
	s := r.s
	s.open = opened{}
	out := make([]mailsync.Surveyed, 0, len(asks))
	err := s.do(ctx, "look at folders", func() error {
		v := &survey{s: s}
		for _, a := range asks {
			if len(v.air) >= surveyFlight || s.waits(a.Folder.Raw) {
				if err := v.land(&out); err != nil {
					return err
				}
			}
			if err := v.send(a); err != nil {
				return err
			}
		}
		return v.land(&out)
	})
	s.open = opened{} // what the server has open is nobody's concern
	return out, err
}

// survey is one on its way.
type survey struct {
	s   *session
	air []asked
}

// asked is a folder whose answers were not read yet.
type asked struct {
	mailsync.Ask
	examine, question *wire.Command
}

func (v *survey) send(a mailsync.Ask) error {
	s := v.s
	q := asked{Ask: a, examine: s.openCommand("EXAMINE", a.Folder)}
	if err := q.examine.End(); err != nil {
		return err
	}
	switch a.Question {
	case mailsync.AskMessages:
		q.question = s.conn.Begin("UID FETCH", s.lit).Text(s.scanText(a.ChangedSince, false))
	case mailsync.AskUIDs:
		q.question = s.conn.Begin("UID SEARCH", s.lit).Text(s.searchText())
	}
	v.air = append(v.air, q)
	if q.question == nil {
		return nil
	}
	return q.question.End()
}

// land reads the answers to all that was sent.
func (v *survey) land(out *[]mailsync.Surveyed) error {
	for _, q := range v.air {
		answer, err := v.answer(q)
		if err != nil {
			return err
		}
		*out = append(*out, answer)
	}
	v.air = v.air[:0]
	return nil
}

func (v *survey) answer(q asked) (out mailsync.Surveyed, err error) {
	s := v.s
	s.open = opened{folder: q.Folder}
	reply, err := s.conn.Await(q.examine.Tag, s.opening)
	if err != nil {
		return out, err
	}
	if out.Err = replied("EXAMINE", reply); out.Err != nil {
		return out, v.skip(q)
	}
	s.open.status.Messages = s.open.exists
	out.Status = s.open.status
	switch q.Question {
	case mailsync.AskMessages:
		out.Err, err = v.messages(q, &out)
	case mailsync.AskUIDs:
		out.Err, err = v.uids(q, &out)
	}
	return out, err
}

// skip reads the answer to a question about a folder that did not open.
// Whatever it holds is of no folder.
func (v *survey) skip(q asked) error {
	if q.question == nil {
		return nil
	}
	_, err := v.s.conn.Await(q.question.Tag, func(*wire.Response) (bool, error) { return true, nil })
	return err
}

func (v *survey) messages(q asked, out *mailsync.Surveyed) (refusal, err error) {
	sc := &scan{s: v.s, before: v.s.open, fn: func(m mailsync.Meta) error {
		out.Messages = append(out.Messages, m)
		return nil
	}}
	r, err := v.s.conn.Await(q.question.Tag, sc.data)
	if err != nil {
		return nil, err
	}
	return sc.complete(r, q.ChangedSince), nil
}

func (v *survey) uids(q asked, out *mailsync.Surveyed) (refusal, err error) {
	r, err := v.s.conn.Await(q.question.Tag, v.s.searching(&out.UIDs))
	if err != nil {
		return nil, err
	}
	out.UIDs = ordered(out.UIDs)
	return replied("UID SEARCH", r), nil
}
