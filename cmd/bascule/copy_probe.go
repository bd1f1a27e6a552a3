package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"bascule/internal/atomicfile"
	"bascule/internal/safetext"
	"bascule/mailsync"
)

// A target that alters messages must be known before the first of them is
// written: what it made of them is recognised after an interruption only then.
// The first copy with a ledger asks, and keeps the answer beside the ledger.

func (x *copying) personalityFile() string { return x.ledger + ".target.json" }

// learnTarget fills in the personality of a server that is copied to. Nobody
// else writes to the account meanwhile.
func (x *copying) learnTarget(ctx context.Context, l mailsync.Ledger) error {
	if !x.to.remote() {
		return nil // what a directory does with messages is ours
	}
	known, err := x.knownTarget()
	if err != nil || known {
		return err
	}
	release, err := l.Lease(ctx, x.owner())
	if err != nil {
		return err
	}
	x.personality, err = mailsync.Probe(ctx, mailsync.ProbeOptions{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return x.openRead(ctx, x.from, x.uids()) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return x.openWrite(ctx, x.to) },
		Clock:      x.Clock, Random: x.Rand, Tap: x.Tap,
	})
	if err := errors.Join(err, release()); err != nil {
		return err
	}
	x.learnt = true
	if !x.personality.Known() {
		return nil // asked again by the next copy
	}
	text, err := json.MarshalIndent(x.personality, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(x.personalityFile(), append(text, '\n'), 0o600)
}

func (x *copying) knownTarget() (bool, error) {
	text, err := os.ReadFile(x.personalityFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &x.personality)
	}
	if err != nil {
		return false, hint(fmt.Errorf("read what is known of the target: %w", err), "Remove %s: the target is asked again.", x.personalityFile())
	}
	return x.personality.Known(), nil
}

// forgetTarget lets the next copy ask again when the target has become another
// version since it was asked.
func (x *copying) forgetTarget(r mailsync.Report) error {
	if x.learnt || !x.personality.Known() || !x.personality.OfAnother(r.TargetID) {
		return nil
	}
	x.outdated = true
	return os.Remove(x.personalityFile())
}

// targetLines say what was learnt by this run.
func (x *copying) targetLines() (lines []string) {
	if x.outdated {
		lines = append(lines, "The target says it is another version than the one that was tried: the next copy tries it again.")
	}
	if !x.learnt || x.personality.Class == mailsync.Exact && len(x.personality.Describe()) == 1 {
		return lines
	}
	for _, line := range x.personality.Describe() {
		lines = append(lines, "The target: "+safetext.Line(line)+".")
	}
	return lines
}
