package mailsync

import (
	"crypto/sha256"
	"hash"
)

// leafPart digests one part, decoded (RFC 2045 §6). Of text, and of what is
// not encoded, line ends at the end do not count, and all others are alike.
type leafPart struct {
	hash     hash.Hash
	encoding string
	text     bool
	out      []byte
	newest   int // line ends held back
	// base64
	quad   uint32
	digits int
	padded bool
	// quoted-printable: what may be part of an escape or of trailing white space
	held []byte
}

func newLeaf(encoding string, text bool) *leafPart {
	if encoding != "base64" && encoding != "quoted-printable" {
		encoding, text = "", true
	}
	return &leafPart{hash: sha256.New(), encoding: encoding, text: text}
}

func (l *leafPart) line(piece []byte, end bool) {
	switch l.encoding {
	case "base64":
		for _, c := range piece {
			l.base64(c)
		}
	case "quoted-printable":
		l.quoted(piece, end)
	default:
		for _, c := range piece {
			l.put(c)
		}
		if end {
			l.put('\n')
		}
	}
	l.flush()
}

func (l *leafPart) flush() {
	l.hash.Write(l.out)
	l.out = l.out[:0]
}

func (l *leafPart) put(c byte) {
	if l.text && c == '\r' {
		return
	}
	if l.text && c == '\n' {
		l.newest++
		return
	}
	for ; l.newest > 0; l.newest-- {
		if l.out = append(l.out, '\n'); len(l.out) > maxPiece {
			l.flush()
		}
	}
	l.out = append(l.out, c)
}

// base64 passes over what is no digit (RFC 2045 §6.8), and what comes after
// the padding.
func (l *leafPart) base64(c byte) {
	v, ok := base64Digit(c)
	switch {
	case c == '=':
		l.padded = true
		return
	case !ok || l.padded:
		return
	}
	l.quad = l.quad<<6 | uint32(v)
	if l.digits++; l.digits == 4 {
		l.put(byte(l.quad >> 16))
		l.put(byte(l.quad >> 8))
		l.put(byte(l.quad))
		l.quad, l.digits = 0, 0
	}
}

func base64Digit(c byte) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}

// quoted decodes a piece of a line. White space at the end of a line was put
// there on the way (RFC 2045 §6.7); a "=" there joins two lines.
func (l *leafPart) quoted(piece []byte, end bool) {
	for _, c := range piece {
		l.quote(c)
	}
	if !end {
		return
	}
	soft := len(l.held) > 0 && l.held[0] == '='
	if soft {
		for _, c := range l.held[1:] {
			soft = soft && (c == ' ' || c == '\t')
		}
	}
	if !soft && len(l.held) > 0 && l.held[0] == '=' {
		l.release()
	}
	if l.held = l.held[:0]; !soft {
		l.put('\n')
	}
}

// maxHeld bounds white space that may be at the end of a line.
const maxHeld = 1000

func (l *leafPart) quote(c byte) {
	if len(l.held) > 0 && l.held[0] == '=' {
		l.escaped(c)
		return
	}
	switch c {
	case '=':
		l.release()
		l.held = append(l.held, c)
	case ' ', '\t':
		if len(l.held) == maxHeld {
			l.release()
		}
		l.held = append(l.held, c)
	default:
		l.release()
		l.put(c)
	}
}

// escaped is at an octet after "=".
func (l *leafPart) escaped(c byte) {
	space := c == ' ' || c == '\t'
	if len(l.held) == 1 && !space && !isHex(c) || len(l.held) > 1 && (isHex(l.held[1]) == space || !space && !isHex(c)) || len(l.held) == maxHeld {
		l.release() // no escape after all
		l.quote(c)
		return
	}
	if l.held = append(l.held, c); len(l.held) == 3 && !space {
		l.put(unhex(l.held[1])<<4 | unhex(c))
		l.held = l.held[:0]
	}
}

func (l *leafPart) release() {
	for _, c := range l.held {
		l.put(c)
	}
	l.held = l.held[:0]
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

func (l *leafPart) sum() []byte {
	switch {
	case l.digits == 2:
		l.put(byte(l.quad >> 4))
	case l.digits == 3:
		l.put(byte(l.quad >> 10))
		l.put(byte(l.quad >> 2))
	}
	l.release()
	l.flush()
	return l.hash.Sum(nil)
}
