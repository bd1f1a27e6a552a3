package limits

import (
	"errors"
	"fmt"
	"time"

	"bascule/mailsync"
)

// Side says which way the mail goes.
type Side string

// A Source is read: octets that come count. A Target is written: octets that go.
const (
	Source Side = "source"
	Target Side = "target"
)

type accountKey struct {
	endpoint, login string
	side            Side
}

// Account is one login on one server, on one side.
type Account struct {
	server *Server
	key    accountKey
	pause  Pause
	// daily is the allowance of a day; 0 is unbounded.
	daily int64
	// day is that of what follows: octets of earlier runs, those that went over
	// connections of this one, and those of batches that were let through.
	day                        string
	before, metered, announced int64
	told                       int64 // as of the last signal on Kept
	works                      map[*work]bool
}

// Account returns the account of a login. daily is how many octets of mail it
// bears in a day, in the direction of its side; 0 is unbounded.
func (x *Server) Account(side Side, login string, daily int64) *Account {
	s := x.set
	s.mu.Lock()
	defer s.mu.Unlock()
	key := accountKey{x.endpoint, login, side}
	a := s.accounts[key]
	if a == nil {
		a = &Account{server: x, key: key, works: map[*work]bool{}}
		s.accounts[key] = a
	}
	if daily > 0 {
		a.daily = daily
	}
	return a
}

// Heard is told what the server complained of. Connections that are too many
// lower the cap of the server for the rest of the run; anything else, or a
// server that does not bear even one, begins or prolongs a pause: of the
// account, or of the whole server where it hangs up before anybody said a name.
func (a *Account) Heard(b *mailsync.BusyError, loggedIn bool) {
	s := a.server.set
	s.mu.Lock()
	if b.Strain == mailsync.Crowded && a.server.crowded() {
		s.mu.Unlock()
		return
	}
	now := s.Clock.Now()
	if loggedIn || !toEverybody(b) {
		a.pause = Next(a.pause, *b, now, s.Random())
		a.interrupt()
	} else {
		a.server.pause = Next(a.server.pause, *b, now, s.Random())
		for _, other := range s.accounts {
			if other.server == a.server {
				other.interrupt()
			}
		}
	}
	s.mu.Unlock()
	s.keep()
}

func toEverybody(b *mailsync.BusyError) bool {
	var said *mailsync.ServerError
	return errors.As(b.Err, &said) && said.Status == "BYE" && (b.Strain == mailsync.Throttled || b.Strain == mailsync.Unavailable)
}

func (s *Set) keep() {
	select {
	case s.Kept <- struct{}{}:
	default:
	}
}

// interrupt ends the work on the account; the set is locked.
func (a *Account) interrupt() {
	err := a.paused(a.server.set.Clock.Now())
	for w := range a.works {
		w.cancel(err)
	}
}

// paused returns what the account waits for, or nil; the set is locked.
func (a *Account) paused(now time.Time) error {
	p := longer(a.pause, a.server.pause)
	if !now.Before(p.Until) {
		return nil
	}
	return &PausedError{Login: a.key.login, Endpoint: a.key.endpoint, Until: p.Until.In(a.server.set.Zone), Why: ServerAsked, Words: p.Words}
}

// eased ends the row of tries: work went well.
func (a *Account) eased() {
	a.pause.Tries = 0
	if !a.server.set.Clock.Now().Before(a.server.pause.Until) {
		a.server.pause.Tries = 0
	}
}

// turn begins a new day when it has come.
func (a *Account) turn(now time.Time) {
	if day := a.server.set.today(now); day != a.day {
		a.day, a.before, a.metered, a.announced, a.told = day, 0, 0, 0, 0
	}
}

// spent is what the account used of the day: what was announced is on its way.
func (a *Account) spent() int64 { return a.before + max(a.metered, a.announced) }

// keepEvery is the part of an allowance that a killed run may forget.
const keepEvery = 50

// add counts octets that went over a connection.
func (a *Account) add(n int) {
	s := a.server.set
	s.mu.Lock()
	a.turn(s.Clock.Now())
	a.metered += int64(n)
	tell := a.daily > 0 && a.spent()-a.told >= a.daily/keepEvery
	if tell {
		a.told = a.spent()
	}
	s.mu.Unlock()
	if tell {
		s.keep()
	}
}

// enough lets a batch through, or says until when the account has had enough.
// A message larger than the allowance goes on a day of its own.
func (a *Account) enough(octets int64) error {
	s := a.server.set
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.Now()
	a.turn(now)
	if a.daily > 0 && a.spent()+octets > a.daily && (octets < a.daily || a.before+a.announced > 0) {
		return a.exhausted(now)
	}
	return nil
}

func (a *Account) exhausted(now time.Time) error {
	return &PausedError{
		Login: a.key.login, Endpoint: a.key.endpoint, Until: a.server.set.tomorrow(now), Why: DailyBudget,
		Words: fmt.Sprintf("%d of %d octets of the day are used", a.spent(), a.daily),
	}
}

// announce counts a batch that was let through.
func (a *Account) announce(octets int64) {
	s := a.server.set
	s.mu.Lock()
	defer s.mu.Unlock()
	a.announced += octets
}
