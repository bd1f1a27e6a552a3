package executor

import (
	"context"
	"errors"
	"slices"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// pausePatience is how long a server may ask for before the mailbox is left to
// a later tick.
const pausePatience = 5 * time.Minute

// usualConnections is what one account bears where nothing else is known:
// Dovecot's own limit.
const usualConnections = 10

// AccountOf is the shared account of one side of a mailbox. A directory has no
// limits.
func AccountOf(set *limits.Set, l migration.Limits, s migration.Server, side limits.Side, login string) *limits.Account {
	if s.Endpoint.Host == "" {
		return set.Server(string(s.Address), limits.Terms{}).Account(side, login, 0)
	}
	terms := limits.Terms{Connections: lower(int64(l.Connections), int64(s.Connections)), Bandwidth: int64(lower(l.Bandwidth, s.Bandwidth))}
	return set.Server(s.Endpoint.String(), terms).Account(side, login, s.Daily)
}

// lower is the lower of two limits, of which 0 is none.
func lower(a, b int64) int {
	if a == 0 || b > 0 && b < a {
		return int(b)
	}
	return int(a)
}

// work is what a job takes of what all share.
func (t *tick) work(j job) limits.Work {
	w := limits.Work{
		From:    AccountOf(t.World.Limits, j.limits, j.from, limits.Source, j.mailbox.Source.Login),
		To:      AccountOf(t.World.Limits, j.limits, j.to, limits.Target, j.mailbox.Target.Login),
		Unbound: j.unbound, Patience: pausePatience,
	}
	w.Ends, w.Resumes = j.quietFrom, j.quietUntil
	return w
}

// lanes is how many connections one mailbox may have to each side.
func (j job) lanes() int {
	n := max(j.limits.Connections, 1)
	for _, s := range []migration.Server{j.from, j.to} {
		account := s.AccountConnections
		if account == 0 {
			account = usualConnections
		}
		n = min(n, account)
	}
	return n
}

// bound says what holds for a pass over a mailbox before the switch.
func (j *job) bound(in planner.Input, b *state.Mailbox) {
	j.limits = in.Desired.Settings.Limits
	j.unbound = in.State.Switched() || j.step.Action.Kind != planner.SyncMailbox
	j.quietFrom, j.quietUntil = planner.QuietFrom(in.Desired.Settings, b, j.unbound, in.Now)
}

// paused records that a job was ended to go on later. Nothing failed, and
// nothing that was carried over is done again.
func (t *tick) paused(ctx context.Context, j job, out outcome, p *limits.PausedError) error {
	t.event("paused", j.step, p.Error())
	return t.session.change(ctx, func(st *state.State) {
		now := t.World.Clock.Now()
		b := st.MailboxOf(j.mailbox.Address)
		b.Paused = &state.Pause{Since: now, Until: p.Until, Why: p.Why, Words: p.Words}
		if j.step.Action.Kind == planner.SyncMailbox {
			failedPass(b, now)
		}
		if out.change != nil {
			out.change(st, now)
		}
	})
}

// recordPart writes what a pass did that was ended early.
func recordPart(b *state.Mailbox, r mailsync.Report) {
	b.Totals.Bytes += r.Bytes
	if r.Due > 0 {
		b.Pass.Left = r.Due - r.Bytes
	}
}

// importLimits tells the run what earlier ones were told by servers.
func (t *tick) importLimits(st *state.State) {
	var list []limits.Record
	for _, a := range st.Accounts {
		list = append(list, limits.Record{
			Endpoint: a.Endpoint, Login: a.Login, Side: limits.Side(a.Side), Day: a.Day, Octets: a.Octets,
			Pause: limits.Pause{Since: a.PausedSince, Until: a.PausedUntil, Words: a.Words, Tries: a.Tries},
		})
	}
	t.World.Limits.Import(list)
}

func (t *tick) exportLimits() []state.Account {
	var list []state.Account
	for _, r := range t.World.Limits.Export() {
		list = append(list, state.Account{
			Endpoint: r.Endpoint, Login: r.Login, Side: string(r.Side), Day: r.Day, Octets: r.Octets,
			PausedSince: r.Pause.Since, PausedUntil: r.Pause.Until, Words: r.Pause.Words, Tries: r.Pause.Tries,
		})
	}
	return list
}

// keepLimits writes them into the state, if they changed.
func (t *tick) keepLimits(ctx context.Context, s *session) error {
	now := t.exportLimits()
	if slices.EqualFunc(now, s.st.Accounts, sameAccount) {
		return nil
	}
	return s.change(ctx, func(st *state.State) { st.Accounts = now })
}

func sameAccount(a, b state.Account) bool {
	times := a.PausedSince.Equal(b.PausedSince) && a.PausedUntil.Equal(b.PausedUntil)
	a.PausedSince, a.PausedUntil, b.PausedSince, b.PausedUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return times && a == b
}

// keepMeanwhile records what jobs came to while others still run, and the
// limits each time they say that it is worth it: a run that is killed must not
// forget what a server asked for. When somebody else holds the lock, the next
// time will do. It returns what is left to record when all jobs have ended.
func (t *tick) keepMeanwhile(ctx context.Context, results <-chan ended) (left []ended) {
	often := time.NewTicker(recordEvery)
	defer often.Stop()
	for {
		select {
		case r, more := <-results:
			if !more {
				return left
			}
			left = append(left, r)
			continue
		case <-often.C:
			if len(left) == 0 {
				continue
			}
		case <-t.World.Limits.Kept:
		}
		left = t.keep(ctx, left)
	}
}

// recordEvery is how long what a job came to waits at most for being recorded.
const recordEvery = 5 * time.Second

// keep records what it can, and returns the rest.
func (t *tick) keep(ctx context.Context, left []ended) []ended {
	patience := t.session.wait
	defer func() { t.session.wait = patience }()
	t.session.wait = 0
	locked, err := t.session.acquire(ctx)
	if err != nil {
		return left
	}
	defer func() { _ = t.session.release() }() // the end of the passes takes it again
	if t.keepLimits(locked, &t.session) != nil {
		return left
	}
	for len(left) > 0 && ctx.Err() == nil && t.stopped() == nil && t.settle(locked, left[0], false) == nil {
		left = left[1:]
	}
	return left
}

// pauseOf returns the pause an error stands for, or nil.
func pauseOf(err error) *limits.PausedError {
	var p *limits.PausedError
	errors.As(err, &p)
	return p
}
