package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/state"
)

func (t *tick) serveDomain(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	p, err := t.World.Provider(ctx, s.Action.Target)
	if err != nil {
		return outcome{}, err
	}
	creator, ok := p.(providers.DomainCreator)
	d, found := domain(in, s.Action.Domain)
	if !ok || !found {
		return outcome{}, fmt.Errorf("bug: %s cannot serve %s", s.Action.Target, s.Action.Domain)
	}
	if err := creator.CreateDomain(ctx, d.Name); err != nil {
		return outcome{}, fmt.Errorf("make %s serve %s: %w", s.Action.Target, d.Name, err)
	}
	return outcome{done: true, before: linesImage(s.Before), after: linesImage(s.After), text: d.Name + " is served by " + string(s.Action.Target)}, nil
}

// createAccount makes the account and sets its password. One that exists
// already is ours only if an earlier run of ours had begun to make it; any
// other was made by somebody meanwhile, and its password is theirs.
func (t *tick) createAccount(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	m, err := mailbox(in, s.Action.Mailbox)
	if err != nil {
		return outcome{}, err
	}
	p, err := t.World.Provider(ctx, s.Action.Target)
	if err != nil {
		return outcome{}, err
	}
	creator, ok := p.(providers.MailboxCreator)
	if !ok {
		return outcome{}, fmt.Errorf("bug: %s cannot make accounts", s.Action.Target)
	}
	password, err := t.World.Secret(ctx, Credential(m))
	if err != nil {
		return outcome{}, err
	}
	err = creator.CreateMailbox(ctx, providers.NewMailbox{Email: m.Email, Login: m.Target.Login, Password: password, Quota: m.Target.Quota})
	if errors.Is(err, providers.ErrExists) && t.resumed {
		err = resetPassword(ctx, p, m, password)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("make the account %s: %w", m.Email, err)
	}
	return outcome{
		done: true, before: linesImage(s.Before), after: linesImage(s.After), text: "account " + m.Email + " made",
		change: func(st *state.State, _ time.Time) { st.MailboxOf(m.Address).Created = true },
	}, nil
}

func resetPassword(ctx context.Context, p providers.Provider, m migration.Mailbox, password secret.Value) error {
	setter, ok := p.(providers.PasswordSetter)
	if !ok {
		return nil
	}
	return setter.SetPassword(ctx, m.Target.Login, password)
}

// Credential is the secret a target account gets: its own, or the source's.
func Credential(m migration.Mailbox) migration.Secret {
	if m.Target.Credential == "keep" || m.Target.Password.IsZero() {
		return m.Source.Password
	}
	return m.Target.Password
}

func (t *tick) setAlias(ctx context.Context, _ planner.Input, s planner.Step) (outcome, error) {
	p, err := t.World.Provider(ctx, s.Action.Target)
	if err != nil {
		return outcome{}, err
	}
	setter, ok := p.(providers.AliasSetter)
	if !ok {
		return outcome{}, fmt.Errorf("bug: %s cannot set aliases", s.Action.Target)
	}
	if err := setter.SetAlias(ctx, s.Action.Email, s.Action.To); err != nil {
		return outcome{}, fmt.Errorf("make %s deliver to %s: %w", s.Action.Email, strings.Join(s.Action.To, ", "), err)
	}
	return outcome{done: true, before: linesImage(s.Before), after: linesImage(s.After), text: s.After.Lines[0]}, nil
}

// pinIdentity logs in to both sides and records who answered.
func (t *tick) pinIdentity(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	m, err := mailbox(in, s.Action.Mailbox)
	if err != nil {
		return outcome{}, err
	}
	from, err := server(in.Desired.Sources, m.Source.Server)
	if err != nil {
		return outcome{}, err
	}
	to, err := server(in.Desired.Targets, m.Target.Server)
	if err != nil {
		return outcome{}, err
	}
	source, err := t.World.OpenSource(ctx, from, m, nil)
	if err != nil {
		return outcome{}, fmt.Errorf("source: %w", err)
	}
	defer source.Close()
	target, err := t.World.OpenTarget(ctx, to, m, nil)
	if err != nil {
		return outcome{}, fmt.Errorf("target: %w", err)
	}
	defer target.Close()
	a, b := pinOf(ctx, source), pinOf(ctx, target)
	if a.KeySHA256+a.Address != "" && a.KeySHA256 == b.KeySHA256 && m.Source.Login == m.Target.Login && sameServer(a, b) {
		return outcome{}, fmt.Errorf("source and target are the same server and account (%s and %s): nothing can be moved", from.Endpoint, to.Endpoint)
	}
	return outcome{
		done: true, clearsFailure: true, text: fmt.Sprintf("%s and %s reached and recorded", from.Endpoint, to.Endpoint),
		change: func(st *state.State, now time.Time) {
			a.At, b.At = now, now
			box := st.MailboxOf(m.Address)
			box.Source, box.Target = &a, &b
			// Both logins work: what a person was asked to make is there.
			delete(st.Object(m.Address).Evidence, "manual:create")
		},
	}, nil
}

// sameServer compares what servers without a distinguishing key show.
func sameServer(a, b state.Pin) bool {
	return a.Address == b.Address && a.InboxUIDValidity == b.InboxUIDValidity
}

func pinOf(ctx context.Context, s mailsync.Source) state.Pin {
	id := s.Identity()
	pin := state.Pin{Endpoint: id.Endpoint, Address: id.Address, KeySHA256: id.KeySHA256, ID: id.ID}
	if list, err := s.List(ctx); err == nil {
		for _, f := range list.Folders {
			if len(f.Path) == 1 && strings.EqualFold(f.Path[0], "INBOX") && f.Status != nil {
				pin.InboxUIDValidity = f.Status.UIDValidity
			}
		}
	}
	return pin
}
