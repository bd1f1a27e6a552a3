package mailsync

import (
	"bytes"
	"slices"
)

// sample is a message as it was sent, and as it was fetched, twice.
type sample struct {
	kind          string
	sent          []byte
	first, second []byte
}

// classify says what a server makes of messages: pure.
func classify(samples []sample) (p Personality) {
	p.Class = Exact
	volatile := slices.ContainsFunc(samples, func(s sample) bool { return !bytes.Equal(s.first, s.second) })
	semantic := volatile
	for _, s := range samples {
		switch e, explained := explain(s.sent, s.first); {
		case bytes.Equal(s.sent, s.first) && bytes.Equal(s.sent, s.second):
		case explained && !volatile:
			p.learn(e)
		case sameMeaning(s.sent, s.first) && sameMeaning(s.sent, s.second):
			semantic = true
		default:
			p.Unrecognised = append(p.Unrecognised, s.kind)
		}
	}
	if semantic {
		p.Class, p.Alters, p.Added, p.DropNUL = Semantic, []Alteration{WritesAnew}, nil, false
	}
	return p
}

func sameMeaning(a, b []byte) bool {
	f := Form{Semantic: true}
	x, _ := f.PrintOf(bytes.NewReader(a)) // a reader in memory does not fail
	y, _ := f.PrintOf(bytes.NewReader(b))
	return x.Plain == y.Plain
}

// explanation is a set of alterations that makes one message of another.
type explanation struct {
	alters  []Alteration
	added   []string
	dropNUL bool
}

func (p *Personality) learn(e explanation) {
	if len(e.alters) == 0 {
		return
	}
	p.Class = Normalised
	p.Alters = union(p.Alters, e.alters)
	p.Added = union(p.Added, e.added)
	p.DropNUL = p.DropNUL || e.dropNUL
}

func union[T ~string](a, b []T) []T {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// explain finds the fewest alterations that make got of sent.
func explain(sent, got []byte) (explanation, bool) {
	known := []Alteration{AltersLineEnds, AltersNUL, AltersEnd, AltersHighHeaders, AddsFields}
	added := newNames(sent, got)
	for few := range len(known) + 1 {
		for set := range 1 << len(known) {
			e := explanation{}
			for i, a := range known {
				if set>>i&1 == 1 {
					e.alters = append(e.alters, a)
				}
			}
			if len(e.alters) != few {
				continue
			}
			if slices.Contains(e.alters, AddsFields) {
				e.added = added
			}
			for _, e.dropNUL = range []bool{false, slices.Contains(e.alters, AltersNUL)} {
				if bytes.Equal(e.undo(sent), e.undo(got)) {
					return e, true
				}
			}
		}
	}
	return explanation{}, false
}

// undo writes a message down without what the alterations touch.
func (e explanation) undo(b []byte) []byte {
	for _, a := range e.alters {
		switch a {
		case AltersLineEnds:
			b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		case AltersNUL:
			b = e.undoNUL(b)
		case AltersEnd:
			b = bytes.TrimRight(b, "\r\n")
		case AltersHighHeaders:
			b = undoHigh(b)
		case AddsFields:
			b = withoutFields(b, e.added)
		}
	}
	return b
}

func (e explanation) undoNUL(b []byte) []byte {
	if !e.dropNUL {
		return bytes.ReplaceAll(b, []byte{0}, []byte{0x80})
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte{0}, nil), []byte{0x80}, nil)
}

// split cuts a message between header and body.
func split(b []byte) (head, body []byte) {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(b, []byte(end)); i >= 0 {
			return b[:i+len(end)/2], b[i+len(end)/2:]
		}
	}
	return b, nil
}

func undoHigh(b []byte) []byte {
	head, body := split(b)
	head = slices.Clone(head)
	for i, c := range head {
		if c >= 0x80 || c == '?' {
			head[i] = 'X'
		}
	}
	return append(head, body...)
}

// withoutFields leaves out all fields of some names.
func withoutFields(b []byte, names []string) []byte {
	head, body := split(b)
	var out []byte
	drop := false
	for _, line := range bytes.SplitAfter(head, []byte("\n")) {
		if len(line) > 0 && line[0] != ' ' && line[0] != '\t' {
			drop = slices.Contains(names, fieldName(line))
		}
		if !drop {
			out = append(out, line...)
		}
	}
	return append(out, body...)
}

func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	return string(bytes.ToLower(bytes.TrimSpace(name)))
}

// newNames lists the fields that got has and sent has not.
func newNames(sent, got []byte) []string {
	head, _ := split(sent)
	had := map[string]bool{"": true}
	for line := range bytes.Lines(head) {
		had[fieldName(line)] = true
	}
	head, _ = split(got)
	var out []string
	for line := range bytes.Lines(head) {
		if name := fieldName(line); line[0] != ' ' && line[0] != '\t' && !had[name] {
			had[name] = true
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
