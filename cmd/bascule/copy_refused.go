package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/export"
	"bascule/mailsync/folders"
)

// refused lists what the target has refused until now, and saves it when a
// directory was given.
func (x *copying) refused(ctx context.Context, l mailsync.Ledger) ([]export.Entry, error) {
	if x.f.refused == "" {
		return export.List(ctx, l)
	}
	index, err := export.Refused(ctx, export.Options{
		Dir: x.f.refused, Ledger: l, Mailbox: x.from.String(), Now: x.Clock.Now(),
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return x.openRead(ctx, x.from, x.uids()) },
	})
	return index.Messages, exportHint(err)
}

// otherFailures are those that are not told among the refused.
func otherFailures(list []mailsync.Failure, refused []export.Entry) (rest []mailsync.Failure) {
	told := map[string]bool{}
	for _, e := range refused {
		told[fmt.Sprintf("%s %d", e.Folder, e.UID)] = true
	}
	for _, f := range list {
		if !told[fmt.Sprintf("%s %d", folders.Show(f.Folder), f.UID)] {
			rest = append(rest, f)
		}
	}
	return rest
}

func refusedLines(refused []export.Entry) (lines []string) {
	for _, e := range refused {
		line := fmt.Sprintf("%s (%s, %s): %s", e.Name, e.Date.Format(time.DateOnly), bytesText(e.Size), e.Reply)
		if e.Problem != "" {
			line += "; not saved as it was: " + e.Problem
		}
		lines = append(lines, line)
	}
	return lines
}

// savedLine says what an export came to.
func savedLine(refused []export.Entry, dir string) string {
	saved := 0
	for _, e := range refused {
		if e.File != "" {
			saved++
		}
	}
	return fmt.Sprintf("Saved %d of %s in %s (index.txt lists them).", saved, count(len(refused), "refused message"), dir)
}

func refusedFields(e export.Entry) map[string]string {
	return map[string]string{"name": e.Name, "folder": e.Folder, "uidvalidity": strconv.FormatUint(uint64(e.UIDValidity), 10), "uid": strconv.FormatUint(uint64(e.UID), 10),
		"date": e.Date.Format(time.RFC3339), "octets": strconv.FormatInt(e.Size, 10), "sha256": e.SHA256, "reply": e.Reply, "file": e.File, "problem": e.Problem}
}
