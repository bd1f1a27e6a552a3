package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
)

const personalityFile = "personality.json"

// probeTarget learns how the target keeps messages, as is done once for each
// target before anything is copied there: all mailboxes of a stage are on one
// server, and the first of them is probed for all.
func probeTarget(ctx context.Context, jobs []job) error {
	j := jobs[0]
	cas, err := trusted(j.caFile)
	if err != nil {
		return err
	}
	source, err := endpoint{addr: j.from, user: j.fromUser, cas: cas}.config()
	if err != nil {
		return err
	}
	target, err := endpoint{addr: j.to, user: j.toUser, cas: cas}.config()
	if err != nil {
		return err
	}
	learnt, err := mailsync.Probe(ctx, mailsync.ProbeOptions{Clock: clock.Real{}, Random: rand.Reader,
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return imapstore.OpenTarget(ctx, target) }})
	if err != nil {
		return err
	}
	b, err := json.Marshal(learnt)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if err := os.WriteFile(filepath.Join(j.dir, personalityFile), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// personality is what the probe learnt.
func personality(dir string) (p mailsync.Personality, err error) {
	b, err := os.ReadFile(filepath.Join(dir, personalityFile))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		err = fmt.Errorf("read what the probe learnt: %w", err)
	}
	return p, err
}
