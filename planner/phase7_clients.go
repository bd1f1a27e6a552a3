package planner

import (
	"path"
	"strings"

	"bascule/migration"
)

// clients: people have their settings before the switch, and what mail
// programs look up serves the new side after it.
func clients(in Input, before []Step) part {
	var p part
	for _, m := range in.Desired.Mailboxes {
		if !in.done(m.Address, "kit") && !in.acceptedFor("mailbox", m.Address) {
			p.steps = append(p.steps, kitStep(in, m, before))
		}
	}
	for _, d := range in.Desired.Domains {
		p.steps = append(p.steps, clientRecords(in, d, before)...)
	}
	return p
}

// kitStep hands the sheet over when the evidence is green: people need it
// before J.
func kitStep(in Input, m migration.Mailbox, before []Step) Step {
	file := path.Join(in.Desired.Settings.Clients.Dir, SheetName(m.Email))
	return Step{
		Name: "kit", Address: m.Address, Phase: migration.Clients, Revises: true,
		Action: Action{Kind: WriteKit, Mailbox: m.Address},
		Before: Lines("no sheet"), After: Lines(file),
		Reason: "people need their settings before the switch",
		DependsOn: keysOf(before, func(b Step) bool {
			return b.Phase <= migration.Verify && b.Phase != migration.LowerTTL && (b.Address == m.Address && b.Name != "sync" || b.Phase == migration.Verify && b.Address.Kind() == "domain")
		}),
	}
}

// SheetName is the file name of a person's sheet: the address with everything
// but letters, digits, dots, hyphens and @ replaced, so that it never becomes a path.
func SheetName(email string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '@':
			return r
		}
		return '_'
	}, email)
	return strings.TrimLeft(safe, ".") + ".txt"
}

// clientRecords checks, after the cutover, that autoconfiguration and SRV
// records serve the new side.
func clientRecords(in Input, d migration.Domain, before []Step) []Step {
	if in.done(d.Address, "clients") || in.acceptedFor("clients", d.Address) {
		return nil
	}
	due, needs := checkDue(in, d.Address, "clients")
	if e, ok := in.evidence(d.Address, "clients"); ok && e.Verdict == "pass" {
		needs = false
	}
	if !needs {
		return nil
	}
	s := Step{
		Name: "clients.check", Address: d.Address, Phase: migration.Clients, Progress: true, NotBefore: due,
		Action: Action{Kind: CheckDomain, Domain: d.Address, Check: "clients"},
		After:  Lines("no published record leads mail programs to the old side"), Reason: "a new device asks the DNS where the mail is",
	}
	s.DependsOn = keysOf(before, func(b Step) bool {
		return b.Phase == migration.Cutover && (b.Action.Domain == d.Address || b.Address == in.root())
	})
	return []Step{s}
}
