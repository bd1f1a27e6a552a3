package mailsync

import "bytes"

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
