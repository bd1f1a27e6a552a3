package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/iotest"
	"time"

	"bascule/internal/retry"
	"bascule/mailsync"
)

// ErrCut is the end of a connection.
var ErrCut = errors.New("connection lost")

// Cutoff is what Server.Before returns to end the connection at a command.
func Cutoff() error { return retry.Temporary(ErrCut) }

// conn is one connection to a Server.
type conn struct {
	s        *Server
	open     *box
	readOnly bool
	dead     bool
}

var (
	_ mailsync.Target = (*conn)(nil)
	_ mailsync.Copier = (*conn)(nil)
)

// OpenSource and OpenTarget have the shape the engine wants.
func (s *Server) OpenSource(context.Context) (mailsync.Source, error) {
	if s.P.Plain {
		return struct{ mailsync.Source }{&conn{s: s}}, nil
	}
	return &conn{s: s}, nil
}

// OpenTarget opens a connection that writes.
func (s *Server) OpenTarget(context.Context) (mailsync.Target, error) {
	if s.P.Plain {
		return struct{ mailsync.Target }{&conn{s: s}}, nil
	}
	return &conn{s: s}, nil
}

// begin runs the hook, then takes the server's lock.
func (c *conn) begin(ctx context.Context, command string, write bool) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if c.dead {
		return nil, retry.Temporary(ErrCut)
	}
	if c.s.Before != nil {
		c.s.hook.Lock()
		err := c.s.Before(command)
		c.s.hook.Unlock()
		if err != nil {
			c.dead = errors.Is(err, ErrCut)
			return nil, err
		}
	}
	c.s.mu.Lock()
	if write {
		c.s.writes = append(c.s.writes, command)
	}
	return c.s.mu.Unlock, nil
}

func (c *conn) Identity() mailsync.Identity {
	return mailsync.Identity{Endpoint: "memory", ID: map[string]string{"name": "storetest"}}
}

func (c *conn) List(ctx context.Context) (mailsync.Listing, error) {
	end, err := c.begin(ctx, "LIST", false)
	if err != nil {
		return mailsync.Listing{}, err
	}
	defer end()
	l := mailsync.Listing{Labelled: c.s.P.Labels}
	for _, b := range c.s.boxes {
		if !b.hidden {
			l.Folders = append(l.Folders, c.folder(b))
		}
	}
	return l, nil
}

func (c *conn) folder(b *box) mailsync.Folder {
	st := c.status(b)
	return mailsync.Folder{Path: slices.Clone(b.path), Raw: strings.Join(b.path, string(c.s.P.Delim)), Delim: c.s.P.Delim,
		Use: b.use, Selectable: true, Subscribed: b.subscribed, Status: &st}
}

func (c *conn) status(b *box) mailsync.Status {
	st := mailsync.Status{UIDValidity: b.validity, UIDNext: b.next, Messages: uint32(len(c.s.shown(b))) + b.off, HighestModSeq: b.modseq}
	if c.s.P.NoCondStore {
		st.HighestModSeq = 0
	}
	return st
}

func (c *conn) Examine(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return c.openBox(ctx, "EXAMINE", f, true)
}

func (c *conn) Select(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return c.openBox(ctx, "SELECT", f, false)
}

func (c *conn) openBox(ctx context.Context, command string, f mailsync.Folder, readOnly bool) (mailsync.Status, error) {
	end, err := c.begin(ctx, command, false)
	if err != nil {
		return mailsync.Status{}, err
	}
	defer end()
	b := c.s.find(strings.Split(f.Raw, string(c.s.P.Delim)))
	if b == nil {
		return mailsync.Status{}, fmt.Errorf("%s %s: %w", command, f.Raw, mailsync.ErrNoFolder)
	}
	c.open, c.readOnly = b, readOnly
	c.s.opened = append(c.s.opened, name(b.path))
	return c.status(b), nil
}

// current copies the messages of the open folder under the lock.
func (c *conn) current(ctx context.Context, command string) ([]Message, error) {
	end, err := c.begin(ctx, command, false)
	if err != nil {
		return nil, err
	}
	defer end()
	if c.open == nil {
		return nil, fmt.Errorf("%s: no folder is open", command)
	}
	return slices.Clone(c.s.shown(c.open)), nil
}

func (c *conn) Scan(ctx context.Context, since uint64, fn func(mailsync.Meta) error) error {
	all, err := c.current(ctx, "SCAN")
	if err != nil {
		return err
	}
	for _, m := range all {
		if since > 0 && m.ModSeq <= since {
			continue
		}
		meta := c.meta(m)
		c.s.mu.Lock()
		c.s.told++
		c.s.named(c.open, &meta, m)
		c.s.mu.Unlock()
		if err := fn(meta); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) meta(m Message) mailsync.Meta {
	meta := mailsync.Meta{UID: m.UID, Size: int64(len(m.Body)), Date: m.Date, Flags: slices.Clone(m.Flags), ModSeq: m.ModSeq}
	if c.s.P.NoCondStore {
		meta.ModSeq = 0
	}
	return meta
}

func (c *conn) UIDs(ctx context.Context) ([]mailsync.UID, error) {
	all, err := c.current(ctx, "UIDS")
	if err != nil {
		return nil, err
	}
	uids := make([]mailsync.UID, len(all))
	for i, m := range all {
		uids[i] = m.UID
	}
	return uids, nil
}

func (c *conn) Fetch(ctx context.Context, uids []mailsync.UID, fn func(mailsync.Meta, int64, io.Reader) error) ([]mailsync.UID, error) {
	all, err := c.current(ctx, "FETCH")
	if err != nil {
		return nil, err
	}
	missing := slices.Clone(uids)
	for _, m := range all {
		if !slices.Contains(uids, m.UID) || m.Unreadable {
			continue
		}
		if c.s.P.Render != nil {
			m.Body = c.s.render(m.Body)
		}
		var body io.Reader = bytes.NewReader(m.Body)
		if m.Poisoned {
			body = io.MultiReader(bytes.NewReader(m.Body[:len(m.Body)/2]), iotest.ErrReader(Cutoff()))
		}
		if err := fn(c.meta(m), int64(len(m.Body)), body); err != nil {
			c.dead = m.Poisoned
			return missing, err
		}
		missing = slices.DeleteFunc(missing, func(u mailsync.UID) bool { return u == m.UID })
	}
	return missing, nil
}

func (c *conn) Create(ctx context.Context, path []string, use string) (mailsync.Folder, error) {
	end, err := c.begin(ctx, "CREATE", true)
	if err != nil {
		return mailsync.Folder{}, err
	}
	defer end()
	if c.s.P.RefuseFolder != nil && c.s.find(path) == nil {
		if err := c.s.P.RefuseFolder(path); err != nil {
			return mailsync.Folder{}, err
		}
	}
	return c.folder(c.s.create(path, use)), nil
}

func (s *Server) render(body []byte) []byte {
	s.mu.Lock()
	s.renders++
	n := s.renders
	s.mu.Unlock()
	return s.P.Render(slices.Clone(body), n)
}

func (c *conn) Subscribe(ctx context.Context, f mailsync.Folder) error {
	end, err := c.begin(ctx, "SUBSCRIBE", true)
	if err != nil {
		return err
	}
	defer end()
	if b := c.s.find(f.Path); b != nil {
		b.subscribed = true
	}
	return nil
}

func (c *conn) AddFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return c.store(ctx, uids, flags, true)
}

func (c *conn) RemoveFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return c.store(ctx, uids, flags, false)
}

func (c *conn) store(ctx context.Context, uids []mailsync.UID, flags []string, set bool) error {
	end, err := c.writable(ctx, "STORE")
	if err != nil {
		return err
	}
	defer end()
	for _, f := range flags {
		if set && !c.takes(f) {
			return &mailsync.ServerError{Command: "STORE", Status: "NO", Code: "CANNOT", Text: "Invalid keyword " + f}
		}
		for _, u := range uids {
			c.open.flag(u, f, set)
		}
	}
	return nil
}

func (c *conn) writable(ctx context.Context, command string) (func(), error) {
	if c.open == nil || c.readOnly {
		return nil, fmt.Errorf("%s: no folder is open for writing", command)
	}
	return c.begin(ctx, command, true)
}

func (c *conn) takes(flag string) bool {
	if strings.HasPrefix(flag, `\`) || c.s.P.FixedKeywords == nil {
		return true
	}
	return slices.ContainsFunc(c.s.P.FixedKeywords, func(k string) bool { return strings.EqualFold(k, flag) })
}

func (c *conn) Move(ctx context.Context, uids []mailsync.UID, to mailsync.Folder) ([]mailsync.UID, error) {
	end, err := c.writable(ctx, "MOVE")
	if err != nil {
		return nil, err
	}
	defer end()
	dest := c.s.find(to.Path)
	if dest == nil {
		return nil, &mailsync.ServerError{Command: "MOVE", Status: "NO", Code: "TRYCREATE", Text: "no such folder"}
	}
	var out []mailsync.UID
	for _, u := range uids {
		if m, ok := c.open.remove(u); ok {
			out = append(out, dest.add(m))
		}
	}
	if c.s.P.NoUIDPlus {
		return nil, nil
	}
	return out, nil
}

// CopyWithin implements mailsync.Copier.
func (c *conn) CopyWithin(ctx context.Context, uids []mailsync.UID, to mailsync.Folder) (mailsync.CopiedWithin, error) {
	end, err := c.writable(ctx, "COPY")
	if err != nil {
		return mailsync.CopiedWithin{}, err
	}
	defer end()
	dest := c.s.find(to.Path)
	if c.s.P.NoCopy || dest == nil {
		return mailsync.CopiedWithin{}, &mailsync.ServerError{Command: "UID COPY", Status: "NO", Text: "not here"}
	}
	c.s.appends++
	cut := NoCut
	if c.s.CutAppend != nil {
		cut = c.s.CutAppend(c.s.appends)
	}
	if cut == CutBeforeAccept {
		_, err := c.lost()
		return mailsync.CopiedWithin{}, err
	}
	out := mailsync.CopiedWithin{UIDValidity: dest.validity, UIDs: map[mailsync.UID]mailsync.UID{}}
	for _, u := range uids {
		if i := c.open.index(u); i >= 0 {
			out.UIDs[u] = dest.add(c.s.again(c.open.messages[i]))
		}
	}
	if cut == CutAfterAccept {
		_, err := c.lost()
		return mailsync.CopiedWithin{}, err
	}
	if c.s.P.NoCopyUID {
		return mailsync.CopiedWithin{}, nil
	}
	return out, nil
}

// again is what a message becomes in another folder.
func (s *Server) again(m Message) Message {
	m.Flags = slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return slices.Contains(s.P.CopyLoses, f) })
	if s.P.CopyIsNow {
		m.Date = s.P.Now
	}
	return m
}

func (c *conn) Expunge(ctx context.Context, uids []mailsync.UID) error {
	if c.s.P.NoUIDPlus {
		return mailsync.ErrNoUIDPlus
	}
	end, err := c.writable(ctx, "EXPUNGE")
	if err != nil {
		return err
	}
	defer end()
	for _, u := range uids {
		if i := c.open.index(u); i >= 0 && slices.Contains(c.open.messages[i].Flags, `\Deleted`) {
			c.open.remove(u)
		}
	}
	return nil
}

func (c *conn) Accepts() mailsync.Accepts {
	p := c.s.P
	a := mailsync.Accepts{Flags: []string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}, UIDPlus: !p.NoUIDPlus, Move: !p.NoMove,
		MultiAppend: !p.SingleAppend, NewKeywords: p.FixedKeywords == nil}
	a.Flags = append(a.Flags, p.FixedKeywords...)
	return a
}

func (c *conn) Close() error { c.dead = true; return nil }

// Append reads the whole batch, then stores it, or stores one by one.
func (c *conn) Append(ctx context.Context, f mailsync.Folder, next func() (*mailsync.Outgoing, error)) (mailsync.Appended, error) {
	end, err := c.begin(ctx, "APPEND", true)
	if err != nil {
		return mailsync.Appended{}, &mailsync.AppendError{Err: err, Unknown: errors.Is(err, ErrCut)}
	}
	c.s.appends++
	cut := NoCut
	if c.s.CutAppend != nil {
		cut = c.s.CutAppend(c.s.appends)
	}
	end()
	var batch []Message
	var done mailsync.Appended
	accepted := 0
	for {
		out, err := next()
		if err != nil || (out == nil && c.s.P.SingleAppend) {
			return c.stop(done, accepted, err)
		}
		if out == nil {
			return c.store1(f, batch, cut)
		}
		m, err := read(out)
		if err != nil {
			return c.stop(done, accepted, err)
		}
		batch = append(batch, m)
		if !c.s.P.SingleAppend {
			continue
		}
		one, err := c.store1(f, batch, cut)
		if err != nil {
			ae := err.(*mailsync.AppendError)
			ae.Accepted, ae.UIDs = accepted, done.UIDs
			return mailsync.Appended{}, ae
		}
		done.UIDs, done.UIDValidity, batch = append(done.UIDs, one.UIDs...), one.UIDValidity, nil
		accepted++
	}
}

// stop ends a batch whose messages could not be read: the connection is in
// the middle of a literal and useless.
func (c *conn) stop(done mailsync.Appended, accepted int, err error) (mailsync.Appended, error) {
	if err == nil {
		return done, nil
	}
	c.dead = true
	return mailsync.Appended{}, &mailsync.AppendError{Err: err, Unknown: true, Accepted: accepted, UIDs: done.UIDs}
}

func read(out *mailsync.Outgoing) (Message, error) {
	body, err := io.ReadAll(out.Body)
	if err == nil && int64(len(body)) != out.Size {
		err = fmt.Errorf("append: %d octets announced, %d given", out.Size, len(body))
	}
	return Message{Date: out.Date, Flags: slices.Clone(out.Flags), Body: body}, err
}

func (c *conn) store1(f mailsync.Folder, batch []Message, cut Cut) (mailsync.Appended, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b := c.s.find(f.Path)
	if b == nil {
		return mailsync.Appended{}, refused("TRYCREATE", "no such folder")
	}
	for i, m := range batch {
		if err := c.refusal(m); err != nil {
			return mailsync.Appended{}, &mailsync.AppendError{Err: err}
		}
		batch[i] = c.changed(m)
	}
	if cut == CutBeforeAccept {
		return c.lost()
	}
	done := mailsync.Appended{UIDValidity: b.validity}
	for _, m := range batch {
		done.UIDs = append(done.UIDs, b.add(m))
	}
	if cut == CutAfterAccept {
		return c.lost()
	}
	if c.s.P.NoUIDPlus {
		return mailsync.Appended{}, nil
	}
	return done, nil
}

func (c *conn) lost() (mailsync.Appended, error) {
	c.dead = true
	return mailsync.Appended{}, &mailsync.AppendError{Err: retry.Temporary(ErrCut), Unknown: true}
}

func refused(code, text string) error {
	return &mailsync.AppendError{Err: &mailsync.ServerError{Command: "APPEND", Status: "NO", Code: code, Text: text}}
}

func (c *conn) refusal(m Message) error {
	for _, f := range m.Flags {
		if !c.takes(f) {
			return &mailsync.ServerError{Command: "APPEND", Status: "NO", Code: "CANNOT", Text: "Invalid keyword " + f}
		}
	}
	if c.s.P.Refuse == nil {
		return nil
	}
	return c.s.P.Refuse(m.Body, m.Flags)
}

// changed is what the server makes of a message it takes.
func (c *conn) changed(m Message) Message {
	if c.s.P.DropFlagged {
		m.Flags = slices.DeleteFunc(m.Flags, func(f string) bool { return f == `\Flagged` })
	}
	if c.s.P.FutureIsNow && m.Date.After(c.s.P.Now) {
		m.Date = c.s.P.Now
	}
	if c.s.P.EatCR {
		m.Body = bytes.ReplaceAll(m.Body, []byte("\r\r\n"), []byte("\r\n"))
	}
	if c.s.P.Alter != nil {
		m.Body = c.s.P.Alter(m.Body)
	}
	m.Flags = slices.DeleteFunc(m.Flags, func(f string) bool { return slices.Contains(c.s.P.StoreOnly, f) })
	m.Date = m.Date.Truncate(time.Second)
	return m
}

var (
	_ mailsync.Surveyor = (*conn)(nil)
	_ mailsync.Founder  = (*conn)(nil)
	_ mailsync.Streamer = (*conn)(nil)
)

// Survey is the commands one by one: others work in between.
func (c *conn) Survey(ctx context.Context, asks []mailsync.Ask) ([]mailsync.Surveyed, error) {
	out := make([]mailsync.Surveyed, len(asks))
	for i, a := range asks {
		if out[i].Err = c.surveyOne(ctx, a, &out[i]); errors.Is(out[i].Err, ErrCut) {
			return nil, out[i].Err
		}
	}
	c.open = nil
	return out, nil
}

func (c *conn) surveyOne(ctx context.Context, a mailsync.Ask, out *mailsync.Surveyed) (err error) {
	if out.Status, err = c.Examine(ctx, a.Folder); err != nil {
		return err
	}
	switch a.Question {
	case mailsync.AskMessages, mailsync.AskFlags:
		err = c.survey(ctx, a, out)
	case mailsync.AskUIDs:
		out.UIDs, err = c.UIDs(ctx)
	case mailsync.AskChanges:
		if c.s.P.NoHistory || c.s.P.NoCondStore {
			a.ChangedSince = 0
			return c.survey(ctx, a, out)
		}
		if err = c.survey(ctx, a, out); err == nil {
			err = c.changes(ctx, a, out)
		}
	}
	return err
}

func (c *conn) survey(ctx context.Context, a mailsync.Ask, out *mailsync.Surveyed) error {
	return c.Scan(ctx, a.ChangedSince, func(m mailsync.Meta) error {
		if m.ModSeq = 0; a.Question == mailsync.AskFlags {
			m = mailsync.Meta{UID: m.UID, Flags: m.Flags}
		}
		switch {
		case len(a.UIDs) > 0 && !slices.ContainsFunc(a.UIDs, func(r mailsync.UIDRange) bool { return r.First <= m.UID && m.UID <= r.Last }):
		case a.Message != nil:
			a.Message(m)
		default:
			out.Messages = append(out.Messages, m)
		}
		return nil
	})
}

// changes says what vanished, and what is there a moment later.
func (c *conn) changes(ctx context.Context, a mailsync.Ask, out *mailsync.Surveyed) error {
	out.Changes = &mailsync.Changes{}
	c.s.mu.Lock()
	for _, g := range c.open.gone {
		if g.modseq > a.ChangedSince {
			out.Changes.Vanished = append(out.Changes.Vanished, mailsync.UIDRange{First: g.uid, Last: g.uid})
		}
	}
	c.s.mu.Unlock()
	uids, err := c.UIDs(ctx)
	for _, u := range uids {
		out.Changes.Present = append(out.Changes.Present, mailsync.UIDRange{First: u, Last: u})
	}
	if c.s.P.Lie != nil {
		c.s.P.Lie(out)
	}
	return err
}

// CreateAll makes folders one by one.
func (c *conn) CreateAll(ctx context.Context, folders []mailsync.NewFolder) ([]mailsync.Created, error) {
	out := make([]mailsync.Created, len(folders))
	for i, f := range folders {
		var err error
		if out[i].Folder, err = c.Create(ctx, f.Path, f.Use); err == nil && f.Subscribe {
			err = c.Subscribe(ctx, out[i].Folder)
			out[i].Subscribed = err == nil
		}
		if errors.Is(err, ErrCut) {
			return nil, err
		}
		out[i].Err = err
	}
	return out, nil
}

// lateness is how many answers are on their way while batches are sent.
const lateness = 3

// AppendStream stores batch by batch and answers late: what is stored when the
// connection ends may not have been answered.
func (c *conn) AppendStream(ctx context.Context, next func(bool) (*mailsync.Batch, bool), done func(mailsync.Appended, error)) error {
	type answer struct {
		out mailsync.Appended
		err error
	}
	var late []answer
	for {
		batch, more := next(len(late) == 0)
		if !more && len(late) == 0 {
			return nil
		}
		if len(late) > 0 && (batch == nil || len(late) >= lateness) {
			done(late[0].out, late[0].err)
			late = late[1:]
		}
		if batch == nil {
			continue
		}
		out, err := c.Append(ctx, batch.To, batch.Next)
		var ae *mailsync.AppendError
		if errors.As(err, &ae) && (ae.Unknown || errors.Is(err, ErrCut)) {
			return err
		}
		late = append(late, answer{out, err})
	}
}

// RemoveFolder implements mailsync.Remover.
func (c *conn) RemoveFolder(ctx context.Context, f mailsync.Folder) error {
	end, err := c.begin(ctx, "DELETE", true)
	if err != nil {
		return err
	}
	defer end()
	if c.s.P.KeepsFolders {
		return &mailsync.ServerError{Command: "DELETE", Status: "NO", Code: "NOPERM", Text: "folders are not deleted here"}
	}
	c.s.boxes = slices.DeleteFunc(c.s.boxes, func(b *box) bool { return name(b.path) == name(f.Path) })
	return nil
}
