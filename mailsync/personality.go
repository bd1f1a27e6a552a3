package mailsync

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Class says how a server keeps the octets of messages.
type Class string

// Classes.
const (
	// Unprobed: nobody looked. Nothing is excused by it.
	Unprobed Class = ""
	// Exact: what is fetched is what was appended.
	Exact Class = "exact"
	// Normalised: some messages are altered, always in the same named ways;
	// identity is modulo those.
	Normalised Class = "normalised"
	// Semantic: messages are written anew at every fetch; identity is what
	// they say, see Form.
	Semantic Class = "semantic"
)

// Alteration names one way in which a server alters messages.
type Alteration string

// Alterations.
const (
	AltersLineEnds    Alteration = "line ends"
	AltersNUL         Alteration = "NUL octets"
	AltersEnd         Alteration = "final line end"
	AltersHighHeaders Alteration = "8-bit octets in headers"
	AddsFields        Alteration = "header fields added"
	WritesAnew        Alteration = "written anew"
)

// Kept says whether and how a server keeps a mark on a message.
type Kept string

// Ways of keeping.
const (
	KeptUnknown Kept = ""
	// KeptAtAppend: as it was given to APPEND.
	KeptAtAppend Kept = "at APPEND"
	// KeptByStore: only when set by STORE afterwards.
	KeptByStore Kept = "by STORE"
	// NotKept: in no way.
	NotKept Kept = "not kept"
)

// RefusedKind is a kind of message that a target does not take.
type RefusedKind struct {
	Kind string
	// Text has the server's own words.
	Text string
}

// Personality is what a probe learnt of a target, and of the source it is
// filled from. The zero value excuses nothing and knows nothing.
type Personality struct {
	At time.Time
	// Server is what the target said of itself (RFC 2971): another version
	// may have other habits.
	Server map[string]string
	Class  Class
	// Why says why the class could not be learnt.
	Why     string
	Alters  []Alteration
	Added   []string // names of fields the target adds, in lower case
	DropNUL bool     // a NUL is dropped, not replaced
	Refuses []RefusedKind
	// Unrecognised names kinds of message that the target alters beyond all
	// recognition.
	Unrecognised []string

	Flagged, Keywords, LongKeywords Kept
	// FutureDates and OldDates are KeptAtAppend or NotKept.
	FutureDates, OldDates Kept

	// Source is Exact, or Semantic where two fetches of one message differ;
	// SourceMessages counts how many were compared.
	Source         Class
	SourceMessages int
}

// OfAnother reports that a target which says id of itself is another server, or
// another version, than the one that was probed. Only what tells versions apart
// is compared; servers say other things that change from one connection to the
// next, and one that says nothing is the same.
func (p Personality) OfAnother(id map[string]string) bool {
	return len(id) > 0 && slices.ContainsFunc([]string{"name", "version", "vendor"}, func(field string) bool { return p.Server[field] != id[field] })
}

// Form returns how messages of both sides are recognised.
func (p Personality) Form() Form {
	if p.Class == Semantic || p.Source == Semantic {
		return Form{Semantic: true}
	}
	if p.Class != Normalised {
		return Form{}
	}
	return Form{DropNUL: p.DropNUL, TrimEnd: p.alters(AltersEnd), HideHigh: p.alters(AltersHighHeaders), Added: p.Added}
}

func (p Personality) alters(a Alteration) bool { return slices.Contains(p.Alters, a) }

// Known reports whether the class was learnt.
func (p Personality) Known() bool { return p.Class != Unprobed }

// Describe says in one line each what a reader should know.
func (p Personality) Describe() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch p.Class {
	case Unprobed:
		say("not known: %s", orElse(p.Why, "not probed yet"))
	case Normalised:
		say("%s: it alters %s", p.Class, p.alterations())
	case Semantic:
		say("%s: it writes messages anew, and is compared by what they say", p.Class)
	default:
		say("%s: it keeps every octet", p.Class)
	}
	for _, r := range p.Refuses {
		say("it refuses messages with %s: %s", r.Kind, r.Text)
	}
	if len(p.Unrecognised) > 0 {
		say("it alters beyond recognition messages with %s", strings.Join(p.Unrecognised, ", "))
	}
	for _, m := range p.marks() {
		if m.kept == NotKept || m.kept == KeptByStore {
			say("%s: %s", m.what, m.kept)
		}
	}
	if p.Source == Semantic {
		say("the source writes messages anew at every fetch")
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// alterations joins the names of what is altered.
func (p Personality) alterations() string {
	var out []string
	for _, a := range p.Alters {
		text := string(a)
		if a == AddsFields {
			text += " (" + strings.Join(p.Added, ", ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

type keptMark struct {
	what string
	kept Kept
}

func (p Personality) marks() []keptMark {
	return []keptMark{{`\Flagged`, p.Flagged}, {"keywords", p.Keywords}, {"long keywords", p.LongKeywords},
		{"dates in the future", p.FutureDates}, {"old dates", p.OldDates}}
}

// keeps reports whether a probe has shown that a message of this date is kept
// with its octets and its date when it was appended at that time: with its
// octets unless it is irregular, and those are known by their digests.
func (p Personality) keeps(date, then time.Time) bool {
	exact := p.Class == Exact || p.Class == Normalised && p.Form().isZero()
	return exact && p.OldDates == KeptAtAppend && (p.FutureDates == KeptAtAppend || !date.After(then))
}

// altersOctets reports whether our own copies are not found by their octets.
func (p Personality) altersOctets() bool { return p.Class == Normalised || p.Class == Semantic }
