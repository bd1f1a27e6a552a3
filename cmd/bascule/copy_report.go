package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"bascule/internal/clock"
	"bascule/internal/safetext"
	"bascule/internal/view"
	"bascule/mailsync"
	"bascule/mailsync/export"
	"bascule/mailsync/folders"
	"bascule/mailsync/ledger"
	"bascule/migration"
)

// maxListed bounds what is listed of one kind; the JSON stream has all.
const maxListed = 20

func (x *copying) copyReporter() view.Reporter {
	if x.f.json {
		return view.NewJSON(x.Stdout, version, x.Clock.Now())
	}
	return view.NewReporter(x.Stderr, x.errStyle())
}

// name is what a copy is called in the progress.
func (x *copying) name() migration.Address { return migration.Address(x.from.String()) }

// progress passes the engine's events on.
func (x *copying) progress(e mailsync.Event) {
	if e.Kind == "failure" || e.Kind == "reconnect" {
		x.report.Event(view.Event{At: x.Clock.Now(), Level: view.Warn, Name: "copy_" + e.Kind, Address: x.name(), Text: strings.TrimPrefix(folders.Show(e.Folder)+": "+e.Text, ": ")})
	}
	x.report.Progress(view.ProgressUpdate{At: clock.Monotonic(), Mailbox: x.name(), Folder: folders.Show(e.Folder), Done: int64(e.Done), Total: int64(e.Total), Bytes: e.Bytes})
}

// conclude says what it came to.
func (x *copying) conclude(r mailsync.Report, v *mailsync.Verification, refused []export.Entry) {
	if x.f.json {
		x.concludeJSON(r, v, refused)
		return
	}
	w := x.Stdout
	fmt.Fprintf(w, "Copied %s (%s).\n", count(r.Outcomes[mailsync.Copied], "message"), bytesText(r.Bytes))
	for _, line := range x.also(r) {
		fmt.Fprintln(w, line)
	}
	listed(w, "Not copied", failureLines(otherFailures(r.Failures, refused)))
	listed(w, "Refused by the target", refusedLines(refused))
	if x.f.refused != "" {
		fmt.Fprintln(w, savedLine(refused, x.f.refused))
	} else if len(refused) > 0 {
		fmt.Fprintln(w, "--refused DIR saves them as files; --retry-refused tries again.")
	}
	if r.Refusal != "" {
		listed(w, fmt.Sprintf("Not deleted, %s in all", count(r.Spared, "message")), failureLines(r.SparedFirst))
	}
	listed(w, "Held back", failureLines(r.Held))
	if v != nil {
		fmt.Fprintf(w, "Verified: %s as they should be, %d on the target beside.\n", count(v.Matched, "message"), v.NotOurs)
		listed(w, "Differences", differenceLines(v.Differences))
	}
}

// also are the facts that are worth a line when they are not nothing.
func (x *copying) also(r mailsync.Report) (lines []string) {
	say := func(n int, format string, args ...any) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	say(r.Outcomes[mailsync.Adopted], "%s there already.", count(r.Outcomes[mailsync.Adopted], "message"))
	say(r.Elsewhere, "Of all mail, %s in other folders as well: copied there, and not once more%s.", count(r.Elsewhere, "message"), avoided(r.Avoided))
	say(r.Referenced, "%s in several folders: sent once, and copied on the target%s.", count(r.Referenced, "message"), avoided(r.Saved))
	say(r.MovedOnTarget, "%s followed into another folder.", count(r.MovedOnTarget, "message"))
	say(r.Flagged, "Flags of %s brought over.", count(r.Flagged, "message"))
	say(r.Deleted, "%s deleted, as on the source.", count(r.Deleted, "message"))
	say(r.VanishedMeanwhile, "%s vanished from the source meanwhile.", count(r.VanishedMeanwhile, "message"))
	lines = append(append(lines, x.targetLines()...), exceptionLines(r.Exceptions)...)
	for _, w := range r.Warnings {
		say(1, "Warning: %s.", safetext.Line(w))
	}
	if r.Refusal != "" {
		say(1, "Nothing was deleted: %s.", safetext.Line(r.Refusal))
	}
	say(len(r.Foreign), "Not carried (folders of others, and links): %s.", safetext.Line(strings.Join(r.Foreign, ", ")))
	return lines
}

// avoided are octets that were not sent.
func avoided(octets int64) string {
	if octets == 0 {
		return ""
	}
	return " (" + bytesText(octets) + ")"
}

// exceptionLines name what the target does not hold as the source has it.
func exceptionLines(list []mailsync.Exception) (lines []string) {
	for _, x := range list {
		if x.Kind == mailsync.FlagAdded {
			lines = append(lines, fmt.Sprintf("The target adds %s to %s.", safetext.Line(x.What), count(x.Count, "message")))
			continue
		}
		line := fmt.Sprintf("%s (%s): %s", x.Kind, safetext.Line(x.What), count(x.Count, "message"))
		if x.Kind == mailsync.FolderRenamed {
			line = fmt.Sprintf("%s to %s", x.Kind, safetext.Line(x.What))
		}
		for i, m := range x.Examples[:min(len(x.Examples), 3)] {
			where := safetext.Line(folders.Show(m.Folder))
			if m.UID != 0 {
				where += fmt.Sprintf(" message %d", m.UID)
			}
			line += []string{", such as ", ", ", ", "}[i] + where
		}
		if x.Text != "" {
			line += ": " + safetext.Line(x.Text)
		}
		lines = append(lines, "Not as on the source: "+line+".")
	}
	return lines
}

func listed(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\n", title)
	for _, l := range lines[:min(len(lines), maxListed)] {
		fmt.Fprintf(w, "  %s\n", safetext.Line(l))
	}
	if more := len(lines) - maxListed; more > 0 {
		fmt.Fprintf(w, "  and %d more (--json lists all)\n", more)
	}
}

func failureLines(list []mailsync.Failure) (lines []string) {
	for _, f := range list {
		where := folders.Show(f.Folder)
		if f.UID != 0 {
			where += fmt.Sprintf(", message %d", f.UID)
		}
		lines = append(lines, where+": "+f.Text)
	}
	return lines
}

func differenceLines(list []mailsync.Difference) (lines []string) {
	for _, d := range list {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s, message %d: %s: %s", folders.Show(d.Folder), d.UID, d.Kind, d.Detail), ": "))
	}
	return lines
}

// concludeJSON ends the stream: every failure and difference, then the figures.
func (x *copying) concludeJSON(r mailsync.Report, v *mailsync.Verification, refused []export.Entry) {
	tell := func(level view.Level, name, text string, fields map[string]string) {
		x.report.Event(view.Event{At: x.Clock.Now(), Level: level, Name: name, Address: x.name(), Text: text, Fields: fields})
	}
	for _, l := range failureLines(otherFailures(r.Failures, refused)) {
		tell(view.Error, "copy_failure", l, nil)
	}
	for i, l := range refusedLines(refused) {
		tell(view.Error, "copy_refused", l, refusedFields(refused[i]))
	}
	for _, l := range append(x.also(r), failureLines(r.Held)...) {
		tell(view.Warn, "copy_note", l, nil)
	}
	for _, l := range failureLines(r.SparedFirst) {
		tell(view.Warn, "copy_spared", l, nil)
	}
	fields := map[string]string{"copied": strconv.Itoa(r.Outcomes[mailsync.Copied]), "adopted": strconv.Itoa(r.Outcomes[mailsync.Adopted]),
		"bytes": strconv.FormatInt(r.Bytes, 10), "failed": strconv.Itoa(len(r.Failures)), "rejected": strconv.Itoa(r.Totals[mailsync.Rejected]),
		"spared": strconv.Itoa(r.Spared), "elsewhere": strconv.Itoa(r.Elsewhere), "referenced": strconv.Itoa(r.Referenced),
		"saved": strconv.FormatInt(r.Saved, 10), "complete": strconv.FormatBool(r.Complete)}
	if v != nil {
		for _, l := range differenceLines(v.Differences) {
			tell(view.Error, "copy_difference", l, nil)
		}
		fields["matched"], fields["differences"] = strconv.Itoa(v.Matched), strconv.Itoa(len(v.Differences))
	}
	tell(view.Info, "copy_result", "copied "+count(r.Outcomes[mailsync.Copied], "message"), fields)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// bytesText shows octets in powers of ten, as the language counts them.
func bytesText(n int64) string {
	value, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// dryRun shows what a copy would be about. Both sides are opened read-only,
// and the ledger only when there is one.
func (x *copying) dryRun(ctx context.Context) error {
	scratch, err := os.MkdirTemp("", "bascule-copy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	source, err := x.listing(ctx, x.from, scratch+"/from")
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	target, err := x.listing(ctx, x.to, scratch+"/to")
	if errors.Is(err, fs.ErrNotExist) && !x.to.remote() {
		err = nil // it will be made
	}
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	known, done, err := x.recorded(ctx)
	if err != nil {
		return err
	}
	rows, err := mapped(source, target, x.rules(), known)
	if err != nil {
		return err
	}
	return x.showDryRun(rows, source, done)
}

func (x *copying) listing(ctx context.Context, p place, index string) (mailsync.Listing, error) {
	s, err := x.openRead(ctx, p, index)
	if err != nil {
		return mailsync.Listing{}, err
	}
	l, err := s.List(ctx)
	return l, errors.Join(err, s.Close())
}

// recorded reads which folders and how many of their messages earlier runs
// have dealt with.
func (x *copying) recorded(ctx context.Context) (known []folders.Known, done map[string]int, err error) {
	done = map[string]int{}
	if _, err := os.Stat(x.ledger); errors.Is(err, fs.ErrNotExist) {
		return nil, done, nil
	}
	l, err := ledger.Open(ctx, x.ledger, ledger.Options{Clock: x.Clock, Random: x.Rand})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	pairs, err := l.Pairs(ctx)
	for _, p := range pairs {
		if err != nil {
			break
		}
		known = append(known, folders.Known{Source: p.Source.Path, Target: p.Target.Path})
		err = l.Rows(ctx, p.ID, func(r mailsync.Row) error {
			if r.Outcome != mailsync.Gone {
				done[folders.Show(p.Source.Path)]++
			}
			return nil
		})
	}
	return known, done, err
}

func mapped(source, target mailsync.Listing, rules folders.Rules, known []folders.Known) ([]folders.Row, error) {
	from, _ := source.Mapped()
	to, delim := target.Mapped()
	return folders.Map(from, to, folders.Habits{Delim: delim, Prefix: folders.PrefixOf(to)}, rules, known)
}

func (x *copying) showDryRun(rows []folders.Row, source mailsync.Listing, done map[string]int) error {
	messages := map[string]int{}
	for _, f := range source.Folders {
		if f.Status != nil {
			messages[folders.Show(f.Path)] = int(f.Status.Messages)
		}
	}
	if x.f.json {
		x.dryRunJSON(rows, messages, done)
		return nil
	}
	w := tabwriter.NewWriter(x.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FOLDER\tMESSAGES\tON RECORD\tTO\tWHY")
	total, recorded := 0, 0
	for _, r := range rows {
		from, to := folders.Show(r.Source), folders.Show(r.Target)
		if r.Target == nil {
			to = "(left out)"
		} else {
			total, recorded = total+messages[from], recorded+done[from]
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", safetext.Line(from), messages[from], done[from], safetext.Line(to), safetext.Line(r.Reason))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(x.Stdout, "\n%s, %d of them on record. Nothing was written.\n", count(total, "message"), recorded)
	return err
}

func (x *copying) dryRunJSON(rows []folders.Row, messages, done map[string]int) {
	to := x.copyReporter()
	defer to.Close()
	for _, r := range rows {
		from := folders.Show(r.Source)
		to.Event(view.Event{At: x.Clock.Now(), Level: view.Info, Name: "copy_folder", Address: x.name(), Text: from + ": " + r.Reason, Fields: map[string]string{
			"from": from, "to": folders.Show(r.Target), "messages": strconv.Itoa(messages[from]), "recorded": strconv.Itoa(done[from]),
			"excluded": strconv.FormatBool(r.Target == nil)}})
	}
}
