package planner

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"bascule/maildns"
	"bascule/migration"
)

// mover is a record set that moves at the cutover: the MX of a domain, the
// client records beside it, a record block that asks for it.
type mover struct {
	address migration.Address
	domain  migration.Domain
	// prefix begins the names of its steps: "mx".
	prefix string
	key    maildns.Key
	// have is what all authoritative servers agree on now; known is false
	// when they do not, or could not be asked.
	have  maildns.RRset
	known bool
	// to holds the values after the cutover; unknown while a step makes them.
	to      []string
	unknown bool
}

// stage is one point on the way of a record set.
type stage struct {
	// step leads to the stage; empty for the first.
	step  string
	phase migration.Phase
	want  maildns.RRset
}

// desiredAt is the way of a record set through the phases: what it is to hold
// at first, with the TTL lowered, with both sides (MX only: add, observe,
// remove), with the new side alone, and with the TTL restored. A stage that
// would change nothing is left out.
func desiredAt(m mover, in Input) []stage {
	first := m.first(in)
	low := maildns.EffectiveTTL(uint32(lowTTL(m.domain, in).Seconds()), 0)
	if first.IsEmpty() || !maildns.NeedsLowering(first.TTL, low, 0) {
		low = first.TTL
	}
	ttl := low
	if first.IsEmpty() {
		ttl = 3600
	}
	after := maildns.RRset{Name: m.key.Name, Type: m.key.Type, TTL: ttl, Values: m.to}.Canonical()
	way := []stage{
		{"", migration.Prepare, first},
		{m.prefix + ".ttl", migration.LowerTTL, first.WithTTL(low)},
	}
	if m.key.Type == "MX" {
		both := first.WithTTL(ttl).With(m.to...)
		way = append(way, stage{m.prefix + ".add", migration.Cutover, both}, stage{m.prefix + ".remove", migration.Cutover, after})
	} else {
		way = append(way, stage{m.prefix + ".switch", migration.Cutover, after})
	}
	if !first.IsEmpty() {
		way = append(way, stage{m.prefix + ".ttl_restore", migration.Decommission, after.WithTTL(first.TTL)})
	}
	return distinct(way, m.unknown)
}

// distinct leaves out stages equal to the one before. Values that are not
// known yet differ from everything, their TTL only from another TTL.
func distinct(way []stage, unknown bool) []stage {
	out := way[:1:1]
	for _, s := range way[1:] {
		last := out[len(out)-1].want
		same := s.want.Equal(last)
		if unknown && s.phase >= migration.Cutover {
			same = s.phase == migration.Decommission && s.want.TTL == last.TTL
		}
		if !same {
			out = append(out, s)
		}
	}
	return out
}

// lowTTL is the TTL wanted before the cutover.
func lowTTL(d migration.Domain, in Input) time.Duration {
	if d.TTLTo > 0 {
		return d.TTLTo
	}
	return in.Desired.Settings.LowerTTL.To
}

// first is the record set before bascule touched it: the earliest
// before-image on record, or what is there now. A step that was begun and not
// recorded counts: its effect may already hide what was there before.
func (m mover) first(in Input) maildns.RRset {
	for _, suffix := range []string{".ttl", ".add", ".switch"} {
		if d, ok := in.State.DoneAt(m.address, m.prefix+suffix); ok {
			if rr, ok := image(d.Before); ok {
				return rr
			}
		}
		if mark, ok := in.State.Marked(StepKey(m.address, m.prefix+suffix)); ok {
			if rr, ok := image(mark.Before); ok {
				return rr
			}
		}
	}
	return m.have
}

// before is a record set as it was before a step that was begun, and may have
// had its effect without being recorded; otherwise as it is.
func (in Input) before(a migration.Address, step string, have maildns.RRset) maildns.RRset {
	if mark, begun := in.State.Marked(StepKey(a, step)); begun {
		if rr, ok := image(mark.Before); ok {
			return rr
		}
	}
	return have
}

// image reads a record set from a before- or after-image of the state.
func image(raw json.RawMessage) (maildns.RRset, bool) {
	var rr maildns.RRset
	if len(raw) == 0 || json.Unmarshal(raw, &rr) != nil || rr.Name == "" {
		return maildns.RRset{}, false
	}
	return rr.Canonical(), true
}

// reached returns the index of the last stage whose step was recorded.
func reached(way []stage, m mover, in Input) int {
	at := 0
	for i, s := range way {
		if i > 0 && in.done(m.address, s.step) {
			at = i
		}
	}
	return at
}

// movers lists the record sets that move at the cutover, MX first.
func movers(in Input) []mover {
	var out []mover
	for _, d := range in.Desired.Domains {
		out = append(out, domainMX(in, d))
		if d.Autoconfig {
			out = append(out, clientMovers(in, d)...)
		}
	}
	for _, r := range in.Desired.Records {
		if d, ok := in.domain(r.Domain); ok && r.FromPhase == migration.Cutover {
			out = append(out, newMover(in, d, r.Address, "record", maildns.KeyOf(r.Name, r.Type), r.Values))
		}
	}
	return out
}

func newMover(in Input, d migration.Domain, a migration.Address, prefix string, key maildns.Key, to migration.Strings) mover {
	have, known := in.Zones[d.Address].Agreed(key.Name, key.Type)
	if !known {
		have = maildns.RRset{Name: key.Name, Type: key.Type}
	}
	if to.Unknown {
		to = in.switched(a, prefix)
	}
	values := maildns.RRset{Name: key.Name, Type: key.Type, Values: to.Values}.Canonical().Values
	return mover{address: a, domain: d, prefix: prefix, key: key, have: have, known: known, to: values, unknown: to.Unknown}
}

// switched returns the values that a finished switch has written: a target
// that cannot be asked any more does not make them unknown again.
func (in Input) switched(a migration.Address, prefix string) migration.Strings {
	for _, step := range []string{prefix + ".remove", prefix + ".switch"} {
		d, _ := in.State.DoneAt(a, step)
		if rr, ok := image(d.After); ok {
			return migration.Strings{Values: rr.Values}
		}
	}
	return migration.Strings{Unknown: true}
}

// clientServices turns what a target offers into what the records need.
func clientServices(x migration.Exports) maildns.ClientServices {
	return maildns.ClientServices{IMAP: clientService(x.IMAP), Submission: clientService(x.Submission)}
}

func clientService(s migration.Service) maildns.Service {
	return maildns.Service{Host: s.Host, Port: uint16(s.Port), Implicit: s.TLS != migration.StartTLS}
}

// srvLabel returns the service part of an SRV owner name: "_imaps".
func srvLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label
}

// unknownClients stands for the client records of a domain that the target is
// to serve first: it covers them in a reviewed plan.
func unknownClients(in Input, d migration.Domain) part {
	seen := in.Observed.Targets[d.Target]
	x, _ := in.exports(d)
	if !d.Autoconfig || x.IMAP.Host != "" || !in.can(d.Target, migration.CanCreateDomain) || slices.Contains(seen.Domains, d.Name) {
		return part{}
	}
	p := unknownEdit(in, d, "srv", "SRV", "mail programs look up where the mail is")
	p.steps[0].Phase = migration.Cutover
	return p
}

// clientMovers are the SRV records of RFC 6186 and RFC 8314.
func clientMovers(in Input, d migration.Domain) []mover {
	x, ok := in.exports(d)
	if !ok || x.IMAP.Host == "" {
		return nil
	}
	var out []mover
	for _, rr := range maildns.ClientRecords(d.Name, clientServices(x), 3600) {
		if rr.Type == "SRV" {
			out = append(out, newMover(in, d, d.Address, "srv."+srvLabel(rr.Name), rr.Key(), migration.Strings{Values: rr.Values}))
		}
	}
	return out
}

// exports returns what the target offers for a domain, once it is known.
func (in Input) exports(d migration.Domain) (migration.Exports, bool) {
	if x, ok := in.Observed.Targets[d.Target].Exports[d.Name]; ok {
		return x, true
	}
	x := in.target(d.Target).Exports
	return x, x.IMAP.Host != "" || len(x.MX) > 0
}

// here reports whether what is served is the wanted set, for the step that
// leads to it: values and TTL.
func here(have, want maildns.RRset) bool { return have.Equal(want) }

// sameValues compares two lists as sets.
func sameValues(a, b []string) bool {
	x, y := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(x, y)
}

// OldMXHosts are the mail servers a domain had before the cutover.
func OldMXHosts(in Input, d migration.Domain) []string {
	return maildns.MXHosts(domainMX(in, d).first(in))
}
