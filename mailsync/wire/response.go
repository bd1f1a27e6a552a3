package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// Response is the head of what a server said. Of a status response (OK, NO,
// BAD, BYE, PREAUTH) and of a continuation it is everything; of data the rest
// is read with Token and its relatives.
type Response struct {
	// Tag is "*" for data, "+" for a continuation, or the tag of a command.
	Tag string
	// Num precedes EXISTS, EXPUNGE, FETCH; Type is upper-case.
	Num  uint32
	Type string
	// Code is the response code, upper-case, without brackets; Args is what
	// follows it inside them; Text the words for people. All are the server's.
	Code, Args, Text string
}

// Status reports a response of the status kind.
func (r *Response) Status() bool {
	switch r.Type {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// Next skips what is left of the response before and reads the head of the
// next one. The result is valid until the next call.
func (r *Reader) Next() (*Response, error) {
	if err := r.Skip(); err != nil {
		return nil, err
	}
	r.spent, r.open, r.line = 0, true, r.line[:0]
	r.resp = Response{}
	tag, err := r.word()
	if err != nil {
		return nil, err
	}
	r.resp.Tag = word(tag)
	switch r.resp.Tag {
	case "+":
		r.resp.Text, err = r.text()
		return &r.resp, err
	case "*":
		return r.untagged()
	case "":
		return nil, protocol("a line without beginning")
	}
	return r.tagged()
}

func (r *Reader) untagged() (*Response, error) {
	w, err := r.word()
	if err != nil {
		return nil, err
	}
	if len(w) > 0 && w[0] >= '0' && w[0] <= '9' {
		n, err := strconv.ParseUint(string(w), 10, 32)
		if err != nil {
			return nil, protocol("the number %q", w)
		}
		r.resp.Num = uint32(n)
		if w, err = r.word(); err != nil {
			return nil, err
		}
	}
	r.resp.Type = upper(w)
	if r.resp.Status() {
		return &r.resp, r.status()
	}
	return &r.resp, nil
}

func (r *Reader) tagged() (*Response, error) {
	w, err := r.word()
	if err != nil {
		return nil, err
	}
	r.resp.Type = upper(w)
	switch r.resp.Type {
	case "OK", "NO", "BAD":
		return &r.resp, r.status()
	}
	return nil, protocol("%q %q where a reply belongs", r.resp.Tag, r.resp.Type)
}

// status reads resp-text (RFC 3501 §9). It holds no literal: "{5}" at its end
// is text.
func (r *Reader) status() error {
	line, err := r.text()
	if err != nil {
		return err
	}
	r.resp.Code, r.resp.Args, r.resp.Text = splitCode(line)
	return nil
}

// splitCode takes "[CODE args] text" apart. A bracket inside a quoted string
// or inside parentheses does not end the code: keywords and names may hold it.
func splitCode(line string) (code, args, text string) {
	if !strings.HasPrefix(line, "[") {
		return "", "", line
	}
	depth, quoted := 0, false
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ']' && depth <= 0:
			code, args, _ = strings.Cut(line[1:i], " ")
			return strings.ToUpper(code), args, strings.TrimPrefix(line[i+1:], " ")
		}
	}
	return "", "", line
}

// word reads up to a space, which is consumed, or the line end, which is not.
func (r *Reader) word() ([]byte, error) {
	r.buf = r.buf[:0]
	for {
		b, err := r.readByte()
		if err != nil {
			return nil, err
		}
		if b == ' ' {
			return r.buf, nil
		}
		if b == '\r' || b == '\n' || b == '(' {
			r.back()
			return r.buf, nil
		}
		if len(r.buf) > 200 {
			return nil, protocol("the line %q…", r.buf[:100])
		}
		r.buf = append(r.buf, b)
	}
}

// maxText is how much of a status line is kept: APPENDUID and COPYUID of a
// scattered batch are long, prose is not.
const maxText = 1 << 20

func (r *Reader) text() (string, error) {
	r.buf = r.buf[:0]
	for {
		b, err := r.readByte()
		if err != nil {
			return "", err
		}
		if b == '\r' || b == '\n' {
			text := string(bytes.TrimLeft(r.buf, " "))
			return text, r.endLine(b)
		}
		if len(r.buf) < maxText {
			r.buf = append(r.buf, b)
		}
	}
}

// word and upper avoid an allocation for what is said a million times.
func word(b []byte) string {
	if string(b) == "*" {
		return "*"
	}
	return string(b)
}

func upper(b []byte) string {
	switch string(b) {
	case "FETCH":
		return "FETCH"
	case "OK":
		return "OK"
	}
	return strings.ToUpper(string(b))
}

func equalFold(b []byte, s string) bool { return strings.EqualFold(string(b), s) }
