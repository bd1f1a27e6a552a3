package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
)

// probed is one pass of the engine, watched as the files of p say.
func probed(ctx context.Context, from, to endpoint, dir string, p probes) (err error) {
	stopCPU, err := profileCPU(p.CPU)
	if err != nil {
		return err
	}
	stopHeap := profileHeap(p.Heap)
	defer func() { err = errors.Join(err, stopCPU(), stopHeap()) }()
	if p.Trace == "" {
		return engineCopy(ctx, from, to, dir, nil)
	}
	t, err := newTimeline(p.Trace)
	if err != nil {
		return err
	}
	return errors.Join(engineCopy(ctx, from, to, dir, t), t.Close())
}

// engineCopy is one pass of the engine, as a process of its own runs it.
func engineCopy(ctx context.Context, from, to endpoint, dir string, t *timeline) error {
	l, err := ledger.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		return err
	}
	defer l.Close()
	source, err := from.config()
	if err != nil {
		return err
	}
	target, err := to.config()
	if err != nil {
		return err
	}
	learnt, err := personality(dir)
	if err != nil {
		return err
	}
	report, err := mailsync.Pass(ctx, mailsync.Options{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			return imapstore.OpenSource(ctx, traced(source, t, "source"))
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			return imapstore.OpenTarget(ctx, traced(target, t, "target"))
		},
		Ledger: l, Owner: "bench", Clock: clock.Real{}, MaxDelete: 50, Personality: learnt,
	})
	if err == nil && !report.Complete {
		err = fmt.Errorf("pass is not complete: %d failures, warnings %q", len(report.Failures), report.Warnings)
	}
	return err
}

// traced gives each connection a trace of its own.
func traced(c imapstore.Config, t *timeline, side string) imapstore.Config {
	if t != nil {
		c.Trace = t.dialogue(side)
	}
	return c
}

func (e endpoint) config() (imapstore.Config, error) {
	host, text, err := net.SplitHostPort(e.addr)
	if err != nil {
		return imapstore.Config{}, err
	}
	port, err := strconv.Atoi(text)
	c := imapstore.Config{Host: host, Port: port, TLS: imapstore.None, AllowPlaintext: true, Login: e.user, Password: secret.New(password)}
	if e.cas != nil {
		c.TLS, c.AllowPlaintext, c.CAs = imapstore.Implicit, false, e.cas
	}
	return c, err
}
