package main

import (
	"context"
	"crypto/rand"
	"errors"
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
	stop, err := profiled(profile)
	if err != nil {
		return err
	}
	defer stop()
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

// profiled writes a CPU profile to a file that is not there yet: of a
// campaign's first run of the engine.
func profiled(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}
