package mailsync

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"mime"
	"net/mail"
	"strings"
)

// Some servers do not keep a message but what it says, and write it anew at
// every fetch: other boundaries, other encodings, other folding. What such
// renderings have in common is the identity of the message there: Message-ID,
// Date, From and Subject, and the digests of the decoded leaf parts in their
// order. Where a message is so broken that its structure cannot be read, what
// cannot be read counts octet by octet: two messages then rather differ.

// Bounds of the structure that is followed (RFC 2046 has none). What lies
// deeper or comes later counts as it is written.
const (
	maxDepth    = 32
	maxParts    = 1000
	maxBoundary = 200
)

// semantic sums up what a message says while it streams through.
type semantic struct {
	form  Form
	lines lines
	all   hash.Hash
	// open are the boundaries of the multiparts around the current place,
	// "" for a message inside a message.
	open   []string
	parts  int
	header *entityHeader // while a header is read
	leaf   *leafPart     // while a part is read
	// preface is what comes before the first part of the innermost multipart:
	// nothing anybody sees, unless no part follows.
	preface bool
}

func newSemantic(f Form) *semantic {
	s := &semantic{form: f, all: sha256.New()}
	s.lines.emit = s.line
	s.header = newEntityHeader(true)
	return s
}

func (s *semantic) Write(b []byte) (int, error) { return s.lines.Write(b) }

func (s *semantic) sum() Digest {
	s.lines.close()
	for s.header != nil { // a message inside a message begins another
		s.endHeader()
	}
	s.endLeaf(s.preface)
	return s.form.seal(s.all.Sum(nil))
}

func (s *semantic) line(piece []byte, start, end bool) {
	if start && s.delimiter(piece) {
		return
	}
	switch {
	case s.header != nil && start && end && len(piece) == 0:
		s.endHeader()
	case s.header != nil && start && !belongs(piece):
		s.endHeader() // a header that ends without an empty line
		s.line(piece, start, end)
	case s.header != nil:
		s.header.line(piece, start)
	case s.leaf != nil:
		s.leaf.line(piece, end)
	}
}

// belongs reports whether a line may be part of a header.
func belongs(piece []byte) bool {
	return piece[0] == ' ' || piece[0] == '\t' || bytes.IndexByte(piece, ':') > 0
}

// delimiter deals with the line between two parts (RFC 2046 §5.1.1). A line
// that is one of an outer multipart ends all that is inside.
func (s *semantic) delimiter(piece []byte) bool {
	rest, ok := bytes.CutPrefix(piece, []byte("--"))
	if !ok || len(s.open) == 0 || len(piece) > maxBoundary+10 {
		return false
	}
	name := string(bytes.TrimRight(rest, " \t"))
	for i := len(s.open) - 1; i >= 0; i-- {
		switch b := s.open[i]; {
		case b == "":
		case name == b:
			s.next(i + 1)
			s.begin(false)
			return true
		case name == b+"--":
			s.next(i)
			return true
		}
	}
	return false
}

// next leaves the parts above depth behind.
func (s *semantic) next(depth int) {
	for s.header != nil { // a message inside a message begins another
		s.endHeader()
	}
	// Between the parts of the innermost multipart nothing was said yet.
	s.endLeaf(s.preface && depth < len(s.open))
	s.preface, s.open = false, s.open[:depth]
}

func (s *semantic) begin(message bool) {
	if s.parts++; s.parts >= maxParts {
		s.open = nil // what follows is one part, boundaries and all
		s.leaf = newLeaf("", true)
		return
	}
	s.header = newEntityHeader(message)
}

// endHeader decides what follows a header.
func (s *semantic) endHeader() {
	h := s.header
	s.header = nil
	h.fields.end()
	if h.message {
		s.put('H', h.summary())
	}
	kind, boundary := h.kind()
	deep := len(s.open) >= maxDepth
	switch {
	case strings.HasPrefix(kind, "multipart/") && boundary != "" && len(boundary) <= maxBoundary && !deep:
		s.open = append(s.open, boundary)
		s.preface, s.leaf = true, newLeaf("", true)
	case kind == "message/rfc822" && !h.encoded() && !deep:
		s.open = append(s.open, "")
		s.begin(true)
	default:
		s.leaf = newLeaf(h.encoding(), strings.HasPrefix(kind, "text/"))
	}
}

func (s *semantic) endLeaf(counts bool) {
	if s.leaf != nil && (counts || !s.preface) {
		s.put('L', s.leaf.sum())
	}
	s.leaf = nil
}

// put adds something so that no two different lists of things look alike.
func (s *semantic) put(what byte, b []byte) {
	var head [9]byte
	head[0] = what
	binary.BigEndian.PutUint64(head[1:], uint64(len(b)))
	s.all.Write(head[:])
	s.all.Write(b)
}

// entityHeader is the header of a message or of a part.
type entityHeader struct {
	fields
	message bool
	values  map[string]string
}

func newEntityHeader(message bool) *entityHeader {
	h := &entityHeader{message: message, values: map[string]string{}}
	h.wants = func(name string) bool {
		switch name {
		case "content-type", "content-transfer-encoding":
		case "message-id", "date", "from", "subject":
			if !message {
				return false
			}
		default:
			return false
		}
		_, had := h.values[name]
		return !had // the first counts
	}
	h.found = func(name string, value []byte) { h.values[name] = string(value) }
	return h
}

func (h *entityHeader) kind() (kind, boundary string) {
	kind, params, err := mime.ParseMediaType(h.values["content-type"])
	if err != nil && kind == "" {
		return "text/plain", "" // RFC 2045 §5.2
	}
	return kind, strings.TrimRight(params["boundary"], " \t")
}

func (h *entityHeader) encoding() string {
	return strings.ToLower(strings.TrimSpace(h.values["content-transfer-encoding"]))
}

func (h *entityHeader) encoded() bool {
	return h.encoding() == "base64" || h.encoding() == "quoted-printable"
}

// summary is what the fields say, however they are written.
func (h *entityHeader) summary() []byte {
	return fmt.Appendf(nil, "%q %q %q %q", plainText(h.values["message-id"]), dateText(h.values["date"]), fromText(h.values["from"]), plainText(h.values["subject"]))
}

// plainText decodes encoded words (RFC 2047) and joins white space.
func plainText(s string) string {
	var d mime.WordDecoder
	if decoded, err := d.DecodeHeader(s); err == nil {
		s = decoded
	}
	return strings.Join(strings.Fields(s), " ")
}

func dateText(s string) string {
	if t, err := mail.ParseDate(s); err == nil {
		return fmt.Sprint(t.Unix())
	}
	return plainText(s)
}

// fromText keeps the addresses: servers quote the names around them as they like.
func fromText(s string) string {
	list, err := mail.ParseAddressList(s)
	if err != nil {
		return plainText(s)
	}
	var out []string
	for _, a := range list {
		out = append(out, strings.ToLower(a.Address))
	}
	return strings.Join(out, " ")
}
