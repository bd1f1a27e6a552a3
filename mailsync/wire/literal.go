package wire

import (
	"fmt"
	"io"
	"math"
)

// literal recognises a literal after its first octet: "{" digits ["+"|"-"] "}"
// at the very end of a line (RFC 3501 §4.3, RFC 7888, RFC 3516 for "~"). It
// looks ahead without consuming, so that an atom that only looks like one
// stays an atom.
func (r *Reader) literal(first byte) (Token, bool, error) {
	at := 0
	if first == '~' {
		if b, err := r.peek(0); err != nil || b != '{' {
			return Token{}, false, err
		}
		at = 1
	}
	n, digits := int64(0), 0
	for ; ; at++ {
		b, err := r.peek(at)
		if err != nil {
			return Token{}, false, err
		}
		if b < '0' || b > '9' {
			break
		}
		digits++
		if n > (math.MaxInt64-9)/10 {
			return Token{}, false, protocol("a literal of more octets than can be counted")
		}
		n = n*10 + int64(b-'0')
	}
	end, ok, err := r.literalEnd(at)
	if !ok || digits == 0 || err != nil {
		return Token{}, false, err
	}
	if n > r.lim.MaxMessage {
		return Token{}, false, protocol("a literal of %d octets, more than the %d allowed", n, r.lim.MaxMessage)
	}
	if _, err := r.br.Discard(end); err != nil {
		return Token{}, false, eof(err)
	}
	r.spent += end
	if r.note != nil && len(r.line) < traceLine {
		r.line = fmt.Appendf(r.line, "%d}", n)
	}
	r.lit = n
	return Token{Kind: Literal, Size: n}, true, nil
}

// literalEnd matches "}" CRLF from offset at, and returns what lies behind it.
func (r *Reader) literalEnd(at int) (end int, ok bool, err error) {
	b, err := r.peek(at)
	if err == nil && (b == '+' || b == '-') {
		at++
		b, err = r.peek(at)
	}
	if err != nil || b != '}' {
		return 0, false, err
	}
	at++
	if b, err = r.peek(at); err == nil && b == '\r' {
		at++
		b, err = r.peek(at)
	}
	return at + 1, err == nil && b == '\n', err
}

// peek returns the octet at an offset. It never waits beyond the line, since
// the callers stop at the first octet that does not fit.
func (r *Reader) peek(at int) (byte, error) {
	if at >= 64 {
		return 0, protocol("a literal announced with too many digits")
	}
	b, err := r.br.Peek(at + 1)
	if err != nil {
		return 0, eof(err)
	}
	return b[at], nil
}

// LiteralReader returns the octets of the literal just announced. What is left
// unread is skipped by the next call on r.
func (r *Reader) LiteralReader() io.Reader { return (*literalReader)(r) }

type literalReader Reader

func (l *literalReader) Read(p []byte) (int, error) {
	if l.lit == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.lit {
		p = p[:l.lit]
	}
	n, err := l.br.Read(p)
	l.lit -= int64(n)
	return n, eof(err)
}

func (r *Reader) skipLiteral() error {
	for r.lit > 0 {
		n, err := r.br.Discard(int(min(r.lit, 1<<20)))
		r.lit -= int64(n)
		if err != nil {
			return eof(err)
		}
	}
	return nil
}

// Bytes returns the text of a token, a literal read to its end. It is valid
// until the next call.
func (r *Reader) Bytes(t Token) ([]byte, error) {
	if t.Kind != Literal {
		return t.Text, nil
	}
	if t.Size > int64(r.lim.MaxToken) {
		return nil, protocol("a literal of %d octets where a word belongs", t.Size)
	}
	r.buf = r.buf[:0]
	for r.lit > 0 {
		b, err := r.br.ReadByte()
		if err != nil {
			return nil, eof(err)
		}
		r.lit--
		r.buf = append(r.buf, b)
	}
	return r.buf, nil
}
