package wire

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"
)

// Fetched is what one FETCH response says of a message. A response may say as
// little as a changed flag: the Has fields tell what it held so far.
type Fetched struct {
	UID    uint32
	Flags  []string
	Date   time.Time // zero where the server's own cannot be read
	Size   int64
	ModSeq uint64
	// Object is the server's name of the message (X-GM-MSGID, EMAILID), empty
	// where it has none or none that can be one.
	Object []byte
	// Labels are those of X-GM-LABELS in UTF-8.
	Labels []string

	HasFlags, HasDate, HasSize, HasBody, HasLabels bool
}

// Body is the octets of a message in a FETCH response.
type Body struct {
	// Octets is -1 for NIL: the server has the message and will not give it.
	Octets int64
	io.Reader
}

// Fetch reads the attributes of the FETCH response at hand, in whatever order
// they come. body is called in the middle, with what was read before it; what
// it leaves unread is skipped. Attributes that are not known are skipped.
func (r *Reader) Fetch(f *Fetched, body func(Body) error) error {
	*f = Fetched{Flags: f.Flags[:0], Object: f.Object[:0], Labels: f.Labels[:0]}
	if t, err := r.Token(); err != nil || t.Kind != Open {
		return firstError(err, protocol("FETCH without a list"))
	}
	for {
		t, err := r.Attr()
		switch {
		case err != nil:
			return err
		case t.Kind == Close:
			return r.Skip()
		case t.Kind != Atom:
			return protocol("FETCH with a value where a name belongs")
		}
		if err := r.attribute(f, t.Text, body); err != nil {
			return err
		}
	}
}

func (r *Reader) attribute(f *Fetched, name []byte, body func(Body) error) (err error) {
	switch {
	case equalFold(name, "UID"):
		var n uint64
		n, err = r.number(32)
		f.UID = uint32(n)
	case equalFold(name, "RFC822.SIZE"):
		var n uint64
		n, err = r.number(63)
		f.Size, f.HasSize = int64(n), true
	case equalFold(name, "MODSEQ"):
		f.ModSeq, err = r.modSeq()
	case equalFold(name, "INTERNALDATE"):
		f.HasDate = true
		f.Date, err = r.date()
	case equalFold(name, "FLAGS"):
		f.HasFlags = true
		f.Flags, err = r.Flags(f.Flags[:0])
	case equalFold(name, "X-GM-MSGID"):
		var n uint64
		n, err = r.number(64)
		f.Object = strconv.AppendUint(f.Object[:0], n, 10)
	case equalFold(name, "EMAILID"):
		f.Object, err = r.objectID(f.Object[:0])
	case equalFold(name, "X-GM-LABELS"):
		f.HasLabels = true
		f.Labels, err = r.words(f.Labels[:0], r.label)
	case equalFold(name, "BODY[]"), bytes.HasPrefix(bytes.ToUpper(name), []byte("BODY[]<0>")):
		f.HasBody = true
		return r.body(body)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r *Reader) body(body func(Body) error) error {
	t, err := r.Token()
	if err != nil {
		return err
	}
	switch {
	case body == nil:
		return nil // a literal is skipped by the next call
	case t.Kind == Literal:
		return body(Body{t.Size, r.LiteralReader()})
	case t.Kind == Quoted:
		return body(Body{int64(len(t.Text)), bytes.NewReader(bytes.Clone(t.Text))})
	case t.Kind == Atom:
		return body(Body{Octets: -1})
	}
	return protocol("a message body that is neither literal, string nor NIL")
}

func (r *Reader) number(bits int) (uint64, error) {
	t, err := r.Token()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(t.Text), 10, bits)
	if t.Kind != Atom && t.Kind != Quoted || err != nil {
		return 0, protocol("%q where a number belongs", t.Text)
	}
	return n, nil
}

// modSeq reads "(12345)" (RFC 7162 §3.1.4.2); some servers omit the parentheses.
func (r *Reader) modSeq() (uint64, error) {
	t, err := r.Token()
	if err != nil || t.Kind != Open {
		n, _ := strconv.ParseUint(string(t.Text), 10, 64)
		return n, err
	}
	n, err := r.number(64)
	if err != nil {
		return 0, err
	}
	if t, err = r.Token(); err != nil || t.Kind != Close {
		return 0, firstError(err, protocol("MODSEQ without end"))
	}
	return n, nil
}

func (r *Reader) date() (time.Time, error) {
	t, err := r.Token()
	if err != nil {
		return time.Time{}, err
	}
	if t.Kind == Open || t.Kind == Close || t.Kind == End {
		return time.Time{}, protocol("INTERNALDATE without a date")
	}
	b, err := r.Bytes(t)
	if err != nil {
		return time.Time{}, err
	}
	d, _ := ParseDate(string(b)) // unreadable is unknown, not fatal
	return d, nil
}

// objectID reads "(M6d99ac3275bb4e)" (RFC 8474 §7). What is longer or written
// in other letters than those of an object identifier is none.
func (r *Reader) objectID(dst []byte) ([]byte, error) {
	t, err := r.Token()
	if err != nil || t.Kind != Open {
		return dst, firstError(err, mismatch(t.Nil(), "EMAILID without a list"))
	}
	if t, err = r.Token(); err != nil || t.Kind != Atom && t.Kind != Quoted {
		return dst, firstError(err, protocol("EMAILID without a name"))
	}
	if validObjectID(t.Text) {
		dst = append(dst, t.Text...)
	}
	if t, err = r.Token(); err != nil || t.Kind != Close {
		return dst, firstError(err, protocol("EMAILID without end"))
	}
	return dst, nil
}

// mismatch is an error unless all is well.
func mismatch(well bool, what string) error {
	if well {
		return nil
	}
	return protocol("%s", what)
}

// maxObjectID is the longest an object identifier may be (RFC 8474 §7).
const maxObjectID = 255

func validObjectID(b []byte) bool {
	return len(b) > 0 && len(b) <= maxObjectID && !bytes.ContainsFunc(b, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// Flags reads a parenthesised list of flags and appends them to dst.
func (r *Reader) Flags(dst []string) ([]string, error) { return r.words(dst, r.flag) }

// words reads a parenthesised list, of which it keeps maxFlags as one makes them.
func (r *Reader) words(dst []string, one func([]byte) string) ([]string, error) {
	if t, err := r.Token(); err != nil || t.Kind != Open {
		if err == nil && t.Nil() {
			return dst, nil
		}
		return dst, firstError(err, protocol("words without a list"))
	}
	for {
		t, err := r.Token()
		if err != nil {
			return dst, err
		}
		switch t.Kind {
		case Close:
			return dst, nil
		case End, Open:
			return dst, protocol("a list of words without end")
		}
		b, err := r.Bytes(t)
		if err != nil {
			return dst, err
		}
		if len(dst) < maxFlags {
			dst = append(dst, one(b))
		}
	}
}

// maxFlags bounds the flags kept of one message or folder.
const maxFlags = 4096

// flag remembers the flags seen, so that a million messages share few strings.
func (r *Reader) flag(b []byte) string {
	if s, ok := r.flags[string(b)]; ok {
		return s
	}
	s := canonicalFlag(string(b))
	if len(r.flags) < 512 {
		r.flags[string(b)] = s
	}
	return s
}

// label decodes a label, which is written as the name of its folder is, and
// remembers those seen, as flag does.
func (r *Reader) label(b []byte) string {
	if s, ok := r.labels[string(b)]; ok {
		return s
	}
	s := Text(string(b))
	if len(r.labels) < maxFlags {
		r.labels[string(b)] = s
	}
	return s
}

// canonicalFlag gives system flags, which are case-insensitive (RFC 3501
// §2.3.2), one spelling. Keywords stay as they are.
func canonicalFlag(s string) string {
	for _, f := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`} {
		if strings.EqualFold(s, f) {
			return f
		}
	}
	return s
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
