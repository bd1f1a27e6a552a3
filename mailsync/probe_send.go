package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bascule/internal/retry"
)

// appendedSpecimen is a specimen the target took.
type appendedSpecimen struct {
	specimen
	uid           UID
	meta          Meta
	first, second []byte
}

// appendAll sends the specimens one by one: a refusal is then about one.
func (p *prober) appendAll(ctx context.Context) error {
	for i, s := range specimens(p.folder.Path[len(p.folder.Path)-1], p.Clock.Now()) {
		refusal, err := p.appendOne(ctx, s)
		switch {
		case err != nil:
			return fmt.Errorf("append a message with %s: %w", s.kind, err)
		case refusal != nil && i == 0:
			return lasting("append a message", refusal)
		case refusal != nil:
			p.found.Refuses = append(p.found.Refuses, RefusedKind{s.kind, refusal.Error()})
		}
	}
	return nil
}

// appendOne tries without the keyword where the message is refused with it.
func (p *prober) appendOne(ctx context.Context, s specimen) (refusal, err error) {
	refusal, err = p.send(ctx, s)
	if refusal == nil || err != nil || !slices.ContainsFunc(s.flags, isKeyword) {
		return refusal, err
	}
	s.flags = slices.DeleteFunc(slices.Clone(s.flags), isKeyword)
	return p.send(ctx, s)
}

// maxEnded is how many connections a probe lets a server end.
const maxEnded = 4

// send appends one message. A connection that ends meanwhile is taken for a
// refusal, unless the message is there.
func (p *prober) send(ctx context.Context, s specimen) (refusal, err error) {
	done := false
	err = p.write("APPEND", func() error {
		_, err := p.target.Append(ctx, p.folder, func() (*Outgoing, error) {
			if done {
				return nil, nil
			}
			done = true
			return &Outgoing{Size: int64(len(s.body)), Date: s.date, Flags: s.flags, Body: strings.NewReader(s.body)}, nil
		})
		return err
	})
	var se *ServerError
	switch {
	case err == nil:
		p.sent = append(p.sent, appendedSpecimen{specimen: s})
		return nil, nil
	case ctx.Err() != nil:
		return nil, err
	case errors.As(err, &se) && se.Status != "BYE":
		if retry.IsTemporary(err) || stops(se) {
			return nil, err
		}
		return se, nil
	case !s.odd:
		return nil, err
	}
	if p.ended++; p.ended > maxEnded {
		return nil, err
	}
	return p.lostWhileSending(ctx, s, err)
}

func (p *prober) lostWhileSending(ctx context.Context, s specimen, cause error) (refusal, err error) {
	if err := p.connect(ctx); err != nil {
		return nil, err
	}
	uids, err := p.uids(ctx)
	if err != nil {
		return nil, err
	}
	if len(uids) > len(p.sent) {
		p.sent = append(p.sent, appendedSpecimen{specimen: s})
		return nil, nil
	}
	return fmt.Errorf("the connection ended: %w", cause), nil
}

func (p *prober) uids(ctx context.Context) ([]UID, error) {
	if _, err := p.target.Examine(ctx, p.folder); err != nil {
		return nil, fmt.Errorf("open the scratch folder: %w", err)
	}
	uids, err := p.target.UIDs(ctx)
	return compactUIDs(uids), err
}
