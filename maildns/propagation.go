package maildns

import "slices"

// Reach says how far a record set has come.
type Reach string

// The reaches. Only ReachedAll lets a following step start.
const (
	ReachedAll   Reach = "everywhere"
	ReachedSome  Reach = "somewhere"
	ReachedNone  Reach = "nowhere"
	ReachUnknown Reach = "unknown" // all that answered serve it, but some did not answer, or nobody did
)

// Propagation is the verdict on one wanted record set.
type Propagation struct {
	Reach Reach
	// Serving, Lagging and Silent name servers, in the order of the zone.
	Serving, Lagging, Silent []string
	// Found is what the first lagging server serves instead.
	Found RRset
}

// Propagated judges whether every authoritative server serves want, TTL
// included. Servers in accepted may stay silent: a person said so.
func Propagated(z Zone, want RRset, accepted ...string) Propagation {
	var p Propagation
	for _, s := range z.Servers {
		rr, ok := s.Lookup(want.Key())
		switch {
		case !ok && slices.Contains(accepted, s.Name):
		case !ok:
			p.Silent = append(p.Silent, s.Name)
		case rr.Equal(want):
			p.Serving = append(p.Serving, s.Name)
		default:
			if len(p.Lagging) == 0 {
				p.Found = rr
			}
			p.Lagging = append(p.Lagging, s.Name)
		}
	}
	p.Reach = p.reach()
	return p
}

func (p Propagation) reach() Reach {
	switch {
	case len(p.Lagging) > 0 && len(p.Serving) > 0:
		return ReachedSome
	case len(p.Lagging) > 0:
		return ReachedNone
	case len(p.Silent) > 0 || len(p.Serving) == 0:
		return ReachUnknown
	}
	return ReachedAll
}
