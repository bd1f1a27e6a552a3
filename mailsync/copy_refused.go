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
