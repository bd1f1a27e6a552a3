package maildns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SPFContext says what the names in the two records mean before the MX moves.
type SPFContext struct {
	// Domain owns the records.
	Domain string
	// OldMX and NewMX are the hosts of the MX before and after.
	OldMX, NewMX []string
	// OldA, when given, are the addresses of Domain itself, for a web host that
	// moves too: a bare "a" of the old record then becomes ip4 and ip6.
	OldA []netip.Addr
	// RedirectAll is the all qualifier of records that redirect= points at, by
	// lower-case domain; one that is not there counts as SoftFail.
	RedirectAll map[string]byte
}

// ErrSPFNeedsPerson is returned when both records hold terms that refuse
// somebody before their all: no rule can merge them without changing what one
// of them says.
var ErrSPFNeedsPerson = errors.New("both records refuse senders before their all; write the record to use in the spf block")

// Union returns the one record that authorises everybody whom old or new
// authorises, for the time in which both services send.
//
// Addresses come first, then the terms of old, then those of new; all is the
// weaker of both, and that of old when new, a list of mechanisms, has none;
// redirect= becomes include: with the all of its target, since
// all would make it void (RFC 7208 §6.1). A bare mx of old is written out as
// the old hosts, and one of new as the new hosts: the mechanism would change
// its meaning at the moment the MX moves. Union is idempotent: merging new
// into the result again changes nothing.
func Union(old, new SPF, c SPFContext) (SPF, error) {
	o := c.explicit(old, c.OldMX, c.OldA)
	n := c.explicit(new, c.NewMX, nil)
	oldRefuses, newRefuses := refuses(o.mechanisms), refuses(n.mechanisms)
	if oldRefuses && newRefuses && !subset(n.mechanisms, o.mechanisms) {
		return SPF{}, ErrSPFNeedsPerson
	}
	var terms []SPFTerm
	switch {
	case oldRefuses:
		// The order of old is part of its meaning; what new authorises must
		// come before anything of old that would refuse it.
		terms = appendNew(without(n.mechanisms, o.mechanisms), o.mechanisms)
	case newRefuses:
		terms = appendNew(without(o.mechanisms, n.mechanisms), n.mechanisms)
	default:
		terms = addressesFirst(appendNew(appendNew(nil, o.mechanisms), n.mechanisms))
	}
	all := o.all
	if n.hasAll {
		all = weaker(o.all, n.all)
	}
	terms = append(terms, allTerm(all))
	return SPF{Terms: appendModifiers(appendModifiers(terms, o.modifiers), n.modifiers)}, nil
}

// parts is a record with the meaning of its names fixed.
type parts struct {
	mechanisms, modifiers []SPFTerm
	// all is what happens to everybody else; hasAll tells whether the record
	// says so itself (RFC 7208 §4.7: neutral when not).
	all    byte
	hasAll bool
}

func allTerm(qualifier byte) SPFTerm {
	return SPFTerm{Qualifier: qualifier, Name: "all", CIDR4: -1, CIDR6: -1}
}

// explicit resolves what would change its meaning, and drops what no receiver
// looks at.
func (c SPFContext) explicit(s SPF, mx []string, a []netip.Addr) parts {
	p := parts{all: Neutral}
	for _, t := range s.effective() {
		switch {
		case t.Name == "all":
			p.all, p.hasAll = t.Qualifier, true
		case t.Name == "redirect" && t.IsModifier():
			p.mechanisms = append(p.mechanisms, SPFTerm{Qualifier: Pass, Name: "include", Domain: t.Domain, CIDR4: -1, CIDR6: -1})
			p.all, p.hasAll = SoftFail, true
			if q, ok := c.RedirectAll[strings.ToLower(t.Domain)]; ok {
				p.all = q
			}
		case t.IsModifier():
			p.modifiers = append(p.modifiers, t)
		case t.Name == "mx" && c.own(t.Domain) && len(mx) > 0:
			p.mechanisms = append(p.mechanisms, hosts(t, mx)...)
		case t.Name == "a" && c.own(t.Domain) && len(a) > 0:
			p.mechanisms = append(p.mechanisms, addresses(t, a)...)
		default:
			p.mechanisms = append(p.mechanisms, t)
		}
	}
	return p
}

func (c SPFContext) own(domain string) bool { return domain == "" || Name(domain) == Name(c.Domain) }

// hosts writes mx out as a: of each host, with qualifier and CIDR.
func hosts(t SPFTerm, mx []string) []SPFTerm {
	var out []SPFTerm
	for _, h := range mx {
		out = append(out, SPFTerm{Qualifier: t.Qualifier, Name: "a", Domain: strings.TrimSuffix(Name(h), "."), CIDR4: t.CIDR4, CIDR6: t.CIDR6})
	}
	return out
}

func addresses(t SPFTerm, addrs []netip.Addr) []SPFTerm {
	var out []SPFTerm
	for _, addr := range addrs {
		name, bits, cidr := "ip4", 32, t.CIDR4
		if addr.Is6() {
			name, bits, cidr = "ip6", 128, t.CIDR6
		}
		if cidr >= 0 {
			bits = cidr
		}
		out = append(out, SPFTerm{Qualifier: t.Qualifier, Name: name, Prefix: netip.PrefixFrom(addr, bits).Masked(), CIDR4: -1, CIDR6: -1})
	}
	return out
}

func refuses(terms []SPFTerm) bool {
	return slices.ContainsFunc(terms, func(t SPFTerm) bool { return t.Qualifier != Pass })
}

func subset(of, terms []SPFTerm) bool {
	return !slices.ContainsFunc(of, func(t SPFTerm) bool { return !contains(terms, t) })
}

func without(terms, gone []SPFTerm) []SPFTerm {
	return slices.DeleteFunc(slices.Clone(terms), func(t SPFTerm) bool { return contains(gone, t) })
}

// appendNew appends the terms that are not there yet.
func appendNew(to, terms []SPFTerm) []SPFTerm {
	for _, t := range terms {
		if !contains(to, t) {
			to = append(to, t)
		}
	}
	return to
}

// appendModifiers keeps one modifier per name: the first.
func appendModifiers(to, mods []SPFTerm) []SPFTerm {
	for _, m := range mods {
		if !slices.ContainsFunc(to, func(t SPFTerm) bool { return t.IsModifier() && t.Name == m.Name }) {
			to = append(to, m)
		}
	}
	return to
}

// addressesFirst moves ip4 and ip6 to the front: they cost no lookup. It is
// used only where every term passes, so that order has no meaning.
func addressesFirst(terms []SPFTerm) []SPFTerm {
	slices.SortStableFunc(terms, func(a, b SPFTerm) int { return cost(a) - cost(b) })
	return terms
}

func cost(t SPFTerm) int {
	if t.Prefix.IsValid() {
		return 0
	}
	return 1
}

// weaker returns the more permissive qualifier.
func weaker(a, b byte) byte {
	const order = "+?~-"
	if strings.IndexByte(order, a) < strings.IndexByte(order, b) {
		return a
	}
	return b
}

// Minus returns the record without the attributed terms, everything else in
// its place and spelling. all and modifiers are never removed.
func Minus(record SPF, attributed []SPFTerm) SPF {
	return SPF{Terms: slices.DeleteFunc(slices.Clone(record.Terms), func(t SPFTerm) bool {
		return !t.IsModifier() && t.Name != "all" && contains(attributed, t)
	})}
}

// OldOnly returns the terms that old brought into Union(old, new): those that
// new does not need. Which of them belong to the mail service, and not to a
// shop or a printer, is for [Attribute].
func OldOnly(old, new SPF, c SPFContext) []SPFTerm {
	return without(c.explicit(old, c.OldMX, c.OldA).mechanisms, c.explicit(new, c.NewMX, nil).mechanisms)
}

// OldService describes the mail service that is left.
type OldService struct {
	// Domains are names at or under which its hosts and includes lie.
	Domains []string
	// Addrs are the addresses of its mail servers.
	Addrs []netip.Addr
}

// Attribute returns those of terms that name the old service and nothing
// else: include, a, mx, exists and ptr at or under its domains, and ip4 and
// ip6 of exactly one of its addresses. A network may hold other senders and is
// left to a person.
func Attribute(terms []SPFTerm, old OldService) []SPFTerm {
	var out []SPFTerm
	for _, t := range terms {
		if old.owns(t) {
			out = append(out, t)
		}
	}
	return out
}

func (o OldService) owns(t SPFTerm) bool {
	if t.IsModifier() {
		return false
	}
	if t.Prefix.IsValid() {
		return t.Prefix.IsSingleIP() && slices.Contains(o.Addrs, t.Prefix.Addr())
	}
	if t.Domain == "" || hasMacro(t.Domain) {
		return false
	}
	return slices.ContainsFunc(o.Domains, func(d string) bool { return Under(t.Domain, d) })
}

// MergeSPF does what a person does with the TXT values of an apex: finds the
// SPF record, merges new into it, and returns the whole TXT set with exactly
// one SPF record and everything else untouched. Without a
// record new stands alone, with ~all unless it says otherwise.
func MergeSPF(txt RRset, new SPF, c SPFContext) (RRset, error) {
	records := txt.SPFRecords()
	if len(records) > 1 {
		return RRset{}, fmt.Errorf("merge SPF of %s: %d records are there, and receivers refuse all of them (RFC 7208 §4.5): %q; remove all but one first", txt.Name, len(records), records)
	}
	if len(records) == 0 {
		n := c.explicit(new, c.NewMX, nil)
		if !n.hasAll {
			n.all = SoftFail // the right word for a domain that had none
		}
		alone := SPF{Terms: slices.Concat(n.mechanisms, []SPFTerm{allTerm(n.all)}, n.modifiers)}
		return txt.With(alone.String()), nil
	}
	old, err := ParseSPF(records[0])
	if err != nil {
		return RRset{}, fmt.Errorf("merge SPF of %s: %w", txt.Name, err)
	}
	merged, err := Union(old, new, c)
	if err != nil {
		return RRset{}, fmt.Errorf("merge SPF of %s: %w", txt.Name, err)
	}
	return txt.Without(records[0]).With(merged.String()), nil
}
