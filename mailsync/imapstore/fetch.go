package imapstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// Handler receives one message; see mailsync.Source.Fetch.
type Handler = func(m mailsync.Meta, octets int64, body io.Reader) error

// drainLimit is how much of an abandoned fetch is read and thrown away before
// the connection is given up instead.
const drainLimit = 8 << 20

// fetchFlight is how many FETCH commands are sent before a reply is read; each
// asks for as many messages as fit on a line.
const fetchFlight = 4

// fetch is one call of Fetch.
type fetch struct {
	s *session
	// bare: what is known of messages besides their octets is not asked for.
	bare bool
	// part is what is asked of a body: "" for all, "<0.n>" for its first n octets.
	part string
	fn   Handler
	want []uint32
	got  []bool
	m    wire.Fetched
	// learnt holds attributes of messages whose server sends them too late.
	learnt map[uint32]mailsync.Meta
	// single is the only UID asked for, or 0; assumed is true while a body is
	// taken for its octets though no UID came before it.
	single  uint32
	assumed bool
	// late is true when a body came before what must be known to use it.
	late    bool
	stop    error
	drained int64
}

var errAbandoned = errors.New("rest of a fetch is not wanted")

// Fetch implements mailsync.Source.
func (r *reader) Fetch(ctx context.Context, uids []mailsync.UID, fn func(m mailsync.Meta, octets int64, body io.Reader) error) ([]mailsync.UID, error) {
	return r.fetch(ctx, uids, "", fn)
}

// FetchStart implements mailsync.StartFetcher (RFC 3501 §6.4.5, partial).
func (r *reader) FetchStart(ctx context.Context, uids []mailsync.UID, octets int, fn func(m mailsync.Meta, octets int64, body io.Reader) error) ([]mailsync.UID, error) {
	return r.fetch(ctx, uids, fmt.Sprintf("<0.%d>", octets), fn)
}

func (r *reader) fetch(ctx context.Context, uids []mailsync.UID, part string, fn Handler) ([]mailsync.UID, error) {
	f := &fetch{s: r.s, fn: fn, part: part}
	for _, u := range uids {
		if u != 0 {
			f.want = append(f.want, uint32(u))
		}
	}
	slices.Sort(f.want)
	f.want = slices.Compact(f.want)
	f.got = make([]bool, len(f.want))
	err := r.s.within(ctx, fmt.Sprintf("fetch %d messages", len(f.want)), f.run)
	if err == nil || errors.Is(err, errAbandoned) {
		err = f.stop
	}
	return f.missing(), err
}

func (f *fetch) missing() []mailsync.UID {
	var uids []mailsync.UID
	for i, got := range f.got {
		if !got {
			uids = append(uids, mailsync.UID(f.want[i]))
		}
	}
	return uids
}

// rest returns those of nums that did not come.
func (f *fetch) rest(nums []uint32) []uint32 {
	var rest []uint32
	for _, n := range nums {
		if i, ok := slices.BinarySearch(f.want, n); ok && !f.got[i] {
			rest = append(rest, n)
		}
	}
	return rest
}

// retryAlone is how many missing messages are asked for one by one.
const retryAlone = 8

func (f *fetch) run() error {
	if f.s.metaFirst {
		return f.apart(f.want)
	}
	if err := f.get(f.want); err != nil || f.stop != nil {
		return err
	}
	rest := f.rest(f.want)
	switch {
	case len(rest) == 0:
		return nil
	case f.late:
		f.s.metaFirst = true
		return f.apart(rest)
	case len(rest) > retryAlone:
		return f.get(rest)
	}
	return f.alone(rest)
}

// apart fetches from a server that sends a body before the attributes: those
// are asked for first, then each message in a command of its own, so that
// there is no doubt whose octets they are.
func (f *fetch) apart(nums []uint32) error {
	f.learnt = map[uint32]mailsync.Meta{}
	for _, set := range wire.Sets(nums) {
		r, err := f.s.ask(f.s.conn.Begin("UID FETCH", f.s.lit).Text(" "+set.Text+" (UID FLAGS INTERNALDATE RFC822.SIZE)"), f.learn)
		if err != nil {
			return err
		}
		if err := replied("UID FETCH", r); err != nil && retry.IsTemporary(err) {
			return err
		}
	}
	return f.alone(nums)
}

func (f *fetch) learn(r *wire.Response) (bool, error) {
	if r.Type != "FETCH" {
		return false, nil
	}
	if err := f.s.conn.R.Fetch(&f.m, nil); err != nil {
		return true, err
	}
	if f.m.UID != 0 && f.m.HasFlags && f.m.HasSize && f.m.HasDate {
		if _, ok := slices.BinarySearch(f.want, f.m.UID); ok {
			f.learnt[f.m.UID] = meta(&f.m)
		}
	}
	return true, nil
}

func (f *fetch) alone(nums []uint32) error {
	defer func() { f.single = 0 }()
	for _, n := range nums {
		f.single = n
		if err := f.get([]uint32{n}); err != nil || f.stop != nil {
			return err
		}
	}
	return nil
}

// get fetches messages, and halves what a server refuses until the message it
// cannot give is alone: one bad message never hides the others.
func (f *fetch) get(nums []uint32) error {
	sets := wire.Sets(nums)
	var sent []*wire.Command
	for i, next := 0, 0; i < len(sets) && f.stop == nil; i++ {
		for ; next < len(sets) && next < i+fetchFlight; next++ {
			m := f.s.conn.Begin("UID FETCH", f.s.lit).Text(f.text(sets[next].Text))
			if err := m.End(); err != nil {
				return err
			}
			sent = append(sent, m)
		}
		if err := f.answer(sent[i], sets[i].Nums); err != nil {
			return err
		}
	}
	return f.settle(sent)
}

func (f *fetch) text(set string) string {
	if f.bare {
		return " " + set + " (UID BODY.PEEK[])"
	}
	return " " + set + " (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]" + f.part + ")"
}

// settle reads the replies of commands that were sent ahead before fn stopped.
func (f *fetch) settle(sent []*wire.Command) error {
	for _, m := range sent {
		if f.s.conn.Outstanding(m.Tag) {
			if _, err := f.s.conn.Await(m.Tag, f.data); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fetch) answer(m *wire.Command, nums []uint32) error {
	r, err := f.s.conn.Await(m.Tag, f.data)
	if err != nil || f.stop != nil || r.Type == "OK" {
		return err
	}
	refusal := replied("UID FETCH", r)
	rest := f.rest(nums)
	switch {
	case retry.IsTemporary(refusal):
		return refusal
	case len(rest) > 1:
		// Halving must not meet the replies of commands sent ahead: they are
		// told apart by their tags.
		return errors.Join(f.get(rest[:len(rest)/2]), f.get(rest[len(rest)/2:]))
	}
	return nil
}

func (f *fetch) data(r *wire.Response) (bool, error) {
	if r.Type != "FETCH" {
		return false, nil
	}
	wanted := false
	err := f.s.conn.R.Fetch(&f.m, func(b wire.Body) error {
		wanted = true
		return f.body(b)
	})
	if err == nil && f.assumed && f.m.UID != f.single && f.m.UID != 0 {
		err = &wire.ProtocolError{What: fmt.Sprintf("asked for message %d alone, got the octets of %d", f.single, f.m.UID)}
	}
	return wanted, err
}

// body is called where the octets of a message begin.
func (f *fetch) body(b wire.Body) error {
	if f.stop != nil {
		if f.drained += max(b.Octets, 0); f.drained > drainLimit {
			return &wire.Lost{Err: errAbandoned}
		}
		return nil
	}
	uid := f.m.UID
	if f.assumed = uid == 0 && f.single != 0; f.assumed {
		uid = f.single
	}
	i, asked := slices.BinarySearch(f.want, uid)
	m, complete := f.attributes(uid)
	switch {
	case uid == 0 || asked && !complete:
		f.late = true
		return nil
	case !asked || f.got[i]:
		return nil // not asked for, or told twice
	case b.Octets < 0, b.Octets == 0 && m.Size > 0:
		return nil // the server has it and does not give it
	}
	f.got[i] = true
	if err := f.fn(m, b.Octets, b.Reader); err != nil {
		f.stop = err
	}
	return nil
}

func (f *fetch) attributes(uid uint32) (mailsync.Meta, bool) {
	if m, ok := f.learnt[uid]; ok {
		return m, true
	}
	if f.bare {
		return mailsync.Meta{UID: mailsync.UID(uid)}, uid != 0
	}
	m := meta(&f.m)
	m.UID = mailsync.UID(uid)
	return m, f.m.UID != 0 && f.m.HasFlags && f.m.HasDate && f.m.HasSize
}
