package main

import (
	"context"
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/maildir"
	"bascule/mailsync/mbox"
)

// uids is where the UIDs of a source that is a directory are kept: beside the
// ledger, which speaks of them.
func (x *copying) uids() string { return x.ledger + ".uids" }

// openRead opens a place read-only.
func (x *copying) openRead(ctx context.Context, p place, index string) (mailsync.Source, error) {
	switch p.kind {
	case maildirPlace:
		return maildir.OpenSource(ctx, x.maildir(p.path, index))
	case mboxPlace:
		return mbox.OpenSource(ctx, x.mbox(p.path, index))
	}
	cfg, err := x.server(p)
	if err != nil {
		return nil, err
	}
	s, err := imapstore.OpenSource(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openWrite opens a place to write it.
func (x *copying) openWrite(ctx context.Context, p place) (mailsync.Target, error) {
	switch p.kind {
	case maildirPlace:
		return maildir.OpenTarget(ctx, x.maildir(p.path, ""))
	case mboxPlace:
		return mbox.OpenTarget(ctx, x.mbox(p.path, ""))
	}
	cfg, err := x.server(p)
	if err != nil {
		return nil, err
	}
	t, err := imapstore.OpenTarget(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openTargetToRead opens the target for a comparison. In a directory the UIDs
// are the target's own.
func (x *copying) openTargetToRead(ctx context.Context) (mailsync.Source, error) {
	if !x.to.remote() {
		return x.openWrite(ctx, x.to)
	}
	return x.openRead(ctx, x.to, "")
}

func (c *cli) maildir(path, index string) maildir.Config {
	return maildir.Config{Path: path, Index: index, Clock: c.Clock, Random: c.Rand, Host: c.Host, PID: c.PID}
}

func (c *cli) mbox(path, index string) mbox.Config {
	return mbox.Config{Path: path, Index: index, Clock: c.Clock, Random: c.Rand}
}

func (x *copying) server(p place) (imapstore.Config, error) {
	cas, err := x.authorities(x.f.caFile)
	if err != nil {
		return imapstore.Config{}, fmt.Errorf("--ca-file: %w", err)
	}
	cfg := imapstore.Config{Host: p.host, Port: p.port, TLS: imapstore.Implicit, CAs: cas, Login: p.user, Password: x.passwords[p], Dial: x.Dial}
	switch {
	case p.kind == imapPlace && x.f.plaintext:
		cfg.TLS, cfg.AllowPlaintext = imapstore.None, true
	case p.kind == imapPlace:
		cfg.TLS = imapstore.StartTLS
	}
	return cfg, nil
}
