package wire

import (
	"bufio"
	"bytes"
	"io"
)

// Kind is the kind of a token.
type Kind byte

// The kinds of tokens. End is the end of the response, again and again.
const (
	End Kind = iota
	Open
	Close
	Atom
	Quoted
	Literal
)

// Token is one element of a response. Text is valid until the next call; of a
// Literal only Size is known, its octets come from LiteralReader or Bytes.
type Token struct {
	Kind Kind
	Text []byte
	Size int64
}

// Nil reports the atom NIL.
func (t Token) Nil() bool { return t.Kind == Atom && equalFold(t.Text, "NIL") }

// Reader takes a server's stream apart. It belongs to one goroutine.
type Reader struct {
	br    *bufio.Reader
	lim   Limits
	resp  Response
	open  bool // inside a response: its line end has not been read
	spent int
	lit   int64 // octets of an announced literal not read yet
	buf   []byte
	// flags and labels are those seen, each once.
	flags, labels map[string]string
	// note receives the text of each response for tracing, or is nil.
	note func(line []byte)
	line []byte
}

const bufferSize = 64 << 10

// NewReader reads responses from r.
func NewReader(r io.Reader, lim Limits) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, bufferSize), lim: lim.WithDefaults(), flags: map[string]string{}, labels: map[string]string{}}
}

func (r *Reader) readByte() (byte, error) {
	b, err := r.br.ReadByte()
	if err != nil {
		return 0, eof(err)
	}
	if r.spent++; r.spent > r.lim.MaxResponse {
		return 0, protocol("a response of more than %d octets", r.lim.MaxResponse)
	}
	if r.note != nil && len(r.line) < traceLine {
		r.line = append(r.line, b)
	}
	return b, nil
}

// back undoes the last readByte.
func (r *Reader) back() {
	_ = r.br.UnreadByte() // cannot fail right after ReadByte
	r.spent--
	if n := len(r.line); r.note != nil && n > 0 && n < traceLine {
		r.line = r.line[:n-1]
	}
}

func eof(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Token returns the next token of the response. A literal that was not read
// is skipped.
func (r *Reader) Token() (Token, error) {
	if err := r.skipLiteral(); err != nil || !r.open {
		return Token{Kind: End}, err
	}
	b, err := r.skipSpace()
	if err != nil {
		return Token{}, err
	}
	switch b {
	case '\r', '\n':
		return Token{Kind: End}, r.endLine(b)
	case '(':
		return Token{Kind: Open}, nil
	case ')':
		return Token{Kind: Close}, nil
	case '"':
		return r.quoted()
	case '{', '~':
		if t, ok, err := r.literal(b); ok || err != nil {
			return t, err
		}
	}
	return r.atom(b, false)
}

// Attr returns the next token like Token, but an atom may hold a bracketed
// section with spaces and parentheses: BODY[HEADER.FIELDS (DATE)]<0>.
func (r *Reader) Attr() (Token, error) {
	if err := r.skipLiteral(); err != nil || !r.open {
		return Token{Kind: End}, err
	}
	b, err := r.skipSpace()
	if err != nil {
		return Token{}, err
	}
	if b == '\r' || b == '\n' || b == '(' || b == ')' || b == '"' {
		r.back()
		return r.Token()
	}
	return r.atom(b, true)
}

func (r *Reader) skipSpace() (byte, error) {
	for {
		b, err := r.readByte()
		if err != nil || b != ' ' {
			return b, err
		}
	}
}

// endLine ends the response after its CR or bare LF.
func (r *Reader) endLine(b byte) error {
	if b == '\r' {
		next, err := r.readByte()
		if err != nil {
			return err
		}
		if next != '\n' {
			return protocol("a carriage return inside a line")
		}
	}
	r.open = false
	if r.note != nil {
		r.note(bytes.TrimRight(r.line, "\r\n"))
	}
	return nil
}

// atom reads on after its first octet. It takes whatever is not a delimiter:
// servers put 8-bit octets, brackets and braces in mailbox names and keywords.
func (r *Reader) atom(first byte, sections bool) (Token, error) {
	r.buf = append(r.buf[:0], first)
	inside := sections && first == '['
	for {
		b, err := r.readByte()
		if err != nil {
			return Token{}, err
		}
		if b == '\r' || b == '\n' || !inside && (b == ' ' || b == '(' || b == ')') {
			r.back()
			return Token{Kind: Atom, Text: r.buf}, nil
		}
		if sections && (b == '[' || b == ']') {
			inside = b == '['
		}
		if err := r.add(b); err != nil {
			return Token{}, err
		}
	}
}

func (r *Reader) quoted() (Token, error) {
	r.buf = r.buf[:0]
	for {
		b, err := r.readByte()
		if err != nil {
			return Token{}, err
		}
		switch b {
		case '"':
			return Token{Kind: Quoted, Text: r.buf}, nil
		case '\r', '\n':
			return Token{}, protocol("a quoted string without end")
		case '\\':
			if b, err = r.readByte(); err != nil {
				return Token{}, err
			}
		}
		if err := r.add(b); err != nil {
			return Token{}, err
		}
	}
}

func (r *Reader) add(b byte) error {
	if len(r.buf) >= r.lim.MaxToken {
		return protocol("a word of more than %d octets", r.lim.MaxToken)
	}
	r.buf = append(r.buf, b)
	return nil
}

// Skip reads the response to its end, literals included.
func (r *Reader) Skip() error {
	for r.open {
		if _, err := r.Token(); err != nil {
			return err
		}
	}
	return r.skipLiteral()
}

// SkipValue skips one value: a string, an atom, or a whole list.
func (r *Reader) SkipValue() error {
	for depth := 0; ; {
		t, err := r.Token()
		switch {
		case err != nil:
			return err
		case t.Kind == Open:
			depth++
		case t.Kind == Close:
			depth--
		case t.Kind == End:
			return protocol("a list without end")
		}
		if depth <= 0 {
			return nil
		}
	}
}
