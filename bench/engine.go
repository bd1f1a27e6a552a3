package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
)

// engineCopy is one pass of the engine, as a process of its own runs it.
func engineCopy(ctx context.Context, from, fromUser, to, toUser, dir, profile string) (err error) {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	l, err := ledger.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		return err
	}
	defer l.Close()
	source, err := mailbox(from, fromUser)
	if err != nil {
		return err
	}
	target, err := mailbox(to, toUser)
	if err != nil {
		return err
	}
	report, err := mailsync.Pass(ctx, mailsync.Options{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return imapstore.OpenTarget(ctx, target) },
		Ledger:     l, Owner: "bench", Clock: clock.Real{}, MaxDelete: 50,
	})
	if err == nil && !report.Complete {
		err = fmt.Errorf("pass is not complete: %d failures, warnings %q", len(report.Failures), report.Warnings)
	}
	return err
}

func mailbox(addr, user string) (imapstore.Config, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return imapstore.Config{}, err
	}
	port, err := strconv.Atoi(text)
	return imapstore.Config{Host: host, Port: port, TLS: imapstore.None, AllowPlaintext: true, Login: user, Password: secret.New(password)}, err
}
