package limits

import (
	"context"
	"errors"
	"time"

	"bascule/mailsync"
)

// Work is what is done for one mailbox.
type Work struct {
	From, To *Account
	// Unbound work keeps to pauses, connections and bandwidth, but not to the
	// daily budget and not to Ends: the pull of late mail.
	Unbound bool
	// Ends, unless zero, is when quiet hours begin.
	Ends, Resumes time.Time
	// Patience is how long a pause may be for Run to wait for its end.
	Patience time.Duration
}

// maxRounds bounds how often Run waits for a server within one call.
const maxRounds = 8

// work is a Work under way.
type work struct {
	Work
	set    *Set
	cancel context.CancelCauseFunc
}

// Run runs f with one connection to each side, taken together. When one of the
// servers asks to be left alone, the context of f ends; Run waits for a short
// pause without any connection and begins again, and returns a *PausedError
// for a long one.
func (s *Set) Run(ctx context.Context, w Work, f func(ctx context.Context, room mailsync.Room) error) error {
	for round := 1; ; round++ {
		if err := s.ready(ctx, w, round); err != nil {
			return err
		}
		err := s.once(ctx, w, f)
		var paused *PausedError
		if err == nil || ctx.Err() != nil || !errors.As(err, &paused) || paused.Why != ServerAsked {
			return err
		}
	}
}

// ready waits until neither side is paused.
func (s *Set) ready(ctx context.Context, w Work, round int) error {
	for {
		err := s.obstacle(w)
		var paused *PausedError
		if !errors.As(err, &paused) {
			return err
		}
		wait := paused.Until.Sub(s.Clock.Now())
		if paused.Why != ServerAsked || wait > w.Patience || round > maxRounds {
			return err
		}
		if err := s.Clock.WaitUntil(ctx, paused.Until); err != nil {
			return err
		}
	}
}

// obstacle is why the work cannot begin now, or nil.
func (s *Set) obstacle(w Work) error {
	s.mu.Lock()
	now := s.Clock.Now()
	err := w.From.paused(now)
	if err == nil {
		err = w.To.paused(now)
	}
	s.mu.Unlock()
	if err == nil {
		err = (&work{Work: w, set: s}).over(0)
	}
	return err
}

// once runs f until it ends or a server complains.
func (s *Set) once(ctx context.Context, w Work, f func(ctx context.Context, room mailsync.Room) error) error {
	pair, err := s.take(ctx, w.From.server, w.To.server)
	if err != nil {
		return err
	}
	defer pair.Return()
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	here := &work{Work: w, set: s, cancel: cancel}
	s.enlist(here)
	defer s.leave(here)
	err = f(working, here)
	var paused *PausedError
	switch {
	case err == nil:
		s.mu.Lock()
		w.From.eased()
		w.To.eased()
		s.mu.Unlock()
	case ctx.Err() == nil && errors.As(context.Cause(working), &paused):
		return paused
	}
	return err
}

func (s *Set) enlist(w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.From.works[w], w.To.works[w] = true, true
	now := s.Clock.Now()
	for _, a := range []*Account{w.From, w.To} {
		if err := a.paused(now); err != nil {
			w.cancel(err) // somebody heard it while we waited for a connection
		}
	}
}

func (s *Set) leave(w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(w.From.works, w)
	delete(w.To.works, w)
}

// Lane implements mailsync.Room.
func (w *work) Lane(wake chan<- struct{}) mailsync.Loan {
	if h := w.set.lend(wake, w.From.server, w.To.server); h != nil {
		return h
	}
	return nil
}

// Enough implements mailsync.Room.
func (w *work) Enough(octets int64) error {
	if err := w.over(octets); err != nil {
		return err
	}
	w.From.announce(octets)
	w.To.announce(octets)
	return nil
}

// over says what ends the work now, or nil.
func (w *work) over(octets int64) error {
	if w.Unbound {
		return nil
	}
	if !w.Ends.IsZero() && !w.set.Clock.Now().Before(w.Ends) {
		return &PausedError{Until: w.Resumes, Why: QuietHours}
	}
	if err := w.From.enough(octets); err != nil {
		return err
	}
	return w.To.enough(octets)
}

// Borrow takes one connection to the account's server that nobody needs now,
// or nil: to watch a mailbox. wake is signalled when asking again may help.
func (a *Account) Borrow(wake chan<- struct{}) mailsync.Loan {
	if h := a.server.set.lend(wake, a.server); h != nil {
		return h
	}
	return nil
}

// Paused returns a *PausedError while the account, or its server, is to be
// left alone, else nil.
func (a *Account) Paused() error {
	a.server.set.mu.Lock()
	defer a.server.set.mu.Unlock()
	return a.paused(a.server.set.Clock.Now())
}

// Take waits for one connection to the account's server, for a look that
// holds no other.
func (a *Account) Take(ctx context.Context) (release func(), err error) {
	h, err := a.server.set.take(ctx, a.server)
	if err != nil {
		return nil, err
	}
	return h.Return, nil
}
