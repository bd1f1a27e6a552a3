package demo

import (
	"context"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger/ledgertest"
)

// pull is the copy engine at work in this world, one ledger per mailbox.
type pull struct {
	w       *World
	clock   clock.Clock
	ledgers map[string]*ledgertest.Memory
	fences  map[string]mailsync.Fences
}

func (p *pull) config(s Side, login string) imapstore.Config {
	return imapstore.Config{
		Host: hostOf(s), Port: port(p.w.IMAP(s)), TLS: imapstore.Implicit, PinnedAddress: "127.0.0.1", CAs: p.w.ca.pool,
		Login: login, Password: secret.New(p.w.password(s, login)),
	}
}

// pass passes over every mailbox and fails on anything that is left.
func (p *pull) pass(t *testing.T, policy mailsync.Policy, final bool) {
	t.Helper()
	for _, person := range People() {
		login := address(person)
		if p.ledgers[login] == nil {
			p.ledgers[login] = ledgertest.NewMemory(login)
		}
		report, err := mailsync.Pass(t.Context(), mailsync.Options{
			OpenSource: func(ctx context.Context) (mailsync.Source, error) {
				return imapstore.OpenSource(ctx, p.config(Old, login))
			},
			OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
				return imapstore.OpenTarget(ctx, p.config(New, login))
			},
			Ledger: p.ledgers[login], Owner: "test", Clock: p.clock, Policy: policy, Final: final, Fences: p.fences[login],
		})
		if err != nil || !report.Complete || len(report.Failures) > 0 {
			t.Fatalf("%s: %v, complete %v, failures %v, %s", login, err, report.Complete, report.Failures, report.Refusal)
		}
		if policy == mailsync.Mirror {
			p.fences[login] = mailsync.Fences{At: p.clock.Now(), Ledger: report.Head, Folders: report.Fences}
		}
	}
}

func TestTheEngineKeepsThePromiseInThisWorld(t *testing.T) {
	w, now := start(t)
	p := &pull{w: w, clock: now, ledgers: map[string]*ledgertest.Memory{}, fences: map[string]mailsync.Fences{}}
	ok := func(when string) {
		t.Helper()
		if r := check(t, w); !r.OK() {
			t.Fatalf("%s: %v\n%s", when, r, strings.Join(r.Items, "\n"))
		}
	}
	provision(t, w)
	p.pass(t, mailsync.Mirror, false)
	ok("after the first pass")
	now.Advance(24 * time.Hour)
	mutate(t, w, Week)
	p.pass(t, mailsync.Mirror, false)
	ok("after the week")
	now.Advance(5 * 24 * time.Hour)
	mutate(t, w, Eve)
	p.pass(t, mailsync.Mirror, false)
	ok("after the eve")
	now.Set(w.Cutover())
	switchMX(t, w)
	now.Advance(6 * time.Hour)
	mutate(t, w, Late)
	p.pass(t, mailsync.AddOnly, false)
	ok("after the late mail")
	now.Advance(18 * time.Hour)
	mutate(t, w, Work)
	for range 2 {
		now.Advance(time.Hour)
		p.pass(t, mailsync.AddOnly, false)
		ok("after the work")
	}
	w.CloseInbound()
	p.pass(t, mailsync.AddOnly, true)
	ok("at the end")
}
