package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/maildns"
	"bascule/migration"
)

// prepare: the target serves the domains, accounts and aliases exist, both
// sides of every mailbox are reachable and pinned, and what protects mail in
// the zone (SPF, DKIM, DMARC) is there for both services.
func prepare(in Input, _ []Step) part {
	var p part
	p.blocked = silentTargets(in)
	for _, d := range in.Desired.Domains {
		p.add(serveDomain(in, d))
	}
	for _, m := range in.Desired.Mailboxes {
		p.add(prepareMailbox(in, m))
	}
	for _, a := range in.Desired.Aliases {
		p.add(prepareAlias(in, a.Address, "set", a.Email, a.To))
	}
	for _, d := range in.Desired.Domains {
		p.add(prepareZone(in, d))
	}
	p.add(recordsFrom(in, migration.Prepare))
	p.notes = append(p.notes, personalityNotes(in)...)
	return p
}

// silentTargets names the targets that could not be asked: what they offer is
// unknown, never absent.
func silentTargets(in Input) []Blocked {
	var out []Blocked
	for _, t := range in.Desired.Targets {
		if seen := in.Observed.Targets[t.Address]; seen.Err != "" {
			out = append(out, Blocked{Address: t.Address, Side: "target", Why: seen.Err, Temporary: true, Next: "mend the access to it and plan again"})
		}
	}
	return out
}

// serveDomain makes the target know the domain, where it can be told.
func serveDomain(in Input, d migration.Domain) part {
	seen := in.Observed.Targets[d.Target]
	if seen.Err != "" || !in.can(d.Target, migration.CanCreateDomain) || slices.Contains(seen.Domains, d.Name) {
		return part{}
	}
	return part{steps: []Step{{
		Name: "serve", Address: d.Address, Phase: migration.Prepare, Revises: true,
		Action: Action{Kind: ServeDomain, Target: d.Target, Domain: d.Address},
		Before: Lines("not served"), After: Lines("served by " + string(d.Target)),
		Reason: "the new service must know the domain before it can take its mail",
		Undo:   "none needed: the MX still points elsewhere",
	}}}
}

// prepareMailbox makes the account, its further addresses, and pins both sides.
func prepareMailbox(in Input, m migration.Mailbox) part {
	p := lookedAt(in, m)
	create := accountStep(in, m)
	p.steps = append(p.steps, create...)
	for _, alias := range m.Aliases {
		p.add(prepareAlias(in, m.Address, "alias:"+alias, alias, []string{m.Email}))
	}
	if !in.done(m.Address, "pin") {
		s := Step{
			Name: "pin", Address: m.Address, Phase: migration.Prepare, Revises: true,
			Action: Action{Kind: PinIdentity, Mailbox: m.Address},
			After:  Lines("both sides reachable, identity recorded"),
			Reason: "every later connection is checked against it: a host name may come to point elsewhere",
		}
		for _, c := range create {
			s.DependsOn = append(s.DependsOn, c.Key())
		}
		p.steps = append(p.steps, s)
		create = []Step{s}
	}
	p.steps = append(p.steps, probeStep(in, m, create)...)
	if len(p.blocked) > 0 {
		for i := range p.steps {
			p.steps[i].Status = Stopped
		}
	}
	return p
}

// lookedAt turns what a look at both sides gave into blocks and notes.
func lookedAt(in Input, m migration.Mailbox) part {
	var p part
	seen := in.Observed.Mailboxes[m.Address]
	if s := seen.Source; s.Looked && s.Err != "" {
		p.blocked = append(p.blocked, blockedSide(m.Address, "source", m.Source.Login, s))
	}
	if s := seen.Target; s.Looked && s.Err != "" && !awaitsAccount(in, m, s) {
		p.blocked = append(p.blocked, blockedSide(m.Address, "target", m.Target.Login, s))
	}
	if t := in.Observed.Targets[m.Target.Server]; t.Err != "" && !in.done(m.Address, "pin") {
		p.blocked = append(p.blocked, Blocked{Address: m.Address, Side: "target", Why: t.Err, Next: "mend the access to " + string(m.Target.Server) + " and plan again"})
	}
	for _, row := range seen.Source.Mapping {
		if row.Reason != "" {
			p.notes = append(p.notes, Note{m.Address, fmt.Sprintf("folder %q becomes %q: %s", row.From, row.To, row.Reason)})
		}
	}
	for _, name := range seen.Source.NotCarried {
		p.notes = append(p.notes, Note{m.Address, fmt.Sprintf("folder %q belongs to somebody else and is not carried", name)})
	}
	return p
}

// awaitsAccount reports whether a refused login is what one expects of an
// account that a person has yet to make.
func awaitsAccount(in Input, m migration.Mailbox, s migration.SideSeen) bool {
	return s.Refused && !in.can(m.Target.Server, migration.CanListAccounts) && !in.done(m.Address, "pin")
}

func blockedSide(a migration.Address, side, login string, s migration.SideSeen) Blocked {
	b := Blocked{Address: a, Side: side, Why: s.Err, Temporary: s.Temporary}
	switch {
	case s.Refused:
		b.Next = fmt.Sprintf("check the login %q and its password", login)
	case s.Temporary:
		b.Next = "it is tried again at the next plan or apply"
	default:
		b.Next = "mend it and plan again; the other mailboxes go on"
	}
	return b
}

// accountStep makes, adopts, or asks a person for the account.
func accountStep(in Input, m migration.Mailbox) []Step {
	if in.done(m.Address, "pin") || in.done(m.Address, "create") {
		return nil
	}
	t := in.Observed.Targets[m.Target.Server]
	s := Step{Name: "create", Address: m.Address, Phase: migration.Prepare, Revises: true, Undo: "the account stays, empty; nothing points to it"}
	_, begun := in.State.Marked(s.Key())
	switch account, exists := t.Accounts[m.Email]; {
	case t.Err != "":
		return nil
	case !in.can(m.Target.Server, migration.CanListAccounts):
		return byHand(in, m, s)
	case exists && !begun:
		return adopt(in, m, s, account)
	case !in.can(m.Target.Server, migration.CanCreateMailbox):
		return byHand(in, m, s)
	}
	s.Action = Action{Kind: CreateAccount, Target: m.Target.Server, Mailbox: m.Address, Email: m.Email}
	s.Before, s.After = Lines("no account"), Lines("account "+m.Email+", "+credentialText(m))
	s.Reason = "mail needs a place to go"
	if d, ok := domainOf(in, m.Email); ok {
		s.DependsOn = []string{StepKey(d.Address, "serve")}
	}
	return []Step{s}
}

func credentialText(m migration.Mailbox) string {
	if m.Target.Credential == "keep" {
		return "with the password of the old side"
	}
	return "with the password given"
}

// byHand asks a person for an account that no interface can make; a login proves it.
func byHand(in Input, m migration.Mailbox, s Step) []Step {
	if in.Observed.Mailboxes[m.Address].Target.OK() {
		return nil
	}
	s.Action = Action{Kind: ManualStep, Mailbox: m.Address, Manual: &Manual{
		Check: "login",
		Instruction: []string{
			fmt.Sprintf("Create the account %s on %s, with the login %q", m.Email, in.target(m.Target.Server).Endpoint.Host, m.Target.Login),
			"and the password that the configuration names for it (" + locator(m) + ").",
		},
	}}
	s.Before, s.After = Lines("no login possible"), Lines("login "+m.Target.Login+" works")
	s.Reason = "accounts of " + string(m.Target.Server) + " are made by hand"
	s.NotBefore = in.retryAt(m.Address, "create")
	return []Step{s}
}

func locator(m migration.Mailbox) string {
	if m.Target.Credential == "keep" {
		return "the source's: " + m.Source.Password.Locator
	}
	return m.Target.Password.Locator
}

// adopt takes over an account that was there before us, visibly.
func adopt(in Input, m migration.Mailbox, s Step, account migration.Account) []Step {
	seen := in.Observed.Mailboxes[m.Address].Target
	s.Action = Action{Kind: AdoptAccount, Target: m.Target.Server, Mailbox: m.Address, Email: m.Email}
	s.Before = Lines(fmt.Sprintf("account %s exists", account.Login))
	s.After = Lines("adopted: what it holds stays, its password is not touched")
	s.Reason = fmt.Sprintf("the account was there before this migration, with %d messages", seen.Messages)
	return []Step{s}
}

// refusedAdoptions are the errors for accounts with content that the
// configuration does not adopt.
func refusedAdoptions(in Input) part {
	var p part
	for _, m := range in.Desired.Mailboxes {
		for _, s := range accountStep(in, m) {
			seen := in.Observed.Mailboxes[m.Address].Target
			if s.Action.Kind == AdoptAccount && seen.Messages > 0 && m.Target.OnExisting != "adopt" {
				p.diags.Errorf(string(m.Address), "The target account exists and holds mail",
					"%s holds %d messages that bascule did not put there. To add the old mail to them, set on_existing = \"adopt\" in its target block; otherwise choose another account.", m.Email, seen.Messages)
			}
		}
	}
	return p
}

// prepareAlias makes one address deliver to others.
func prepareAlias(in Input, a migration.Address, name, email string, to []string) part {
	target, ok := targetFor(in, email)
	if !ok {
		return part{}
	}
	seen := in.Observed.Targets[target]
	if seen.Err != "" {
		return part{}
	}
	have, listed := seen.Aliases[email]
	if listed && sameValues(have, to) || seen.Aliases == nil && in.done(a, name) {
		return part{}
	}
	s := Step{
		Name: name, Address: a, Phase: migration.Prepare, Revises: true,
		Action: Action{Kind: SetAlias, Target: target, Email: email, To: to},
		Before: Lines(aliasText(email, have)), After: Lines(aliasText(email, to)),
		Reason: "mail to " + email + " must arrive on the new side too",
		Undo:   "set the destinations that were there before",
	}
	s.DependsOn = accountsOf(in, to)
	if why := cannotAlias(in, target, email, to); why != "" {
		return manualAlias(in, s, email, to, why)
	}
	return part{steps: []Step{s}}
}

func aliasText(email string, to []string) string {
	if len(to) == 0 {
		return "no alias " + email
	}
	return email + " -> " + strings.Join(to, ", ")
}

// cannotAlias says why a driver cannot make this alias, or nothing.
func cannotAlias(in Input, target migration.Address, email string, to []string) string {
	if !in.can(target, migration.CanSetAlias) {
		return "aliases of " + string(target) + " are made by hand"
	}
	for _, dest := range to {
		if _, ours := domainOf(in, dest); !ours && !in.can(target, migration.CanExternalAlias) {
			return string(target) + " delivers to no address outside its own domains: " + dest
		}
	}
	return ""
}

// manualAlias asks a person; evidence that the new MX accepts it proves it.
func manualAlias(in Input, s Step, email string, to []string, why string) part {
	if in.done(s.Address, s.Name) {
		return part{}
	}
	s.Action = Action{Kind: ManualStep, Target: s.Action.Target, Email: email, To: to, Manual: &Manual{
		Check:       "rcpt",
		Instruction: []string{fmt.Sprintf("Make %s deliver to %s on %s.", email, strings.Join(to, ", "), s.Action.Target)},
	}}
	s.Reason = why
	s.NotBefore = in.retryAt(s.Address, s.Name)
	return part{steps: []Step{s}}
}

// accountsOf returns the steps that make the accounts an alias delivers to.
func accountsOf(in Input, to []string) []string {
	var keys []string
	for _, m := range in.Desired.Mailboxes {
		if slices.Contains(to, m.Email) {
			keys = append(keys, StepKey(m.Address, "create"))
		}
	}
	return keys
}

// targetFor returns the target that serves an address: its domain's.
func targetFor(in Input, email string) (migration.Address, bool) {
	if d, ok := domainOf(in, email); ok {
		return d.Target, true
	}
	for _, m := range in.Desired.Mailboxes {
		if m.Email == email || slices.Contains(m.Aliases, email) {
			return m.Target.Server, true
		}
	}
	return "", false
}

// domainOf returns the migrated domain an address belongs to.
func domainOf(in Input, email string) (migration.Domain, bool) {
	_, name, _ := strings.Cut(email, "@")
	for _, d := range in.Desired.Domains {
		if maildns.Name(d.Name) == maildns.Name(name) {
			return d, true
		}
	}
	return migration.Domain{}, false
}
