package maildns

import (
	"fmt"
	"slices"
	"strings"
)

// Zone is what the authoritative servers of a zone said, each for itself.
type Zone struct {
	// Name is the apex.
	Name    string       `json:"name"`
	Servers []ServerView `json:"servers"`
}

// ServerView is one server's answer.
type ServerView struct {
	// Name is the server's host name, Addr the "ip:port" that answered.
	Name string `json:"name"`
	Addr string `json:"addr,omitempty"`
	// Serial is of the SOA; NegativeTTL how many seconds resolvers remember
	// that a name is absent (RFC 2308 §5).
	Serial      uint32 `json:"serial,omitempty"`
	NegativeTTL uint32 `json:"negative_ttl,omitempty"`
	// Err says why the server as a whole could not be asked.
	Err string `json:"err,omitempty"`
	// RRsets holds what was observed; an empty RRset was observed absent.
	RRsets map[Key]RRset `json:"rrsets,omitempty"`
	// Unknown says why a key could not be observed. A key that is in neither
	// map was not asked, which is unknown too.
	Unknown map[Key]string `json:"unknown,omitempty"`
}

// Lookup returns the server's RRset. ok is false when it is unknown; an RRset
// without values is known to be absent.
func (s ServerView) Lookup(key Key) (rr RRset, ok bool) {
	if s.Err != "" {
		return RRset{}, false
	}
	rr, ok = s.RRsets[key]
	return rr, ok
}

// WhyUnknown explains a Lookup that was not ok.
func (s ServerView) WhyUnknown(key Key) string {
	if s.Err != "" {
		return s.Err
	}
	if why, ok := s.Unknown[key]; ok {
		return why
	}
	return "not asked"
}

// Agreed returns the RRset when every server was heard and all serve the same
// values and TTL. A zone without servers agrees on nothing.
func (z Zone) Agreed(name, typ string) (RRset, bool) {
	key := KeyOf(name, typ)
	var first RRset
	for i, s := range z.Servers {
		rr, ok := s.Lookup(key)
		if !ok {
			return RRset{}, false
		}
		if i == 0 {
			first = rr
		}
		if !rr.Equal(first) {
			return RRset{}, false
		}
	}
	return first, len(z.Servers) > 0
}

// MaxTTL returns the largest TTL in seconds that any server that was heard
// serves for the RRset: the longest some cache may keep it.
func (z Zone) MaxTTL(name, typ string) uint32 {
	var longest uint32
	for _, s := range z.Servers {
		if rr, ok := s.Lookup(KeyOf(name, typ)); ok && !rr.IsEmpty() {
			longest = max(longest, rr.TTL)
		}
	}
	return longest
}

// MaxNegativeTTL returns the longest time in seconds for which some cache may
// remember that a name of the zone is absent.
func (z Zone) MaxNegativeTTL() uint32 {
	var longest uint32
	for _, s := range z.Servers {
		longest = max(longest, s.NegativeTTL)
	}
	return longest
}

// Everywhere reports whether every server serves exactly this, TTL included.
// An unknown server makes it false.
func (z Zone) Everywhere(want RRset) bool {
	have, ok := z.Agreed(want.Name, want.Type)
	return ok && have.Equal(want)
}

// Nowhere reports whether every server was heard and none serves the value.
func (z Zone) Nowhere(name, typ, value string) bool {
	for _, s := range z.Servers {
		rr, ok := s.Lookup(KeyOf(name, typ))
		if !ok || rr.Has(value) {
			return false
		}
	}
	return len(z.Servers) > 0
}

// CNAME returns the target when some server has a CNAME at name; other types
// at that name are then occluded (RFC 1034 §3.6.2).
func (z Zone) CNAME(name string) (target string, ok bool) {
	for _, s := range z.Servers {
		if rr, known := s.Lookup(KeyOf(name, "CNAME")); known && !rr.IsEmpty() {
			return rr.Values[0], true
		}
	}
	return "", false
}

// Silent returns the servers that did not answer for key, with the reason.
func (z Zone) Silent(key Key) map[string]string {
	out := map[string]string{}
	for _, s := range z.Servers {
		if _, ok := s.Lookup(key); !ok {
			out[s.Name] = s.WhyUnknown(key)
		}
	}
	return out
}

// Disagreement is one RRset of which servers serve different versions.
type Disagreement struct {
	Key      Key
	Versions []Version
}

// Version is what some servers serve.
type Version struct {
	RRset   RRset
	Servers []string
}

func (d Disagreement) String() string {
	var parts []string
	for _, v := range d.Versions {
		what := "nothing"
		if !v.RRset.IsEmpty() {
			what = fmt.Sprintf("%s (TTL %d)", strings.Join(v.RRset.Values, ", "), v.RRset.TTL)
		}
		parts = append(parts, strings.Join(v.Servers, ", ")+": "+what)
	}
	return d.Key.String() + " differs between servers: " + strings.Join(parts, "; ")
}

// Disagreements returns the RRsets of which at least two versions are served,
// sorted by key. Servers that were not heard do not count.
func (z Zone) Disagreements() []Disagreement {
	keys := map[Key]bool{}
	for _, s := range z.Servers {
		for k := range s.RRsets {
			keys[k] = true
		}
	}
	var out []Disagreement
	for k := range keys {
		if v := z.Versions(k); len(v) > 1 {
			out = append(out, Disagreement{k, v})
		}
	}
	slices.SortFunc(out, func(a, b Disagreement) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return out
}

// Versions returns the different answers to key, each with the servers that give
// it, in the order of the zone. Servers that were not heard do not count.
func (z Zone) Versions(key Key) []Version {
	var out []Version
	for _, s := range z.Servers {
		rr, ok := s.Lookup(key)
		if !ok {
			continue
		}
		i := slices.IndexFunc(out, func(v Version) bool { return v.RRset.Equal(rr) })
		if i < 0 {
			out = append(out, Version{RRset: rr})
			i = len(out) - 1
		}
		out[i].Servers = append(out[i].Servers, s.Name)
	}
	return out
}
