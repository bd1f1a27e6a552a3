package mailsync

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// Digest is the SHA-256 of all octets of a message: its identity.
type Digest [sha256.Size]byte

// IsZero reports whether the digest was never taken.
func (d Digest) IsZero() bool { return d == Digest{} }

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Print is what reading a message to its end tells.
type Print struct {
	// Digest is over the octets as they came.
	Digest Digest
	// Plain is over the octets with every line end made CRLF, stray CRs
	// removed and NUL made 0x80: what survives a server that stores lines.
	// It equals Digest for all regular messages. A [Form] says otherwise.
	Plain  Digest
	Octets int64
}

// Hasher computes a Print while a message streams through it. Its zero value
// is not usable; see NewHasher.
//
// The second digest costs nothing until the first irregular octet: there the
// state of the first one is cloned.
type Hasher struct {
	exact, plain hash.Hash
	octets       int64
	lastCR       bool // the last octet seen was a CR
	held         bool // that CR has not been given to exact yet
	// other makes Plain instead, for a Form that is not the zero one.
	other formWriter
}

// NewHasher returns a Hasher that has read nothing.
func NewHasher() *Hasher { return &Hasher{exact: sha256.New()} }

// Write never fails.
func (h *Hasher) Write(b []byte) (int, error) {
	h.octets += int64(len(b))
	if h.other != nil {
		h.exact.Write(b)
		return h.other.Write(b)
	}
	if h.plain != nil {
		h.exact.Write(b)
		h.writePlain(b)
		return len(b), nil
	}
	if !inLines(b, h.lastCR) {
		h.split(b, h.firstIrregular(b))
		return len(b), nil
	}
	h.writeRegular(b)
	return len(b), nil
}

// inLines reports whether every CR of b is followed by a LF, every LF follows
// a CR, and there is no NUL; a CR at the end waits for what comes next. It
// looks for the few octets that matter instead of at each one, which halves
// what taking a digest costs.
func inLines(b []byte, afterCR bool) bool {
	if len(b) == 0 {
		return true
	}
	if afterCR != (b[0] == '\n') || bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	pairs := 0
	for at := 1; ; pairs++ {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			break
		}
		if at += n + 1; b[at-2] != '\r' {
			return false
		}
	}
	if b[len(b)-1] == '\r' {
		pairs++
	}
	return bytes.Count(b, []byte{'\r'}) == pairs
}

// firstIrregular is where b is not regular: the octet itself, or the one
// behind a stray CR.
func (h *Hasher) firstIrregular(b []byte) int {
	for i, c := range b {
		if h.lastCR != (c == '\n') || c == 0 {
			return i
		}
		h.lastCR = c == '\r'
	}
	panic("bug: irregular octets are nowhere")
}

// writeRegular keeps a CR at the end of b back: the next octet says whether it was stray.
func (h *Hasher) writeRegular(b []byte) {
	if len(b) == 0 {
		return
	}
	h.release()
	if h.lastCR = b[len(b)-1] == '\r'; h.lastCR {
		b, h.held = b[:len(b)-1], true
	}
	h.exact.Write(b)
}

func (h *Hasher) release() {
	if h.held {
		h.exact.Write([]byte{'\r'})
		h.held = false
	}
}

// split begins the second digest: b[i] is the first irregular octet, or
// follows a stray CR.
func (h *Hasher) split(b []byte, i int) {
	end := i
	if h.lastCR && i > 0 {
		end = i - 1
	}
	if end > 0 {
		h.release()
	}
	h.exact.Write(b[:end])
	h.clone()
	h.release()
	h.exact.Write(b[end:])
	h.writePlain(b[i:])
}

func (h *Hasher) clone() {
	c, err := h.exact.(hash.Cloner).Clone()
	if err != nil {
		panic("bug: SHA-256 state cannot be cloned: " + err.Error())
	}
	h.plain = c
}

func (h *Hasher) writePlain(b []byte) {
	out := make([]byte, 0, min(len(b), 4096)+64)
	for len(b) > 0 {
		n := min(len(b), 4096)
		out = out[:0]
		for _, c := range b[:n] {
			switch c {
			case '\r':
			case '\n':
				out = append(out, '\r', '\n')
			case 0:
				out = append(out, 0x80)
			default:
				out = append(out, c)
			}
		}
		h.plain.Write(out)
		b = b[n:]
	}
}

// Print returns the digests of what was written.
func (h *Hasher) Print() Print {
	if h.held {
		h.clone()
		h.release()
	}
	p := Print{Octets: h.octets}
	h.exact.Sum(p.Digest[:0])
	p.Plain = p.Digest
	switch {
	case h.other != nil:
		p.Plain = h.other.sum()
	case h.plain != nil:
		h.plain.Sum(p.Plain[:0])
	}
	return p
}

// PrintOf reads body to its end.
func PrintOf(body io.Reader) (Print, error) { return Form{}.PrintOf(body) }

// PrintOf reads body to its end.
func (f Form) PrintOf(body io.Reader) (Print, error) {
	h := f.NewHasher()
	_, err := io.Copy(h, body)
	return h.Print(), err
}
