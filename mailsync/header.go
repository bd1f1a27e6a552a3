package mailsync

import (
	"bytes"
	"crypto/sha256"
)

// maxPiece is how much of a line is looked at in one piece. What has to be
// seen whole (a boundary, a field's name) is shorter (RFC 2046 §5.1.1, RFC 5322 §2.1.1).
const maxPiece = 4096

// lines cuts what is written to it into lines, without their ends and without
// any CR. A line longer than maxPiece comes in pieces: start and end say which.
type lines struct {
	emit    func(piece []byte, start, end bool)
	piece   []byte
	running bool // a piece of this line was emitted
}

func (l *lines) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		l.add(part)
		if i < 0 {
			break
		}
		l.flush(true)
		rest = rest[i+1:]
	}
	return len(b), nil
}

func (l *lines) add(part []byte) {
	for _, c := range part {
		if c == '\r' {
			continue
		}
		if len(l.piece) == maxPiece {
			l.flush(false)
		}
		l.piece = append(l.piece, c)
	}
}

func (l *lines) flush(end bool) {
	l.emit(l.piece, !l.running, end)
	l.piece, l.running = l.piece[:0], !end
}

// close emits a last line that has no end.
func (l *lines) close() {
	if len(l.piece) > 0 || l.running {
		l.flush(true)
	}
}

// maxField bounds what is kept of one field.
const maxField = 16 << 10

// fields reads a header line by line and hands over the fields somebody wants,
// unfolded: a line end and the white space around it is one space.
type fields struct {
	wants func(name string) bool
	found func(name string, value []byte)
	name  string
	value []byte
}

// line takes a piece of a line. What is neither a field nor its continuation
// is passed over.
func (f *fields) line(piece []byte, start bool) {
	switch {
	case !start:
		f.more(piece)
	case len(piece) > 0 && (piece[0] == ' ' || piece[0] == '\t'):
		f.value = bytes.TrimRight(f.value, " \t")
		f.more([]byte{' '})
		f.more(bytes.TrimLeft(piece, " \t"))
	default:
		f.end()
		f.begin(piece)
	}
}

func (f *fields) begin(piece []byte) {
	name, value, ok := bytes.Cut(piece, []byte(":"))
	if !ok {
		return
	}
	lower := string(bytes.ToLower(bytes.TrimRight(name, " \t")))
	if f.wants(lower) {
		f.name, f.value = lower, append(f.value[:0], bytes.TrimLeft(value, " \t")...)
	}
}

func (f *fields) more(piece []byte) {
	if room := maxField - len(f.value); f.name != "" {
		f.value = append(f.value, piece[:min(len(piece), max(room, 0))]...)
	}
}

// end hands over the field that was being read.
func (f *fields) end() {
	if f.name != "" {
		f.found(f.name, bytes.TrimRight(f.value, " \t"))
	}
	f.name, f.value = "", f.value[:0]
}

// origins are what a header says of whose message it is; what cannot be read
// the same after a server altered it is left out.
type origins struct {
	// id is of Message-ID; zero without one that is certain.
	id Digest
	// newest is of the Received field that was written last; zero without one.
	newest Digest
	// untold: what there is of such fields is not known, or another server may
	// spell it otherwise.
	untold bool
}

// contradicts reports whether there cannot be a copy of l that we wrote: it
// bears another Message-ID, or a server delivered it (RFC 5321 §4.4).
func (l origins) contradicts(there origins) bool {
	another := !l.id.IsZero() && !there.id.IsZero() && l.id != there.id
	return another || !l.untold && !there.newest.IsZero() && there.newest != l.newest
}

// originReader reads the header of a message that streams through it. Its zero
// value is ready.
type originReader struct {
	origins
	lines  lines
	fields fields
	ids    int
	passed bool // the header
	stamps int
}

// Write never fails.
func (l *originReader) Write(b []byte) (int, error) {
	if l.passed {
		return len(b), nil
	}
	if l.lines.emit == nil {
		l.lines.emit, l.fields.found = l.line, l.field
		l.fields.wants = func(name string) bool { return name == "message-id" || name == "received" && l.stamps == 0 }
	}
	return l.lines.Write(b)
}

func (l *originReader) line(piece []byte, start, end bool) {
	switch {
	case l.passed:
	case start && end && len(piece) == 0:
		l.fields.end()
		l.passed = true
	default:
		l.fields.line(piece, start)
	}
}

func (l *originReader) field(name string, value []byte) {
	sum, certain := originOf(value)
	switch {
	case name == "received":
		l.stamps++
		l.newest, l.untold = sum, !certain
	case l.ids == 0:
		l.ids, l.id = 1, sum
	default:
		l.ids, l.id = l.ids+1, Digest{}
	}
}

// originOf sums a value up however it is folded. Octets that are not ASCII are
// altered by many servers, and say nothing.
func originOf(value []byte) (sum Digest, certain bool) {
	odd := func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }
	words := bytes.Fields(value)
	if len(words) == 0 || len(value) >= maxField || bytes.ContainsFunc(value, odd) {
		return Digest{}, false
	}
	return sha256.Sum256(bytes.Join(words, []byte{' '})), true
}

// end returns what was read.
func (l *originReader) end() origins {
	if l.lines.emit != nil && !l.passed {
		l.lines.close()
		l.fields.end()
	}
	return l.origins
}
