package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bascule/executor"
	"bascule/internal/secret"
	"bascule/internal/view"
	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/mailsync/ledger"
)

type copyFlags struct {
	from, to                   string
	fromPassword, toPassword   string
	include, exclude           []string
	ledger, caFile             string
	dryRun, verify, json       bool
	plaintext, addOnly, mirror bool
	retry                      bool
	onSimilar, refused         string
}

func (c *cli) cmdCopy() *cobra.Command {
	var f copyFlags
	own := map[int]string{exitOK: "everything is on the target", exitChanges: "--verify found a difference", exitLocked: "another copy of this mailbox is running",
		exitPartial:  "a message was refused or a folder failed; the rest was copied",
		exitEvidence: "--mirror would delete too much, and deleted nothing"}
	cmd := &cobra.Command{
		Use: "copy --from MAILBOX --to MAILBOX", Short: "Copy one mailbox, without any configuration", Args: cobra.NoArgs,
		Long: `copy makes one mailbox hold what another holds: every octet, folder, date and
flag. The source is opened read-only. What is on the target already is found by
its content and not doubled; what others put there is never touched. The same
command again goes on where it was, and brings only what is new.

A mailbox is imaps://user@host[:port], imap://user@host[:port] (STARTTLS is
required), maildir:PATH or mbox:PATH. Passwords are typed when asked, or come
from --from-password and --to-password: env:NAME, file:PATH or exec:COMMAND.
A directory as --to is a backup that can be copied back.

--folder and --exclude may be repeated; * is anything but /, ** anything.
What was done is kept below $XDG_STATE_HOME/bascule/copy, by both addresses.
The first copy to a server tries, in a folder that it removes again, how the
server keeps messages: what it alters is then recognised, and named.
--on-similar decides about messages the target holds with other line ends.

Messages that vanish from the source stay on the target. With --mirror those
that copy itself wrote are deleted there, as long as nobody changed them, and
never more than 10 % of the mailbox at once.

What the target refuses is named, and the rest goes on. --refused saves those
messages as .eml files, with an index; --retry-refused tries them again. The
first Ctrl-C finishes the message in hand and ends within five seconds; the
second ends at once. Both are safe: the same command goes on from there.

` + exitCodes(own, exitOK, exitFailure, exitChanges, exitEvidence, exitLocked, exitPartial, exitInterrupted),
		Example: `  bascule copy --from imaps://al@a.example --to imaps://al@b.example --dry-run
  bascule copy --from imaps://al@a.example --to imaps://al@b.example --verify
  bascule copy --from imaps://al@old.example --to maildir:backup
  bascule copy --from maildir:backup --to imaps://al@new.example --folder INBOX`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.copy(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "the `MAILBOX` to read")
	fl.StringVar(&f.to, "to", "", "the `MAILBOX` to write")
	fl.StringVar(&f.fromPassword, "from-password", "", "password of --from, as `WHERE`: env:NAME, file:…")
	fl.StringVar(&f.toPassword, "to-password", "", "password of --to, as `WHERE`: env:NAME, file:…")
	fl.StringArrayVar(&f.include, "folder", nil, "only folders that fit `PATTERN`, and below")
	fl.StringArrayVar(&f.exclude, "exclude", nil, "no folders that fit `PATTERN`, or below")
	fl.BoolVar(&f.dryRun, "dry-run", false, "show which folder goes where; write nothing")
	fl.BoolVar(&f.verify, "verify", false, "read every octet of the target again, compare")
	fl.BoolVar(&f.mirror, "mirror", false, "delete what vanished and copy wrote")
	fl.BoolVar(&f.addOnly, "add-only", false, "only add: for a target that is in use")
	fl.BoolVar(&f.retry, "retry-refused", false, "try again what was refused before")
	fl.StringVar(&f.refused, "refused", "", "save what the target refuses in `DIR`")
	fl.StringVar(&f.onSimilar, "on-similar", "ask", "`WHAT`: ask, adopt or keep-both")
	fl.StringVar(&f.ledger, "ledger", "", "keep what was done in `FILE`")
	fl.StringVar(&f.caFile, "ca-file", "", "trust the certificates in `FILE` too")
	fl.BoolVar(&f.plaintext, "allow-plaintext", false, "imap:// without TLS: all is sent in clear")
	fl.BoolVar(&f.json, "json", false, "tell what happens as a stream of JSON lines")
	cmd.MarkFlagsMutuallyExclusive("mirror", "add-only")
	return cmd
}

// copying is one copy, wired.
type copying struct {
	*cli
	f         copyFlags
	from, to  place
	ledger    string
	passwords map[place]secret.Value
	onSimilar mailsync.Similar
	report    view.Reporter
	// personality is the target's; learnt, when this run asked for it.
	personality mailsync.Personality
	learnt      bool
	// outdated: it was another version's.
	outdated bool
	// stop is closed at the first Ctrl-C.
	stop <-chan struct{}
}

func (c *cli) copy(ctx context.Context, f copyFlags) error {
	x, err := c.prepareCopy(f)
	if err != nil {
		return err
	}
	ctx, stop, end := c.interruptible(ctx, 0)
	defer end()
	x.stop = stop
	work, cancel := until(ctx, stop)
	defer cancel()
	if err = x.askPasswords(work); err == nil {
		if f.dryRun {
			err = x.dryRun(work)
		} else {
			err = x.run(ctx, work)
		}
	}
	return x.ended(work, err)
}

func (c *cli) prepareCopy(f copyFlags) (*copying, error) {
	x := &copying{cli: c, f: f, passwords: map[place]secret.Value{}}
	var err error
	if x.from, err = parsePlace("--from", f.from, c.absolute); err != nil {
		return nil, err
	}
	if x.to, err = parsePlace("--to", f.to, c.absolute); err != nil {
		return nil, err
	}
	if x.from.same(x.to) {
		return nil, hint(errors.New("--from and --to are the same mailbox"), "Nothing was done. Correct one of them.")
	}
	similar := map[string]mailsync.Similar{"ask": mailsync.AskSimilar, "adopt": mailsync.AdoptSimilar, "keep-both": mailsync.KeepBoth}
	var known bool
	if x.onSimilar, known = similar[f.onSimilar]; !known {
		return nil, fmt.Errorf("--on-similar is ask, adopt or keep-both, not %q", f.onSimilar)
	}
	if f.refused != "" {
		if x.f.refused, err = c.absolute(f.refused); err != nil {
			return nil, err
		}
	}
	if f.ledger == "" {
		x.ledger, err = c.copyLedger(x.from, x.to)
	} else {
		x.ledger, err = c.absolute(f.ledger)
	}
	return x, err
}

// ended words how a copy ended, and gives it its exit code.
func (x *copying) ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), executor.ErrInterrupted), errors.Is(err, mailsync.ErrStopped):
		x.note("Interrupted; nothing is lost or doubled. The same command goes on where this one stopped.")
		return exit(exitInterrupted)
	case errors.Is(err, mailsync.ErrLeased):
		return &exitError{exitLocked, hint(err, "Wait until it is done. Two copies of one mailbox at once would hinder each other.")}
	case errors.Is(err, mailsync.ErrAuth):
		return hint(err, "Check the user in the address, and the password; many services want one made for this purpose.")
	}
	return err
}

// askPasswords fetches what the servers want, before anything is contacted.
func (x *copying) askPasswords(ctx context.Context) error {
	resolver := x.resolverOf(nil)
	for _, side := range []struct {
		p             place
		flag, locator string
	}{{x.from, "--from-password", x.f.fromPassword}, {x.to, "--to-password", x.f.toPassword}} {
		if !side.p.remote() {
			continue
		}
		value, err := x.password(ctx, resolver, side.p, side.flag, side.locator)
		if err != nil {
			return err
		}
		x.passwords[side.p] = value
	}
	return nil
}

func (x *copying) password(ctx context.Context, resolver *secret.Resolver, p place, flag, locator string) (secret.Value, error) {
	if locator != "" {
		value, err := resolver.Resolve(ctx, locator)
		if errors.Is(err, secret.ErrUnsupported) {
			// What was given may be the password itself: it is not repeated.
			err = hint(fmt.Errorf("%s does not say where the password is", flag), "Write env:NAME, file:PATH or exec:COMMAND, or leave it out to be asked.")
		}
		return value, err
	}
	if !x.Interactive {
		return secret.Value{}, hint(fmt.Errorf("no password for %s, and nobody to ask", p), "Give %s as env:NAME, file:PATH or exec:COMMAND.", flag)
	}
	typed, err := x.ReadPassword(ctx, fmt.Sprintf("Password for %s: ", p))
	if err != nil {
		return secret.Value{}, fmt.Errorf("read password: %w", err)
	}
	if typed == "" {
		return secret.Value{}, errors.New("no password was typed; nothing was done")
	}
	return secret.New(typed), nil
}

// rules are the folders a copy is about.
func (x *copying) rules() folders.Rules {
	return folders.Rules{Include: x.f.include, Exclude: x.f.exclude}
}

// run copies, then compares and saves what was refused, if asked. The copy is
// told to stop, and finishes the message in hand; the rest may end anywhere.
func (x *copying) run(ctx, work context.Context) error {
	if err := os.MkdirAll(filepath.Dir(x.ledger), 0o700); err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	l, err := ledger.Open(ctx, x.ledger, ledger.Options{Clock: x.Clock, Random: x.Rand, Account: x.account()})
	if err != nil {
		return err
	}
	defer l.Close()
	x.report = x.copyReporter()
	defer x.report.Close()
	x.progress(mailsync.Event{Kind: "look"})
	if err := x.learnTarget(work, l); err != nil {
		return err
	}
	report, err := mailsync.Pass(ctx, x.options(l))
	if err != nil {
		return err
	}
	if err := x.forgetTarget(report); err != nil {
		return err
	}
	verified, err := x.compare(work, l)
	if err != nil {
		return err
	}
	refused, err := x.refused(work, l)
	if err != nil {
		return err
	}
	x.report.Close()
	x.conclude(report, verified, refused)
	switch {
	case report.Refusal != "":
		return exit(exitEvidence)
	case !report.Complete || report.Totals[mailsync.Rejected] > 0:
		return exit(exitPartial)
	case verified != nil && len(verified.Differences) > 0:
		return exit(exitChanges)
	}
	return nil
}

// account is what copies to the same target must not share; see accountFile.
func (x *copying) account() string {
	if x.to.remote() {
		return x.accountFile(x.to.host, x.to.port, x.to.user)
	}
	return x.accountFile("", 0, x.to.path)
}

func (x *copying) owner() string { return fmt.Sprintf("%s@%s pid %d", x.Who, x.Host, x.PID) }

func (x *copying) options(l mailsync.Ledger) mailsync.Options {
	o := mailsync.Options{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return x.openRead(ctx, x.from, x.uids()) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return x.openWrite(ctx, x.to) },
		Ledger:     l, Owner: x.owner(), Clock: x.Clock, Personality: x.personality,
		Policy: mailsync.Mirror, KeepVanished: !x.f.mirror, OnSimilar: x.onSimilar, RetryRejected: x.f.retry, Rules: x.rules(), Stop: x.stop, StopGrace: x.stopGrace(),
		Progress: x.progress, Tap: x.Tap,
	}
	if x.f.addOnly {
		o.Policy, o.Final = mailsync.AddOnly, true
	}
	return o
}

func (x *copying) compare(ctx context.Context, l mailsync.Ledger) (*mailsync.Verification, error) {
	if !x.f.verify {
		return nil, nil
	}
	v, err := mailsync.Verify(ctx, mailsync.VerifyOptions{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return x.openRead(ctx, x.from, x.uids()) },
		OpenTarget: x.openTargetToRead, Ledger: l, Depth: mailsync.Full, Personality: x.personality, Now: x.Clock.Now(),
	})
	return &v, err
}
