package mailsync

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"
)

// lineReader is the verifier's own way of writing a message down in a Form:
// it reads line by line where a pass is written to octet by octet, and the two
// must agree. A Semantic form is defined by its parser, which is the same.
type lineReader struct {
	form     Form
	hash     hash.Hash
	header   bool
	dropping bool
	ends     int // line ends held back
	began    bool
}

// plainDigest reads body to its end.
func plainDigest(form Form, body io.Reader) (Digest, error) {
	if form.Semantic {
		h := form.NewHasher()
		_, err := io.Copy(h, body)
		return h.Print().Plain, err
	}
	l := &lineReader{form: form, hash: sha256.New(), header: true}
	from := bufio.NewReaderSize(body, 64<<10)
	for {
		piece, err := from.ReadSlice('\n')
		if whole := bytes.HasSuffix(piece, []byte("\n")); len(piece) > 0 {
			l.line(bytes.TrimSuffix(piece, []byte("\n")), whole)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			return Digest{}, err
		}
		if err == io.EOF {
			return l.digest(), nil
		}
	}
}

// line takes a line or, with whole false, a piece of one.
func (l *lineReader) line(piece []byte, whole bool) {
	text := l.clean(piece)
	if l.header && !l.began {
		if len(text) == 0 && whole {
			l.header, l.dropping = false, false
		} else if len(text) > 0 && text[0] != ' ' && text[0] != '\t' {
			l.dropping = slices.Contains(l.form.Added, fieldName(text))
		}
	}
	l.began = !whole && (l.began || len(text) > 0)
	if l.dropping {
		return
	}
	if l.header && l.form.HideHigh {
		text = hidden(text)
	}
	if len(text) > 0 {
		for ; l.ends > 0; l.ends-- {
			l.hash.Write([]byte("\r\n"))
		}
		l.hash.Write(text)
	}
	if whole {
		l.ends++
	}
}

func (l *lineReader) clean(piece []byte) []byte {
	text := bytes.ReplaceAll(piece, []byte("\r"), nil)
	if l.form.DropNUL {
		return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte{0}, nil), []byte{0x80}, nil)
	}
	return bytes.ReplaceAll(text, []byte{0}, []byte{0x80})
}

func hidden(text []byte) []byte {
	out := slices.Clone(text)
	for i, c := range out {
		if c >= 0x80 || c == '?' {
			out[i] = 'X'
		}
	}
	return out
}

func (l *lineReader) digest() (d Digest) {
	for ; l.ends > 0 && !l.form.TrimEnd; l.ends-- {
		l.hash.Write([]byte("\r\n"))
	}
	if l.form.isZero() {
		l.hash.Sum(d[:0])
		return d
	}
	return l.form.seal(l.hash.Sum(nil))
}
