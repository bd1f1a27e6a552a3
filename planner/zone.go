package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bascule/maildns"
	"bascule/migration"
)

// zoneEdit is one change of a record set, ready to become a step.
type zoneEdit struct {
	address migration.Address
	domain  migration.Domain
	name    string
	phase   migration.Phase
	// before and after are whole sets when whole, else the managed values.
	before, after maildns.RRset
	whole         bool
	reason, undo  string
	risk, event   string
}

// step turns the edit into a step: manual where nobody can write the zone.
func (e zoneEdit) step(in Input) Step {
	edit := &RRsetEdit{
		DNS: e.domain.DNS, Zone: in.zoneName(e.domain), Name: e.after.Name, Type: e.after.Type, Whole: e.whole,
		Before: e.before.Canonical().Values, After: e.after.Canonical().Values, TTLBefore: e.before.TTL, TTLAfter: e.after.TTL, Event: e.event,
	}
	if e.before.IsEmpty() {
		edit.TTLBefore = 0
	}
	s := Step{
		Name: e.name, Address: e.address, Phase: e.phase, Revises: true,
		Action: Action{Kind: EditRRset, Domain: e.domain.Address, RRset: edit},
		Before: Lines(recordLines(e.before)...), After: Lines(recordLines(e.after)...),
		Reason: e.reason, Undo: e.undo, Risk: e.risk,
	}
	if in.dnsDriver(e.domain.DNS) == "manual" {
		s.Action.Kind = ManualStep
		s.Action.Manual = &Manual{Check: "rrset", Instruction: typeThis(e)}
		s.NotBefore = in.retryAt(e.address, e.name)
	}
	return s
}

// typeThis is what a person is to enter at the zone's service. An MX grows
// before it shrinks; the SPF record is changed where it stands, since two of
// them, even for a minute, are an error for every receiver (RFC 7208 §4.5).
func typeThis(e zoneEdit) []string {
	c := maildns.Diff(e.after, e.before)
	added, removed := c.Added(), c.Removed()
	out := []string{fmt.Sprintf("Where the zone of %s is edited, at the name %s, type %s:", e.domain.Name, e.after.Name, e.after.Type)}
	if e.after.Type != "MX" && len(added) == 1 && len(removed) == 1 {
		out = append(out, "  change: "+removed[0], "  into:   "+added[0])
		added, removed = nil, nil
	}
	for _, v := range added {
		out = append(out, "  add:    "+v)
	}
	if len(added) > 0 && len(removed) > 0 {
		out = append(out, "Save. Only then:")
	}
	for _, v := range removed {
		out = append(out, "  remove: "+v)
	}
	if e.whole && !e.after.IsEmpty() && e.before.TTL != e.after.TTL {
		out = append(out, fmt.Sprintf("Set the TTL of all records of this name and type to %d seconds.", e.after.TTL))
	}
	return append(out, endsAs(e)...)
}

// endsAs is what the zone holds when it is done.
func endsAs(e zoneEdit) []string {
	first := "When done, the zone holds exactly this for the name and type:"
	switch {
	case e.after.IsEmpty():
		return []string{"Nothing of this name and type remains."}
	case !e.whole:
		first = "Leave every other value and its TTL as they are. When done, this is among them:"
	}
	out := []string{first}
	for _, line := range e.after.Lines() {
		out = append(out, "  "+line)
	}
	return out
}

func recordLines(rr maildns.RRset) []string {
	if rr.IsEmpty() {
		return []string{fmt.Sprintf("no %s %s", rr.Name, rr.Type)}
	}
	lines := make([]string, 0, len(rr.Values))
	for _, v := range rr.Canonical().Values {
		lines = append(lines, fmt.Sprintf("%s %d %s %s", rr.Name, rr.TTL, rr.Type, v))
	}
	return lines
}

// zoneName is the apex of the zone that holds a domain.
func (in Input) zoneName(d migration.Domain) string {
	if z, ok := in.Zones[d.Address]; ok && z.Name != "" {
		return z.Name
	}
	return maildns.Name(d.Name)
}

func (in Input) dnsDriver(a migration.Address) string {
	for _, d := range in.Desired.DNS {
		if d.Address == a {
			return d.Driver
		}
	}
	return "manual"
}

// zoneBlocked says why a domain's record set cannot be planned on.
func zoneBlocked(in Input, d migration.Domain, key maildns.Key) (Blocked, bool) {
	z, ok := in.Zones[d.Address]
	if !ok {
		return Blocked{Address: d.Address, Why: "the zone was not looked at"}, true
	}
	if _, agreed := z.Agreed(key.Name, key.Type); agreed {
		return Blocked{}, false
	}
	b := Blocked{Address: d.Address, Side: "dns", Temporary: true, Why: "no authoritative server of " + d.Name + " was found",
		Next: "check the dns block and its nameservers"}
	silent := z.Silent(key)
	for _, server := range slices.Sorted(maps.Keys(silent)) {
		b.Why = fmt.Sprintf("%s could not be asked for %s: %s", server, key, silent[server])
		b.Next = "unknown is never absent: mend the server or the access to it, and plan again"
		return b, true
	}
	for _, dis := range z.Disagreements() {
		if dis.Key == key {
			b.Why, b.Next = dis.String(), "wait until every server serves the same, and plan again"
		}
	}
	return b, true
}

// prepareZone publishes what must be there before the MX moves.
func prepareZone(in Input, d migration.Domain) part {
	var p part
	apex := maildns.KeyOf(d.Name, "TXT")
	if b, blocked := zoneBlocked(in, d, apex); blocked {
		p.blocked = append(p.blocked, b)
		return p
	}
	p.add(mxAsserted(in, d))
	p.add(spfUnion(in, d))
	p.add(dkimPublished(in, d))
	p.add(dmarcThere(in, d))
	return p
}

// mxAsserted compares mx_from with what is served, until the cutover.
func mxAsserted(in Input, d migration.Domain) part {
	var p part
	key := maildns.KeyOf(d.Name, "MX")
	have, ok := in.Zones[d.Address].Agreed(key.Name, key.Type)
	if len(d.MXFrom) == 0 || in.State.Switched() || !ok {
		return p
	}
	want := maildns.RRset{Name: key.Name, Type: "MX", Values: d.MXFrom}.Canonical()
	if sameValues(want.Values, have.Values) {
		return p
	}
	p.drift = append(p.drift, Drift{
		Address: d.Address, What: key.String(), Expected: want.Values, Found: have.Values, Conflict: true,
		Next: "correct mx_from if the configuration is wrong; find out who changed the zone if it is not",
	})
	p.diags.Errorf(string(d.Address), "The MX is not the one the configuration asserts",
		"mx_from of %s says %q, but every authoritative server answers %q. Nothing is done until both agree: correct mx_from, or find out who changed the zone.", d.Address, want.Values, have.Values)
	return p
}

// spfContext says what names in the SPF records mean before the MX moves.
func spfContext(in Input, d migration.Domain) maildns.SPFContext {
	key := maildns.KeyOf(d.Name, "MX")
	have, _ := in.Zones[d.Address].Agreed(key.Name, key.Type)
	old := domainMX(in, d).first(in)
	if old.IsEmpty() {
		old = have
	}
	return maildns.SPFContext{
		Domain: d.Name, OldMX: maildns.MXHosts(old),
		NewMX: maildns.MXHosts(maildns.RRset{Name: key.Name, Type: "MX", Values: d.MXTo.Values}),
	}
}

// spfUnion makes the SPF record authorise both services (RFC 7208).
func spfUnion(in Input, d migration.Domain) part {
	if !d.SPF.Manage {
		return part{}
	}
	if in.done(d.Address, "spf.union") {
		return spfKept(in, d)
	}
	if d.SPF.Add.Unknown {
		return unknownEdit(in, d, "spf.union", "SPF", "both services send during the migration")
	}
	txt, merged, err := mergedSPF(in, d)
	if err != nil {
		return refusedEdit(d, "The SPF record cannot be merged", err)
	}
	if merged.SameValues(txt) && !begunAt(in, d.Address, "spf.union") {
		return part{}
	}
	e := zoneEdit{
		address: d.Address, domain: d, name: "spf.union", phase: migration.Prepare,
		before: spfOnly(txt), after: spfOnly(merged),
		reason: "both services send during the migration", undo: "put the record of before back",
	}
	return part{steps: []Step{waitForServe(in, d, e.step(in))}}
}

// spfKept looks whether the new service is still in the record once it was
// written there: a record edited by hand since is drift, and a person's to
// settle, since nobody else knows what it was edited for.
func spfKept(in Input, d migration.Domain) part {
	have, known := in.Zones[d.Address].Agreed(d.Name, "TXT")
	if !known || d.SPF.Add.Unknown || len(d.SPF.Add.Values) == 0 {
		return part{}
	}
	add, err := maildns.ParseSPF(spfText(d.SPF.Add.Values))
	if err != nil {
		return part{}
	}
	merged, err := maildns.MergeSPF(have, add, spfContext(in, d))
	if err != nil || merged.SameValues(have) {
		return part{}
	}
	return part{drift: []Drift{{
		Address: d.Address, What: maildns.KeyOf(d.Name, "TXT").String(), Expected: merged.SPFRecords(), Found: have.SPFRecords(),
		Next: "somebody edited the SPF record: put the terms of the new service back, or mail from it will be refused",
	}}}
}

// mergedSPF returns the TXT values of the apex as they are, and as they are to
// be while both services send.
func mergedSPF(in Input, d migration.Domain) (now, merged maildns.RRset, err error) {
	have, _ := in.Zones[d.Address].Agreed(d.Name, "TXT")
	now = in.before(d.Address, "spf.union", have)
	if len(d.SPF.Add.Values) == 0 {
		return now, now, nil
	}
	add, err := maildns.ParseSPF(spfText(d.SPF.Add.Values))
	if err != nil {
		return now, now, fmt.Errorf("the terms of the new service: %w", err)
	}
	merged, err = maildns.MergeSPF(now, add, spfContext(in, d))
	return now, merged, err
}

// spfOnly keeps the managed value of an apex TXT set.
func spfOnly(txt maildns.RRset) maildns.RRset {
	ttl := txt.TTL
	if txt.IsEmpty() || ttl == 0 {
		ttl = 3600
	}
	return maildns.RRset{Name: txt.Name, Type: "TXT", TTL: ttl, Values: txt.SPFRecords()}
}

func spfText(terms []string) string {
	out := "v=spf1"
	for _, t := range terms {
		if t != "v=spf1" {
			out += " " + t
		}
	}
	return out
}

// begunAt reports whether a step may have had its effect without a record.
func begunAt(in Input, a migration.Address, name string) bool {
	_, ok := in.State.Marked(StepKey(a, name))
	return ok
}

func refusedEdit(d migration.Domain, summary string, err error) part {
	var p part
	p.diags.Errorf(string(d.Address), summary, "%v", err)
	return p
}

// unknownEdit is an edit whose value an earlier step makes.
func unknownEdit(in Input, d migration.Domain, name, what, reason string) part {
	serve := StepKey(d.Address, "serve")
	return part{steps: []Step{{
		Name: name, Address: d.Address, Phase: migration.Prepare, Revises: true,
		Action: Action{Kind: EditRRset, Domain: d.Address}, Before: Lines(what + " as it is"), After: Value{KnownAfter: serve},
		Reason: reason, DependsOn: []string{serve},
	}}}
}

// waitForServe makes a zone step come after the target serves the domain.
func waitForServe(_ Input, d migration.Domain, s Step) Step {
	s.DependsOn = append(s.DependsOn, StepKey(d.Address, "serve"))
	return s
}

// dkimPublished publishes the keys of the new service (RFC 6376 §3.6.2).
func dkimPublished(in Input, d migration.Domain) part {
	if !d.DKIM.Manage {
		return part{}
	}
	if d.DKIM.Unknown && dkimDone(in, d) {
		return part{}
	}
	if d.DKIM.Unknown {
		return unknownEdit(in, d, "dkim", "DKIM", "what the new service signs must be verifiable before it sends")
	}
	var p part
	for _, r := range d.DKIM.Records {
		name := "dkim." + r.Name
		owner := maildns.Name(r.Name + "." + d.Name)
		key := maildns.KeyOf(owner, r.Type)
		have, known := in.Zones[d.Address].Agreed(key.Name, key.Type)
		want := maildns.RRset{Name: key.Name, Type: key.Type, TTL: 3600, Values: []string{r.Value}}.Canonical()
		switch {
		case !known:
			b, _ := zoneBlocked(in, d, key)
			p.blocked = append(p.blocked, b)
		case samePublished(have, want) && (in.done(d.Address, name) || !begunAt(in, d.Address, name)):
		case !have.IsEmpty() && !in.done(d.Address, name) && !begunAt(in, d.Address, name) && !have.SameValues(want):
			p.drift = append(p.drift, Drift{Address: d.Address, What: key.String(), Expected: want.Values, Found: have.Values, Conflict: true,
				Next: "a key of another service stands under this selector: remove it, or give the new service another selector"})
		default:
			e := zoneEdit{address: d.Address, domain: d, name: name, phase: migration.Prepare, before: in.before(d.Address, name, have), after: want, whole: true,
				reason: "what the new service signs must be verifiable before it sends", undo: "remove the record"}
			p.steps = append(p.steps, waitForServe(in, d, e.step(in)))
		}
	}
	return p
}

// dkimDone reports whether keys were published: then a target that cannot be
// asked just now makes no new step.
func dkimDone(in Input, d migration.Domain) bool {
	o := in.State.Objects[d.Address]
	if o == nil {
		return false
	}
	for name := range o.Done {
		if strings.HasPrefix(name, "dkim.") {
			return true
		}
	}
	return false
}

// samePublished compares keys by meaning where they are TXT.
func samePublished(have, want maildns.RRset) bool {
	if have.IsEmpty() || have.Type != want.Type || len(have.Values) != len(want.Values) {
		return false
	}
	if want.Type == "TXT" && len(want.Values) == 1 {
		return maildns.SameDKIM(have.Values[0], want.Values[0]) || have.SameValues(want)
	}
	return have.SameValues(want)
}

// dmarcThere creates p=none where nothing exists, and never weakens.
func dmarcThere(in Input, d migration.Domain) part {
	if !d.DMARC.Manage || in.done(d.Address, "dmarc") {
		return part{}
	}
	key := maildns.KeyOf(maildns.DMARCName(d.Name), "TXT")
	z := in.Zones[d.Address]
	if target, ok := z.CNAME(key.Name); ok {
		return part{notes: []Note{{d.Address, fmt.Sprintf("%s is a CNAME to %s: the policy is kept by that service and is left alone", key.Name, target)}}}
	}
	have, known := z.Agreed(key.Name, key.Type)
	if !known {
		b, _ := zoneBlocked(in, d, key)
		return part{blocked: []Blocked{b}}
	}
	have = in.before(d.Address, "dmarc", have)
	want, err := maildns.EnsureDMARC(have, d.DMARC.RUA)
	if err != nil {
		return refusedEdit(d, "The DMARC record needs a person", err)
	}
	if want.SameValues(have) && !begunAt(in, d.Address, "dmarc") {
		return part{}
	}
	if want.TTL == 0 {
		want.TTL = 3600
	}
	e := zoneEdit{address: d.Address, domain: d, name: "dmarc", phase: migration.Prepare, before: have, after: want, whole: true,
		reason: "receivers expect a policy; p=none asks nothing of them", undo: "remove the record"}
	return part{steps: []Step{e.step(in)}}
}

// recordsFrom are the record blocks that appear in a phase.
func recordsFrom(in Input, phase migration.Phase) part {
	var p part
	for _, r := range in.Desired.Records {
		d, ok := in.domain(r.Domain)
		if !ok || r.FromPhase != phase || in.done(r.Address, "set") {
			continue
		}
		p.add(recordEdit(in, d, r))
	}
	return p
}

// recordsUntil are the record blocks that end at a phase. What they are by
// then is known from the start: the values they appear with.
func recordsUntil(in Input, phase migration.Phase) part {
	var p part
	for _, r := range in.Desired.Records {
		d, ok := in.domain(r.Domain)
		if !ok || r.UntilPhase != phase || in.done(r.Address, "unset") {
			continue
		}
		if r.Values.Unknown {
			q := unknownEdit(in, d, "unset", r.Type, string(r.Address)+" ends")
			q.steps[0].Address, q.steps[0].Phase = r.Address, phase
			p.add(q)
			continue
		}
		here, known := in.recordNow(d, r)
		if !known {
			continue // said where it appears
		}
		after := maildns.RRset{Name: here.Name, Type: here.Type, TTL: here.TTL, Values: r.ValuesBefore}.Canonical()
		if here.SameValues(after) {
			continue
		}
		e := zoneEdit{address: r.Address, domain: d, name: "unset", phase: phase, before: here, after: after, whole: true,
			reason: string(r.Address) + " ends", undo: "put the values of before back"}
		p.steps = append(p.steps, e.step(in))
	}
	return p
}

// recordNow is a record set as it is to be until it ends.
func (in Input) recordNow(d migration.Domain, r migration.Record) (here maildns.RRset, known bool) {
	if r.FromPhase == migration.Cutover {
		m := newMover(in, d, r.Address, "record", maildns.KeyOf(r.Name, r.Type), r.Values)
		way := desiredAt(m, in)
		return way[len(way)-1].want, m.known
	}
	key := maildns.KeyOf(r.Name, r.Type)
	have, known := in.Zones[d.Address].Agreed(key.Name, key.Type)
	if done, ok := in.State.DoneAt(r.Address, "set"); ok {
		if rr, ok := image(done.After); ok {
			return rr, known
		}
	}
	return recordWanted(r, in.before(r.Address, "set", have)), known
}

// recordWanted is what a record block makes of what is there.
func recordWanted(r migration.Record, have maildns.RRset) maildns.RRset {
	ttl := uint32(r.TTL.Seconds())
	if ttl == 0 {
		ttl = max(have.TTL, 300)
	}
	return maildns.RRset{Name: have.Name, Type: have.Type, TTL: ttl, Values: r.Values.Values}.Canonical()
}

// recordEdit makes a record appear.
func recordEdit(in Input, d migration.Domain, r migration.Record) part {
	key := maildns.KeyOf(r.Name, r.Type)
	have, known := in.Zones[d.Address].Agreed(key.Name, key.Type)
	if !known {
		b, _ := zoneBlocked(in, d, key)
		b.Address = r.Address
		return part{blocked: []Blocked{b}}
	}
	if r.Values.Unknown {
		p := unknownEdit(in, d, "set", r.Type, "asked for by "+string(r.Address))
		p.steps[0].Address = r.Address
		return p
	}
	begun := begunAt(in, r.Address, "set")
	have = in.before(r.Address, "set", have)
	want := recordWanted(r, have)
	if have.Equal(want) && !begun {
		return part{}
	}
	if len(r.ValuesBefore) > 0 && !begun && !expectedBefore(have, want, r) {
		return part{drift: []Drift{{Address: r.Address, What: key.String(), Expected: r.ValuesBefore, Found: have.Values, Conflict: true,
			Next: "correct values_before, or find out who changed the record"}}}
	}
	e := zoneEdit{address: r.Address, domain: d, name: "set", phase: r.FromPhase, before: have, after: want, whole: true,
		reason: "asked for by " + string(r.Address), undo: "put the values of before back"}
	return part{steps: []Step{e.step(in)}}
}

func expectedBefore(have, want maildns.RRset, r migration.Record) bool {
	before := maildns.RRset{Name: want.Name, Type: want.Type, Values: r.ValuesBefore}.Canonical()
	return sameValues(have.Values, before.Values) || slices.Equal(have.Values, want.Values)
}
