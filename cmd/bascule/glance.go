package main

import (
	"context"

	"bascule/executor"
	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/state"
)

// glancedSource and glancedTarget are connections of a look: they count among
// those to their server.
type glancedSource struct {
	mailsync.Source
	release func()
}

type glancedTarget struct {
	mailsync.Target
	release func()
}

// Close implements mailsync.Source.
func (g glancedSource) Close() error {
	defer g.release()
	return g.Source.Close()
}

// Close implements mailsync.Source.
func (g glancedTarget) Close() error {
	defer g.release()
	return g.Target.Close()
}

// glanceSource opens the old side of a mailbox for a look, when its server
// bears another connection. A look holds one connection at a time.
func (a *app) glanceSource(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
	release, err := a.connection(ctx, s, limits.Source, m.Source.Login)
	if err != nil {
		return nil, err
	}
	source, err := a.openSource(ctx, s, m, pin)
	if err != nil {
		release()
		return nil, err
	}
	return glancedSource{source, release}, nil
}

// glanceTarget is glanceSource for the new side.
func (a *app) glanceTarget(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Target, error) {
	release, err := a.connection(ctx, s, limits.Target, m.Target.Login)
	if err != nil {
		return nil, err
	}
	target, err := a.openTarget(ctx, s, m, pin)
	if err != nil {
		release()
		return nil, err
	}
	return glancedTarget{target, release}, nil
}

// connection waits for one to a server, unless it is to be left alone.
func (a *app) connection(ctx context.Context, s migration.Server, side limits.Side, login string) (release func(), err error) {
	account := executor.AccountOf(a.limits, a.desired.Settings.Limits, s, side, login)
	if err := account.Paused(); err != nil {
		return nil, err
	}
	return account.Take(ctx)
}
