package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bascule/maildns"
	"bascule/migration"
	"bascule/planner"
)

// act carries out one step and says what to record.
func (t *tick) act(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	switch s.Action.Kind {
	case planner.ServeDomain:
		return t.serveDomain(ctx, in, s)
	case planner.CreateAccount:
		return t.createAccount(ctx, in, s)
	case planner.AdoptAccount:
		return outcome{done: true, before: linesImage(s.Before), after: linesImage(s.After), text: s.After.Lines[0]}, nil
	case planner.SetAlias:
		return t.setAlias(ctx, in, s)
	case planner.PinIdentity:
		return t.pinIdentity(ctx, in, s)
	case planner.ProbeTarget:
		return t.probeTarget(ctx, in, s)
	case planner.EditRRset:
		return t.editRRset(ctx, in, s)
	case planner.CheckDomain:
		return t.checkDomain(ctx, in, s)
	case planner.SwitchIntent:
		return t.switchIntent(in), nil
	case planner.WriteKit:
		return t.writeKit(in, s)
	case planner.ManualStep:
		return t.manual(ctx, in, s)
	case planner.WriteProof:
		return t.writeProof(in)
	case planner.HoldMigration:
		return t.hold(), nil
	case planner.LeadBack:
		return t.leadBack(), nil
	}
	return outcome{}, fmt.Errorf("bug: no way to do %q", s.Action.Kind)
}

// beforeImage is what a step's object is before it acts, as kept in the mark.
func beforeImage(in planner.Input, s planner.Step) json.RawMessage {
	if edit := s.Action.RRset; edit != nil {
		d, ok := domain(in, s.Action.Domain)
		if !ok {
			return nil
		}
		have, known := in.Zones[d.Address].Agreed(edit.Name, edit.Type)
		if !known {
			return nil
		}
		return rrsetImage(have)
	}
	return linesImage(s.Before)
}

func linesImage(v planner.Value) json.RawMessage {
	b, err := json.Marshal(v.Lines)
	if err != nil {
		return nil
	}
	return b
}

// rrsetImage keeps the name even where the set does not exist.
func rrsetImage(rr maildns.RRset) json.RawMessage {
	b, err := json.Marshal(rr.Canonical())
	if err != nil {
		return nil
	}
	return b
}

func domain(in planner.Input, a migration.Address) (migration.Domain, bool) {
	i := slices.IndexFunc(in.Desired.Domains, func(d migration.Domain) bool { return d.Address == a })
	if i < 0 {
		return migration.Domain{}, false
	}
	return in.Desired.Domains[i], true
}

// domainOf returns the migrated domain an address belongs to.
func domainOf(in planner.Input, email string) (migration.Domain, bool) {
	_, name, _ := strings.Cut(email, "@")
	i := slices.IndexFunc(in.Desired.Domains, func(d migration.Domain) bool { return maildns.Name(d.Name) == maildns.Name(name) })
	if i < 0 {
		return migration.Domain{}, false
	}
	return in.Desired.Domains[i], true
}

func mailbox(in planner.Input, a migration.Address) (migration.Mailbox, error) {
	i := slices.IndexFunc(in.Desired.Mailboxes, func(m migration.Mailbox) bool { return m.Address == a })
	if i < 0 {
		return migration.Mailbox{}, fmt.Errorf("bug: %s is not in the configuration", a)
	}
	return in.Desired.Mailboxes[i], nil
}
