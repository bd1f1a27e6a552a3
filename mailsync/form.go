package mailsync

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strings"
)

// Form says how [Print].Plain is taken: what two renderings of one message
// have in common on servers that do not keep octets. The zero Form is for
// servers that store lines: line ends and NULs do not count.
type Form struct {
	// Semantic: only what the message says counts; see semantic.go. The other
	// fields mean nothing then.
	Semantic bool
	// DropNUL: NUL and 0x80, which some servers make of it, do not count.
	DropNUL bool
	// TrimEnd: line ends at the end do not count.
	TrimEnd bool
	// HideHigh: in the header all octets above 0x7F, and what is put in their
	// place, are alike.
	HideHigh bool
	// Added are header fields that do not count, in lower case.
	Added []string
}

func (f Form) isZero() bool {
	return !f.Semantic && !f.DropNUL && !f.TrimEnd && !f.HideHigh && len(f.Added) == 0
}

// mark tells digests of one form from those of another.
func (f Form) mark() uint32 {
	if f.isZero() {
		return 0
	}
	what := "semantic"
	if !f.Semantic {
		what = "octets " + bits(f.DropNUL, f.TrimEnd, f.HideHigh) + strings.Join(f.Added, ",")
	}
	sum := sha256.Sum256([]byte(what))
	return binary.BigEndian.Uint32(sum[:]) | 1
}

func bits(set ...bool) string {
	out := make([]byte, len(set))
	for i, b := range set {
		out[i] = '0'
		if b {
			out[i] = '1'
		}
	}
	return string(out)
}

// formMark is where a digest says by which form it was taken: eight zero
// octets, which no plain SHA-256 begins with, then the mark.
const formMark = 12

// seal makes a digest that says which form it is of. Twenty octets of SHA-256
// are left to tell messages apart.
func (f Form) seal(sum []byte) (d Digest) {
	binary.BigEndian.PutUint32(d[8:], f.mark())
	copy(d[formMark:], sum)
	return d
}

// made reports whether a digest was taken by this form. A ledger may hold
// those of another, from before a server was probed anew.
func (f Form) made(d Digest) bool {
	if !bytes.Equal(d[:8], make([]byte, 8)) {
		return f.isZero()
	}
	return !f.isZero() && binary.BigEndian.Uint32(d[8:]) == f.mark()
}

// NewHasher returns a Hasher whose Plain is of this form.
func (f Form) NewHasher() *Hasher {
	h := NewHasher()
	switch {
	case f.Semantic:
		h.other = newSemantic(f)
	case !f.isZero():
		h.other = newNormal(f)
	}
	return h
}

// formWriter takes a message in pieces and sums it up.
type formWriter interface {
	Write(b []byte) (int, error)
	sum() Digest
}

// normal writes a message down as if all servers of a class had stored it.
type normal struct {
	form   Form
	hash   hash.Hash
	out    []byte
	newest int // line ends held back until something follows them
	header bool
	// name is what was read of a field's name while it is not known whether
	// the field counts; naming is true meanwhile.
	name     []byte
	naming   bool
	dropping bool
	empty    bool // nothing of this line was seen
}

func newNormal(f Form) *normal {
	return &normal{form: f, hash: sha256.New(), header: true, empty: true}
}

// maxFieldName bounds what is kept of a field's name (RFC 5322 §2.1.1 bounds lines).
const maxFieldName = 998

func (n *normal) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\r':
		case n.form.DropNUL && (c == 0 || c == 0x80):
		case c == '\n':
			n.endLine()
		default:
			n.octet(c)
		}
	}
	n.flush()
	return len(b), nil
}

func (n *normal) flush() {
	n.hash.Write(n.out)
	n.out = n.out[:0]
}

func (n *normal) endLine() {
	n.keepName()
	if n.header && n.empty {
		n.header, n.dropping = false, false
	}
	if !n.dropping {
		n.newline()
	}
	n.empty = true
}

func (n *normal) newline() {
	if n.form.TrimEnd {
		n.newest++
		return
	}
	n.out = append(n.out, '\r', '\n')
}

func (n *normal) octet(c byte) {
	if c == 0 {
		c = 0x80
	}
	if !n.header {
		n.put(c)
		return
	}
	if n.form.HideHigh && (c >= 0x80 || c == '?') {
		c = 'X'
	}
	if n.empty {
		n.empty = false
		if c != ' ' && c != '\t' {
			n.naming, n.dropping, n.name = true, false, n.name[:0]
		}
	}
	switch {
	case n.naming && c != ':' && len(n.name) < maxFieldName:
		n.name = append(n.name, c)
	case n.naming:
		n.decide(c)
	case !n.dropping:
		n.put(c)
	}
}

// decide is at the octet after a field's name.
func (n *normal) decide(c byte) {
	name := strings.ToLower(string(bytes.TrimRight(n.name, " \t")))
	if c == ':' && slices.Contains(n.form.Added, name) {
		n.naming, n.dropping = false, true
		return
	}
	n.keepName()
	n.put(c)
}

// keepName lets go of a name that counts.
func (n *normal) keepName() {
	if !n.naming {
		return
	}
	n.naming = false
	for _, c := range n.name {
		n.put(c)
	}
}

func (n *normal) put(c byte) {
	for ; n.newest > 0; n.newest-- {
		if n.out = append(n.out, '\r', '\n'); len(n.out) > 4096 {
			n.flush()
		}
	}
	n.out = append(n.out, c)
}

func (n *normal) sum() Digest {
	n.keepName()
	n.flush()
	return n.form.seal(n.hash.Sum(nil))
}
