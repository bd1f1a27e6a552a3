package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Listed is one LIST or LSUB response. Name holds the server's own octets.
type Listed struct {
	Attrs []string
	Delim rune // 0 for NIL
	Name  string
}

// Has reports an attribute, case-insensitively.
func (l Listed) Has(attr string) bool {
	for _, a := range l.Attrs {
		if strings.EqualFold(a, attr) {
			return true
		}
	}
	return false
}

// List reads the LIST or LSUB response at hand (RFC 3501 §7.2.2, RFC 5258).
// Nothing is asked of the name: invalid modified UTF-7, raw 8-bit octets and
// literals come back as they are.
func (r *Reader) List() (Listed, error) {
	var l Listed
	var err error
	if l.Attrs, err = r.Flags(nil); err != nil {
		return l, err
	}
	t, err := r.Token()
	if err != nil {
		return l, err
	}
	if l.Delim, err = r.delimiter(t); err != nil {
		return l, err
	}
	if l.Name, err = r.name(); err != nil {
		return l, err
	}
	return l, r.Skip()
}

func (r *Reader) delimiter(t Token) (rune, error) {
	b, err := r.Bytes(t)
	if err != nil {
		return 0, err
	}
	if t.Nil() || len(b) == 0 && t.Kind == Quoted {
		return 0, nil
	}
	d, n := utf8.DecodeRune(b)
	if n != len(b) || d == utf8.RuneError || d < 0x20 {
		return 0, protocol("the hierarchy delimiter %q", b)
	}
	return d, nil
}

// name reads a mailbox name. NIL is a name like any other where one belongs,
// and an unquoted name may hold parentheses only in broken servers.
func (r *Reader) name() (string, error) {
	t, err := r.Token()
	if err != nil {
		return "", err
	}
	if t.Kind == End || t.Kind == Open || t.Kind == Close {
		return "", protocol("a folder without a name")
	}
	b, err := r.Bytes(t)
	return string(b), err
}

// StatusOf is one STATUS response (RFC 3501 §7.2.4). Fields not given are 0;
// Items says which were.
type StatusOf struct {
	Name                           string
	Messages, UIDNext, UIDValidity uint32
	HighestModSeq                  uint64
	Items                          int
}

// Status reads the STATUS response at hand.
func (r *Reader) Status() (StatusOf, error) {
	var s StatusOf
	var err error
	if s.Name, err = r.name(); err != nil {
		return s, err
	}
	if t, err := r.Token(); err != nil || t.Kind != Open {
		return s, firstError(err, protocol("STATUS without a list"))
	}
	for {
		t, err := r.Token()
		switch {
		case err != nil:
			return s, err
		case t.Kind == Close:
			return s, r.Skip()
		case t.Kind != Atom:
			return s, protocol("STATUS with a value where a name belongs")
		}
		key := strings.ToUpper(string(t.Text))
		if err := r.statusItem(&s, key); err != nil {
			return s, err
		}
	}
}

func (r *Reader) statusItem(s *StatusOf, key string) error {
	switch key {
	case "MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ":
	default:
		return r.SkipValue()
	}
	n, err := r.number(64)
	if err != nil {
		return err
	}
	if key == "HIGHESTMODSEQ" {
		s.HighestModSeq = n
		return nil
	}
	if n > 1<<32-1 {
		return protocol("%s %s", key, strconv.FormatUint(n, 10))
	}
	s.Items++
	switch key {
	case "MESSAGES":
		s.Messages = uint32(n)
	case "UIDNEXT":
		s.UIDNext = uint32(n)
	case "UIDVALIDITY":
		s.UIDValidity = uint32(n)
	}
	return nil
}

// Complete reports that the three items of RFC 3501 were all given.
func (s StatusOf) Complete() bool { return s.Items >= 3 }

// Namespace is one entry of a NAMESPACE response (RFC 2342).
type Namespace struct {
	Prefix string
	Delim  rune
}

// Namespaces reads the NAMESPACE response at hand: personal, other users',
// shared.
func (r *Reader) Namespaces() (n [3][]Namespace, err error) {
	for i := range n {
		if n[i], err = r.namespaces(); err != nil {
			return n, err
		}
	}
	return n, r.Skip()
}

func (r *Reader) namespaces() ([]Namespace, error) {
	t, err := r.Token()
	if err != nil || t.Nil() {
		return nil, err
	}
	var all []Namespace
	for t.Kind == Open {
		if t, err = r.Token(); err != nil || t.Kind == Close {
			return all, err
		}
		if t.Kind != Open {
			break
		}
		ns, err := r.namespace()
		if err != nil {
			return nil, err
		}
		if len(all) < 100 {
			all = append(all, ns)
		}
		t.Kind = Open
	}
	return nil, protocol("NAMESPACE without a list")
}

func (r *Reader) namespace() (ns Namespace, err error) {
	if ns.Prefix, err = r.name(); err != nil {
		return ns, err
	}
	t, err := r.Token()
	if err != nil {
		return ns, err
	}
	if ns.Delim, err = r.delimiter(t); err != nil {
		return ns, err
	}
	for { // extensions: name (values)
		t, err := r.Token()
		switch {
		case err != nil || t.Kind == Close:
			return ns, err
		case t.Kind == End:
			return ns, protocol("NAMESPACE without end")
		case t.Kind == Open:
			for t.Kind != Close && t.Kind != End && err == nil {
				t, err = r.Token()
			}
			if err != nil {
				return ns, err
			}
		}
	}
}

// Pairs reads a list of key and value strings, as ID brings (RFC 2971 §3.2).
// NIL values are left out; at most 100 pairs are kept.
func (r *Reader) Pairs() (map[string]string, error) {
	t, err := r.Token()
	if err != nil || t.Kind != Open {
		return nil, firstError(err, r.Skip())
	}
	pairs := map[string]string{}
	for {
		k, err := r.Token()
		if err != nil || k.Kind == Close || k.Kind == End {
			return pairs, firstError(err, r.Skip())
		}
		kb, err := r.Bytes(k)
		if err != nil {
			return nil, err
		}
		key := strings.ToLower(string(kb))
		v, err := r.Token()
		if err != nil || v.Kind == Close || v.Kind == End {
			return pairs, firstError(err, r.Skip())
		}
		null := v.Nil()
		vb, err := r.Bytes(v)
		if err != nil {
			return nil, err
		}
		if !null && len(pairs) < 100 {
			pairs[key] = string(vb)
		}
	}
}
