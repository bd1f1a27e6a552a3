package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/maildns"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// checkDomain gathers one piece of evidence about a domain.
func (t *tick) checkDomain(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	d, ok := domain(in, s.Action.Domain)
	if !ok {
		return outcome{}, fmt.Errorf("bug: %s is not in the configuration", s.Action.Domain)
	}
	var e state.Evidence
	switch s.Action.Check {
	case "rcpt":
		e = t.newAccepts(ctx, in, d, addressesOf(in, d))
	case "old_rcpt":
		e = t.oldAccepts(ctx, in, d)
	case "spf":
		e = t.spfEvidence(ctx, in, d)
	case "dkim":
		e = dkimEvidence(in, d)
	case "clients":
		e = t.clientEvidence(ctx, in, d)
	default:
		return outcome{}, fmt.Errorf("bug: no check is called %q", s.Action.Check)
	}
	return evidence(s.Address, s.Action.Check, e), nil
}

// evidence records a verdict. A check that did not pass is no failure of the
// step: the gate says what it means.
func evidence(a migration.Address, check string, e state.Evidence) outcome {
	return outcome{text: verdictText(e), change: func(st *state.State, now time.Time) {
		e.At = now
		o := st.Object(a)
		if o.Evidence == nil {
			o.Evidence = map[string]state.Evidence{}
		}
		o.Evidence[check] = e
	}}
}

// verdictText is a verdict as a sentence: one that passed speaks for itself.
func verdictText(e state.Evidence) string {
	switch e.Verdict {
	case state.Passed:
		return e.Summary
	case state.Failed:
		return "does not hold: " + e.Summary
	default:
		return "cannot be told: " + e.Summary
	}
}

// addressesOf lists every address of a domain that must be accepted.
func addressesOf(in planner.Input, d migration.Domain) []string {
	var out []string
	add := func(email string) {
		_, name, _ := strings.Cut(email, "@")
		if maildns.Name(name) == maildns.Name(d.Name) && !strings.HasPrefix(email, "*") && !slices.Contains(out, email) {
			out = append(out, email)
		}
	}
	for _, m := range in.Desired.Mailboxes {
		add(m.Email)
		for _, a := range m.Aliases {
			add(a)
		}
	}
	for _, a := range in.Desired.Aliases {
		add(a.Email)
	}
	return out
}

// newAccepts asks the new MX.
func (t *tick) newAccepts(ctx context.Context, in planner.Input, d migration.Domain, rcpts []string) state.Evidence {
	target, err := server(in.Desired.Targets, d.Target)
	if err != nil {
		return state.Evidence{Verdict: state.Inconclusive, Summary: err.Error()}
	}
	hosts := maildns.MXHosts(maildns.RRset{Name: maildns.Name(d.Name), Type: "MX", Values: d.MXTo.Values})
	answers := t.World.Recipients(ctx, migration.RecipientQuery{Hosts: hosts, Endpoint: target.MXEndpoint, Recipients: rcpts})
	return acceptance(answers, rcpts)
}

// oldAccepts asks the MX the domain had before.
func (t *tick) oldAccepts(ctx context.Context, in planner.Input, d migration.Domain) state.Evidence {
	q := oldQuery(in, d)
	return acceptance(t.World.Recipients(ctx, q), q.Recipients)
}

// oldQuery names the old MX: the source's endpoint where one is given, else
// the hosts of the MX before the cutover. A domain of which no address is
// known is asked for the one it must have (RFC 5321 §4.5.1).
func oldQuery(in planner.Input, d migration.Domain) migration.RecipientQuery {
	q := migration.RecipientQuery{Hosts: oldMX(in, d), All: true, Recipients: addressesOf(in, d)}
	if len(q.Recipients) == 0 {
		q.Recipients = []string{"postmaster@" + d.Name}
	}
	for _, m := range in.Desired.Mailboxes {
		if s, err := server(in.Desired.Sources, m.Source.Server); err == nil && s.MXEndpoint != "" && slices.Contains(addressesOf(in, d), m.Email) {
			q.Endpoint = s.MXEndpoint
		}
	}
	return q
}

// oldMX are the hosts of the MX before the cutover that are not of the new
// service.
func oldMX(in planner.Input, d migration.Domain) []string {
	stay := maildns.MXHosts(maildns.RRset{Name: maildns.Name(d.Name), Type: "MX", Values: d.MXTo.Values})
	return slices.DeleteFunc(slices.Clone(planner.OldMXHosts(in, d)), func(h string) bool { return slices.Contains(stay, h) })
}

// acceptance passes when every address is accepted by some server asked. One
// that only defers (4xx, RFC 5321 §4.2.1) may take it a moment later, as
// greylisting does, and one that could not be asked says nothing: both are
// inconclusive and asked again, never a pass.
func acceptance(answers []migration.RecipientAnswer, rcpts []string) state.Evidence {
	accepted := map[string]bool{}
	var refused, deferred, silent []string
	for _, a := range answers {
		switch {
		case a.Accepted():
			accepted[a.Recipient] = true
		case a.Refused() && a.Code < 500:
			deferred = append(deferred, fmt.Sprintf("%s: %s said %d %s", a.Recipient, a.Server, a.Code, a.Text))
		case a.Refused():
			refused = append(refused, fmt.Sprintf("%s: %s said %d %s", a.Recipient, a.Server, a.Code, a.Text))
		default:
			silent = append(silent, fmt.Sprintf("%s: %s: %s", a.Recipient, a.Server, a.Text))
		}
	}
	e := state.Evidence{Counts: map[string]int64{"addresses": int64(len(rcpts)), "accepted": int64(len(accepted))}}
	switch {
	case len(refused) > 0:
		e.Verdict, e.Items = state.Failed, refused
		e.Summary = fmt.Sprintf("%d of %d addresses refused", len(refused), len(rcpts))
	case len(accepted) < len(rcpts) && len(deferred) > 0:
		e.Verdict, e.Items = state.Inconclusive, append(deferred, silent...)
		e.Summary = fmt.Sprintf("%d of %d addresses put off (4xx), as greylisting does; they are asked about again", len(deferred), len(rcpts))
	case len(accepted) < len(rcpts):
		e.Verdict, e.Items = state.Inconclusive, silent
		e.Summary = fmt.Sprintf("%d of %d addresses could not be asked about; port 25 closed from here?", len(rcpts)-len(accepted), len(rcpts))
	default:
		e.Verdict, e.Summary = state.Passed, fmt.Sprintf("all %d addresses accepted", len(rcpts))
	}
	return e
}

// deferralLasts is how long an address must go on being deferred before that
// counts as refused: greylisting defers who asks for the first time, for
// minutes.
const deferralLasts = time.Hour

// refusal passes when every server asked refuses every address: the old
// inbound is closed.
func refusal(answers []migration.RecipientAnswer, rcpts []string) state.Evidence {
	var accepted, silent, words []string
	refused, deferred := 0, 0
	for _, a := range answers {
		if a.Refused() {
			if a.Code < 500 {
				deferred++
			}
			words = append(words, fmt.Sprintf("%s: %s said %d %s", a.Recipient, a.Server, a.Code, a.Text))
		}
		switch {
		case a.Accepted():
			accepted = append(accepted, fmt.Sprintf("%s still accepts %s: %d %s", a.Server, a.Recipient, a.Code, a.Text))
		case a.Refused():
			refused++
		default:
			silent = append(silent, fmt.Sprintf("%s: %s: %s", a.Recipient, a.Server, a.Text))
		}
	}
	e := state.Evidence{Counts: map[string]int64{"refused": int64(refused), "deferred": int64(deferred)}}
	switch {
	case len(accepted) > 0:
		e.Verdict, e.Items = state.Failed, accepted
		e.Summary = fmt.Sprintf("the old side still accepts %d addresses", len(accepted))
	case len(silent) > 0 || !allAnswered(answers, rcpts):
		e.Verdict, e.Items, e.Summary = state.Inconclusive, silent, "the old MX could not be asked"
	default:
		e.Verdict, e.Items = state.Passed, firstItems(words)
		e.Summary = fmt.Sprintf("every old MX refuses all %d addresses", len(rcpts))
	}
	return e
}

// allAnswered reports whether there was a question, and an answer for each
// address.
func allAnswered(answers []migration.RecipientAnswer, rcpts []string) bool {
	for _, r := range rcpts {
		if !slices.ContainsFunc(answers, func(a migration.RecipientAnswer) bool { return a.Recipient == r }) {
			return false
		}
	}
	return len(rcpts) > 0
}

// lasting makes a refusal that is only a deferral wait until it has lasted. The
// evidence of the look before says since when.
func lasting(e, before state.Evidence, now time.Time) state.Evidence {
	if e.Verdict != state.Passed || e.Counts["deferred"] == 0 {
		return e
	}
	since := now.Unix()
	if at, ok := before.Counts["deferred_since"]; ok {
		since = at
	}
	e.Counts["deferred_since"] = since
	if now.Sub(time.Unix(since, 0)) < deferralLasts {
		e.Verdict = state.Inconclusive
		e.Summary = fmt.Sprintf("the old MX only defers (4xx), as greylisting does; it counts once it has lasted %s", deferralLasts)
	}
	return e
}

// spfEvidence counts lookups and makes sure that the new service is in the record.
func (t *tick) spfEvidence(ctx context.Context, in planner.Input, d migration.Domain) state.Evidence {
	txt, known := in.Zones[d.Address].Agreed(d.Name, "TXT")
	records := txt.SPFRecords()
	switch {
	case d.SPF.Add.Unknown:
		return state.Evidence{Verdict: state.Inconclusive, Summary: "what the new service needs is not known yet"}
	case !known:
		return state.Evidence{Verdict: state.Inconclusive, Summary: "the TXT records of " + d.Name + " could not be seen"}
	case len(records) != 1:
		return state.Evidence{Verdict: state.Failed, Summary: fmt.Sprintf("%d SPF records; exactly one is wanted (RFC 7208 §3.2)", len(records)), Items: records}
	}
	record, err := maildns.ParseSPF(records[0])
	if err != nil {
		return state.Evidence{Verdict: state.Failed, Summary: err.Error(), Items: records}
	}
	if missing := missingTerms(record, d.SPF.Add.Values); len(missing) > 0 {
		return state.Evidence{Verdict: state.Failed, Summary: "the new service is not authorised", Items: missing}
	}
	count := t.World.CountSPF(ctx, d.Name, records[0])
	e := state.Evidence{Verdict: state.Passed, Counts: map[string]int64{"lookups": int64(count.Lookups)}}
	e.Summary = fmt.Sprintf("one record, %d of 10 lookups, the new service is in it", count.Lookups)
	switch {
	case count.OK():
	case len(count.Problems) == 0 && len(count.Unknown) > 0:
		e.Verdict, e.Items = state.Inconclusive, count.Unknown
		e.Summary = "not every lookup of the record could be counted"
	default:
		e.Verdict, e.Items = state.Failed, count.Problems
		e.Summary = fmt.Sprintf("the record costs %d lookups (of 10), %d void (of 2), or has faults", count.Lookups, count.Void)
	}
	return e
}

func missingTerms(record maildns.SPF, wanted []string) []string {
	var out []string
	for _, w := range wanted {
		one, err := maildns.ParseSPF("v=spf1 " + w)
		if err != nil || len(one.Terms) != 1 || one.Terms[0].Name == "mx" || one.Terms[0].Name == "all" {
			continue
		}
		if !slices.ContainsFunc(record.Terms, func(t maildns.SPFTerm) bool { return maildns.SameTerm(t, one.Terms[0]) }) {
			out = append(out, w)
		}
	}
	return out
}

// dkimEvidence looks whether the new service's keys are published.
func dkimEvidence(in planner.Input, d migration.Domain) state.Evidence {
	if len(d.DKIM.Records) == 0 {
		return state.Evidence{Verdict: state.Inconclusive, Summary: "no DKIM key of the new service is known; give it in dkim { record { … } }, or accept it by name"}
	}
	var missing []string
	for _, r := range d.DKIM.Records {
		name := maildns.Name(r.Name + "." + d.Name)
		have, known := in.Zones[d.Address].Agreed(name, r.Type)
		want := maildns.RRset{Name: name, Type: r.Type, Values: []string{r.Value}}.Canonical()
		if !known || len(have.Values) != 1 || !have.SameValues(want) && !(r.Type == "TXT" && maildns.SameDKIM(have.Values[0], want.Values[0])) {
			missing = append(missing, name+" "+r.Type)
		}
	}
	if len(missing) > 0 {
		return state.Evidence{Verdict: state.Failed, Summary: "a key is not published", Items: missing}
	}
	return state.Evidence{Verdict: state.Passed, Summary: fmt.Sprintf("%d keys published", len(d.DKIM.Records))}
}

// clientEvidence looks whether anything published still leads mail programs
// to the old side.
func (t *tick) clientEvidence(ctx context.Context, in planner.Input, d migration.Domain) state.Evidence {
	var keys []maildns.Key
	for _, label := range []string{"_imaps._tcp", "_imap._tcp", "_submissions._tcp", "_submission._tcp", "_autodiscover._tcp"} {
		keys = append(keys, maildns.KeyOf(label+"."+d.Name, "SRV"))
	}
	for _, label := range []string{"autoconfig", "autodiscover"} {
		keys = append(keys, maildns.KeyOf(label+"."+d.Name, "CNAME"))
	}
	zone, err := t.World.Snapshot(ctx, d, keys)
	if err != nil {
		return state.Evidence{Verdict: state.Inconclusive, Summary: err.Error()}
	}
	old := oldHosts(in, d)
	var leading, unknown []string
	for _, k := range keys {
		rr, ok := zone.Agreed(k.Name, k.Type)
		if !ok {
			unknown = append(unknown, k.String())
		}
		for _, v := range rr.Values {
			if slices.ContainsFunc(old, func(h string) bool { return strings.HasSuffix(" "+strings.ToLower(v), " "+h) }) {
				leading = append(leading, fmt.Sprintf("%s %s: %s", k.Name, k.Type, v))
			}
		}
	}
	switch {
	case len(leading) > 0:
		return state.Evidence{Verdict: state.Failed, Summary: "published records lead mail programs to the old side", Items: leading}
	case len(unknown) > 0:
		return state.Evidence{Verdict: state.Inconclusive, Summary: "not every record could be seen", Items: unknown}
	}
	return state.Evidence{Verdict: state.Passed, Summary: "no published record leads to the old side"}
}

func oldHosts(in planner.Input, d migration.Domain) []string {
	hosts := oldMX(in, d)
	for _, s := range in.Desired.Sources {
		hosts = append(hosts, maildns.Name(s.Endpoint.Host))
	}
	return hosts
}
