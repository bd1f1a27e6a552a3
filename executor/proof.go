package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/internal/safetext"
	"bascule/maildns"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// Proof is what proof.json holds: what was moved, when, and what was accepted.
type Proof struct {
	FormatVersion string             `json:"format_version"`
	Migration     string             `json:"migration,omitempty"`
	Lineage       string             `json:"lineage"`
	Written       time.Time          `json:"written"`
	Tool          string             `json:"tool_version"`
	Mailboxes     []ProofMailbox     `json:"mailboxes"`
	Domains       []ProofDomain      `json:"domains"`
	Totals        map[string]int64   `json:"totals"`
	Timeline      []state.Event      `json:"timeline"`
	Accepted      []migration.Accept `json:"accepted"`
	Ignored       []migration.Ignore `json:"ignored"`
	// Plaintext names servers that were spoken to without TLS.
	Plaintext []migration.Address `json:"plaintext,omitempty"`
}

// ProofMailbox is one person's row.
type ProofMailbox struct {
	Address  migration.Address `json:"address"`
	Email    string            `json:"email"`
	Messages int64             `json:"messages"`
	Outcomes map[string]int64  `json:"outcomes"`
	Evidence []ProofCheck      `json:"evidence"`
	Refused  []ProofRefused    `json:"refused,omitempty"`
}

// ProofRefused is a message that the target would not take.
type ProofRefused struct {
	state.Refused
	// Accepted is the block in which a person accepted that; "" for nobody.
	Accepted migration.Address `json:"accepted,omitempty"`
	Because  string            `json:"because,omitempty"`
}

// ProofDomain is one domain's row.
type ProofDomain struct {
	Address  migration.Address `json:"address"`
	Name     string            `json:"name"`
	MXBefore []string          `json:"mx_before"`
	MXAfter  []string          `json:"mx_after"`
	TTL      uint32            `json:"ttl_restored"`
	Evidence []ProofCheck      `json:"evidence"`
	// Inbound says how the old side was closed, or who accepted that it is not.
	Inbound string `json:"inbound"`
}

// ProofCheck is one check as it last came out.
type ProofCheck struct {
	Check   string        `json:"check"`
	At      time.Time     `json:"at"`
	Verdict state.Verdict `json:"verdict"`
	Summary string        `json:"summary"`
	Items   []string      `json:"items,omitempty"`
}

// writeProof writes proof.json and proof.txt.
func (t *tick) writeProof(in planner.Input) (outcome, error) {
	p := proofOf(in, t.World.Clock.Now())
	doc, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return outcome{}, err
	}
	if err := t.World.WriteFile("proof.json", append(doc, '\n')); err != nil {
		return outcome{}, err
	}
	if err := t.World.WriteFile("proof.txt", []byte(p.Text())); err != nil {
		return outcome{}, err
	}
	return outcome{
		done: true, text: p.headline(), after: linesImage(planner.Lines("proof.json", "proof.txt")),
		change: func(st *state.State, now time.Time) { st.AddEvent(now, "proof", planner.Root, p.headline()) },
	}, nil
}

func proofOf(in planner.Input, now time.Time) Proof {
	p := Proof{
		FormatVersion: "1.0", Migration: in.Desired.Settings.Name, Lineage: in.State.Lineage, Written: now, Tool: in.Tool,
		Timeline: in.State.Events, Accepted: in.Desired.Accepts, Ignored: in.Desired.Ignores, Totals: map[string]int64{},
	}
	for _, m := range in.Desired.Mailboxes {
		row := proofMailbox(in, m)
		p.Mailboxes = append(p.Mailboxes, row)
		p.Totals["messages"] += row.Messages
		for outcome, n := range row.Outcomes {
			p.Totals[outcome] += n
		}
	}
	for _, d := range in.Desired.Domains {
		p.Domains = append(p.Domains, proofDomain(in, d))
	}
	for _, list := range [][]migration.Server{in.Desired.Sources, in.Desired.Targets} {
		for _, s := range list {
			if s.Endpoint.AllowPlaintext {
				p.Plaintext = append(p.Plaintext, s.Address)
			}
		}
	}
	return p
}

func proofMailbox(in planner.Input, m migration.Mailbox) ProofMailbox {
	row := ProofMailbox{Address: m.Address, Email: m.Email}
	o := in.State.Objects[m.Address]
	if o == nil {
		return row
	}
	if o.Mailbox != nil {
		row.Messages, row.Outcomes = o.Mailbox.Totals.Source, o.Mailbox.Totals.ByOutcome
		for _, r := range o.Mailbox.Refused {
			a, _ := planner.AcceptedMessage(in, m.Address, r)
			row.Refused = append(row.Refused, ProofRefused{r, a.Address, a.Reason})
		}
	}
	row.Evidence = checksOf(o)
	return row
}

func proofDomain(in planner.Input, d migration.Domain) ProofDomain {
	row := ProofDomain{Address: d.Address, Name: d.Name, Inbound: "accepted by name: the old side still accepts the domain"}
	have, _ := in.Zones[d.Address].Agreed(d.Name, "MX")
	row.MXAfter, row.TTL = have.Values, have.TTL
	if o := in.State.Objects[d.Address]; o != nil {
		row.Evidence = checksOf(o)
		for _, step := range []string{"mx.ttl", "mx.add"} {
			var before maildns.RRset
			if json.Unmarshal(o.Done[step].Before, &before) == nil && len(before.Values) > 0 && row.MXBefore == nil {
				row.MXBefore = before.Values
			}
		}
		if done, ok := o.Done["inbound"]; ok {
			row.Inbound = "closed, shown by RCPT TO at " + done.At.Format(time.RFC3339)
		}
	}
	return row
}

func checksOf(o *state.Object) []ProofCheck {
	var out []ProofCheck
	for name, e := range o.Evidence {
		out = append(out, ProofCheck{Check: name, At: e.At, Verdict: e.Verdict, Summary: e.Summary, Items: e.Items})
	}
	slices.SortFunc(out, func(a, b ProofCheck) int { return strings.Compare(a.Check, b.Check) })
	return out
}

func (p Proof) headline() string {
	differences := 0
	for _, m := range p.Mailboxes {
		for _, c := range m.Evidence {
			if c.Verdict != state.Passed {
				differences++
			}
		}
	}
	return fmt.Sprintf("%d mailboxes, %d messages on the source, %d checks with differences", len(p.Mailboxes), p.Totals["messages"], differences)
}

// Text is the proof for people, remote text made harmless.
func (p Proof) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Proof of the migration %s\nwritten %s, lineage %s\n\n%s\n", safetext.Line(p.Migration), p.Written.Format(time.RFC3339), safetext.Line(p.Lineage), p.headline())
	for _, d := range p.Domains {
		fmt.Fprintf(&b, "\n%s\n  MX before: %s\n  MX after:  %s, TTL %d\n  old inbound: %s\n", safetext.Line(d.Name), safetext.Line(strings.Join(d.MXBefore, ", ")), safetext.Line(strings.Join(d.MXAfter, ", ")), d.TTL, d.Inbound)
		writeChecks(&b, d.Evidence)
	}
	for _, m := range p.Mailboxes {
		fmt.Fprintf(&b, "\n%s: %d messages%s\n", safetext.Line(m.Email), m.Messages, outcomesText(m.Outcomes))
		writeChecks(&b, m.Evidence)
		for _, r := range m.Refused {
			fmt.Fprintf(&b, "  not carried: %s\n", safetext.Line(r.text()))
		}
	}
	writeAccepted(&b, p)
	b.WriteString("\nTimeline\n")
	for _, e := range p.Timeline {
		fmt.Fprintf(&b, "  %s  %-16s %s  %s\n", e.At.Format(time.RFC3339), safetext.Line(e.Name), safetext.Line(string(e.Address)), safetext.Line(e.Text))
	}
	return b.String()
}

// acceptedWhere says what an accept block is about, beside its check.
func acceptedWhere(a migration.Accept) string {
	where := []string{string(a.Mailbox), a.Record, a.Message, a.Sender}
	return strings.Join(slices.DeleteFunc(where, func(w string) bool { return w == "" }), " ")
}

func (r ProofRefused) text() string {
	text := fmt.Sprintf("%s (%s, %d octets): %s", r.Name, r.Date.Format(time.DateOnly), r.Size, r.Reason)
	if r.Accepted == "" {
		return text + "; accepted by nobody"
	}
	return fmt.Sprintf("%s; accepted in %s: %s", text, r.Accepted, r.Because)
}

func outcomesText(outcomes map[string]int64) string {
	var parts []string
	for name, n := range outcomes {
		parts = append(parts, fmt.Sprintf("%d %s", n, safetext.Line(name)))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func writeChecks(b *strings.Builder, checks []ProofCheck) {
	for _, c := range checks {
		fmt.Fprintf(b, "  %-12s %-12s %s\n", safetext.Line(c.Check), c.Verdict, safetext.Line(c.Summary))
		for _, item := range c.Items {
			fmt.Fprintf(b, "      %s\n", safetext.Line(item))
		}
	}
}

func writeAccepted(b *strings.Builder, p Proof) {
	if len(p.Accepted)+len(p.Ignored)+len(p.Plaintext) == 0 {
		return
	}
	b.WriteString("\nAccepted and left behind, by name\n")
	for _, a := range p.Accepted {
		fmt.Fprintf(b, "  %s\n", safetext.Line(fmt.Sprintf("%s: %s %s: %s", a.Address, a.Check, acceptedWhere(a), a.Reason)))
	}
	for _, i := range p.Ignored {
		fmt.Fprintf(b, "  %s\n", safetext.Line(fmt.Sprintf("%s: %s: %s", i.Address, strings.Join(i.Emails, ", "), i.Reason)))
	}
	for _, a := range p.Plaintext {
		fmt.Fprintf(b, "  %s: spoken to without TLS\n", safetext.Line(string(a)))
	}
}
