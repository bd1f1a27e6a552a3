package imapstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// appendFlight is how many single APPENDs are sent before a reply is read, and
// flightBytes how many octets of messages.
const (
	appendFlight = 64
	flightBytes  = 4 << 20
)

// appending is one call of Append.
type appending struct {
	t      *Target
	folder mailsync.Folder
	next   func() (*mailsync.Outgoing, error)
	lit    wire.Literals

	sent     int // messages whose literal was written
	accepted int
	out      mailsync.Appended
	noUIDs   bool
	// unknown is true while the server has something it may have stored.
	unknown bool
	// source is an error of next or of a message, before anything of it left.
	source error
}

// Append implements mailsync.Target: one MULTIAPPEND (RFC 3502), which is one
// commit, or pipelined APPENDs where the server has none. Bodies stream.
func (t *Target) Append(ctx context.Context, f mailsync.Folder, next func() (*mailsync.Outgoing, error)) (mailsync.Appended, error) {
	a := &appending{t: t, folder: f, next: next, lit: t.s.lit}
	if t.ask {
		a.lit = wire.Synchronising
	}
	err := t.s.do(ctx, "append to folder "+quote(f), func() error {
		t.s.conn.Patience(t.s.lim.Commit)
		defer t.s.conn.Patience(0)
		if t.multi() {
			return a.batch()
		}
		return a.singles()
	})
	return a.outcome(err)
}

// outcome is what the caller is told of a batch.
func (a *appending) outcome(err error) (mailsync.Appended, error) {
	if err == nil && a.source != nil {
		err = fmt.Errorf("%s: append to folder %s: %w", a.t.s.cfg.who(), quote(a.folder), a.source)
	}
	if a.noUIDs || len(a.out.UIDs) != a.accepted {
		a.out.UIDs = nil // a count that does not fit names nothing
	}
	if err != nil {
		return mailsync.Appended{}, &mailsync.AppendError{Accepted: a.accepted, UIDs: a.out.UIDs, Unknown: a.unknown, Err: err}
	}
	return a.out, nil
}

// item is a message that was checked: the text before its literal.
type item struct {
	text string
	msg  *mailsync.Outgoing
}

// take asks for the next message. Nothing of one that cannot be written leaves.
func (a *appending) take() (*item, bool) {
	m, err := a.next()
	if err != nil || m == nil {
		a.source = err
		return nil, false
	}
	text, err := preamble(m)
	if err != nil {
		a.source = fmt.Errorf("message %d of the batch: %w", a.sent+1, err)
		return nil, false
	}
	return &item{text, m}, true
}

// preamble is what precedes the literal. A flag that is not an atom would turn
// the message into commands: it is refused here (RFC 3501 §9).
func preamble(m *mailsync.Outgoing) (string, error) {
	var flags []string
	for _, f := range m.Flags {
		if f == `\Recent` {
			continue
		}
		if !wire.ValidFlag(f) {
			return "", fmt.Errorf("%w: %.60q", ErrFlag, f)
		}
		flags = append(flags, f)
	}
	text := " "
	if len(flags) > 0 {
		text += "(" + strings.Join(flags, " ") + ") "
	}
	if m.Date.IsZero() {
		return text, nil
	}
	date, err := wire.FormatDate(m.Date)
	return text + date + " ", err
}

// ErrFlag is a flag that cannot be written in IMAP.
var ErrFlag = errors.New("not a flag")

func (a *appending) batch() error {
	m, err := a.send()
	if err != nil || m == nil {
		return err
	}
	return a.answered(m)
}

// send writes a whole MULTIAPPEND; nil where there is nothing to send.
func (a *appending) send() (*wire.Command, error) {
	it, ok := a.take()
	if !ok {
		return nil, nil
	}
	m := a.t.s.conn.Begin("APPEND", a.lit).Name(a.folder.Raw)
	for ; ok; it, ok = a.take() {
		a.unknown = true
		if err := m.Text(it.text).Literal(it.msg.Size, it.msg.Body); err != nil {
			return nil, err
		}
		if m.Refused() != nil {
			break
		}
		a.sent++
	}
	return m, m.End()
}

// answered reads the reply to a MULTIAPPEND.
func (a *appending) answered(m *wire.Command) error {
	r, err := a.t.s.conn.Await(m.Tag, nil)
	if err != nil {
		return err
	}
	a.unknown = false
	if r.Type == "BAD" && a.sent > 1 {
		a.t.single = true // the server announces what it cannot do
	}
	if err := replied("APPEND", r); err != nil {
		return err
	}
	a.accept(a.sent, r)
	return nil
}

// accept notes an OK for n messages.
func (a *appending) accept(n int, r wire.Response) {
	a.accepted += n
	validity, uids, ok := appendUID(r, n)
	if !ok {
		a.noUIDs = true
		return
	}
	a.out.UIDValidity = validity
	for _, u := range uids {
		a.out.UIDs = append(a.out.UIDs, mailsync.UID(u))
	}
}

// appendUID reads "[APPENDUID validity set]" (RFC 4315 §3).
func appendUID(r wire.Response, n int) (validity uint32, uids []uint32, ok bool) {
	if r.Code != "APPENDUID" {
		return 0, nil, false
	}
	v, set, _ := strings.Cut(r.Args, " ")
	parsed, err := strconv.ParseUint(v, 10, 32)
	uids, ok = wire.ParseSet(strings.TrimSpace(set), n)
	return uint32(parsed), uids, ok && err == nil && len(uids) == n
}

// flying is an APPEND whose reply was not read yet.
type flying struct {
	tag  string
	size int64
}

// singles sends one APPEND per message. A refusal ends the batch: what was
// sent behind it may be accepted all the same, and is counted as unknown.
func (a *appending) singles() error {
	var air []flying
	var inAir int64
	land := func() error {
		err := a.land(air[0])
		inAir -= air[0].size
		air = air[1:]
		return err
	}
	for it, ok := a.take(); ok; it, ok = a.take() {
		for len(air) > 0 && (len(air) >= appendFlight || inAir+it.msg.Size > flightBytes || a.lit != wire.LiteralPlus) {
			if err := land(); err != nil {
				return a.rest(err, air)
			}
		}
		m := a.t.s.conn.Begin("APPEND", a.lit).Name(a.folder.Raw).Text(it.text)
		a.unknown = true
		if err := m.Literal(it.msg.Size, it.msg.Body); err != nil {
			return err
		}
		if err := m.End(); err != nil {
			return err
		}
		a.sent++
		air = append(air, flying{m.Tag, it.msg.Size})
		inAir += it.msg.Size
	}
	for len(air) > 0 {
		if err := land(); err != nil {
			return a.rest(err, air)
		}
	}
	a.unknown = false
	return nil
}

func (a *appending) land(f flying) error {
	r, err := a.t.s.conn.Await(f.tag, nil)
	if err != nil {
		return err
	}
	if err := replied("APPEND", r); err != nil {
		return err
	}
	a.accept(1, r)
	return nil
}

// rest reads what became of the messages sent behind a refused one, so that
// the connection stays usable. Any that was accepted makes the batch unknown.
func (a *appending) rest(refusal error, air []flying) error {
	var server *mailsync.ServerError
	if !errors.As(refusal, &server) {
		return refusal
	}
	a.unknown = false
	for _, f := range air {
		r, err := a.t.s.conn.Await(f.tag, nil)
		if err != nil {
			a.unknown = true
			return errors.Join(refusal, err)
		}
		if r.Type == "OK" {
			a.unknown = true
		}
	}
	return refusal
}
