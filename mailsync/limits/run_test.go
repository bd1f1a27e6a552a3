package limits

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
)

// pair is a work between two servers.
func pair(s *Set) Work {
	terms := Terms{Connections: 4}
	return Work{From: s.Server("old:993", terms).Account(Source, "alice", 0), To: s.Server("new:993", terms).Account(Target, "alice", 0), Patience: 5 * time.Minute}
}

func throttled(wait time.Duration) *mailsync.BusyError {
	return &mailsync.BusyError{Strain: mailsync.Throttled, Wait: wait, Err: errors.New("NO Request is throttled.")}
}

func TestAShortPauseIsWaitedForWithoutAnyConnection(t *testing.T) {
	s := newSet()
	w := pair(s)
	rounds := 0
	err := s.Run(t.Context(), w, func(ctx context.Context, _ mailsync.Room) error {
		if rounds++; rounds > 1 {
			return nil
		}
		w.From.Heard(throttled(92415*time.Millisecond), true)
		<-ctx.Done() // every connection of the pass ends with this
		return context.Cause(ctx)
	})
	if err != nil || rounds != 2 || s.Clock.Now() != noon.Add(92415*time.Millisecond) {
		t.Errorf("%v after %d rounds at %s", err, rounds, s.Clock.Now())
	}
}

func TestALongPauseEndsTheWorkAndSaysUntilWhen(t *testing.T) {
	s := newSet()
	w := pair(s)
	err := s.Run(t.Context(), w, func(ctx context.Context, _ mailsync.Room) error {
		w.From.Heard(throttled(2*time.Hour), true)
		return fmt.Errorf("connection lost: %w", context.Cause(ctx))
	})
	var paused *PausedError
	if !errors.As(err, &paused) || !strings.Contains(err.Error(), "alice on old:993: paused until 2027-03-08 14:00 UTC (server asked): NO Request is throttled.") {
		t.Fatal(err)
	}
	// Nobody asks before that time, and others of the server are not concerned.
	called := false
	f := func(context.Context, mailsync.Room) error { called = true; return nil }
	if err := s.Run(t.Context(), w, f); !errors.As(err, &paused) || called {
		t.Errorf("%v, called %v", err, called)
	}
	bob := pair(s)
	bob.From, bob.To = bob.From.server.Account(Source, "bob", 0), bob.To.server.Account(Target, "bob", 0)
	if err := s.Run(t.Context(), bob, f); err != nil || !called {
		t.Errorf("%v, called %v", err, called)
	}
}

func TestAServerThatHangsUpBeforeTheLoginIsLeftAloneByAll(t *testing.T) {
	s := newSet()
	w := pair(s)
	bob := w.From.server.Account(Source, "bob", 0)
	bye := throttled(time.Hour)
	bye.Err = &mailsync.ServerError{Command: "login", Status: "BYE", Text: "throttled"}
	w.From.Heard(bye, false)
	if w.From.Paused() == nil || bob.Paused() == nil || w.To.Paused() != nil {
		t.Errorf("%v, %v, %v", w.From.Paused(), bob.Paused(), w.To.Paused())
	}
}

func TestAServerThatOnlyEverThrottlesEndsTheWork(t *testing.T) {
	s := newSet()
	w := pair(s)
	rounds := 0
	err := s.Run(t.Context(), w, func(ctx context.Context, _ mailsync.Room) error {
		rounds++
		w.To.Heard(throttled(time.Second), true)
		return context.Cause(ctx)
	})
	var paused *PausedError
	if !errors.As(err, &paused) || rounds != maxRounds {
		t.Errorf("%v after %d rounds", err, rounds)
	}
}

func TestPausesOutliveARun(t *testing.T) {
	s := newSet()
	w := pair(s)
	w.From.Heard(throttled(time.Hour), true)
	next := newSet()
	next.Import(s.Export())
	if err := pair(next).From.Paused(); err == nil || len(s.Kept) != 1 {
		t.Errorf("%v, told %d times", err, len(s.Kept))
	}
	if diff := cmp.Diff(s.Export(), next.Export()); diff != "" {
		t.Error(diff)
	}
	// When it is over it counts as a try for a day, and then no more.
	next.Clock.(*clock.Virtual).Advance(2 * time.Hour)
	if list := next.Export(); len(list) != 1 || pair(next).From.Paused() != nil {
		t.Errorf("%+v", list)
	}
	next.Clock.(*clock.Virtual).Advance(24 * time.Hour)
	if list := next.Export(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestTheDayOfAnAccountIsSpentOnce(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	day := func() (*Set, Work) {
		s := New(Options{Clock: clock.NewVirtual(noon), Random: func() float64 { return 0 }, Zone: zone})
		w := pair(s)
		w.From = w.From.server.Account(Source, "alice", 1000)
		return s, w
	}
	s, w := day()
	copied := 0
	work := func(ctx context.Context, room mailsync.Room) error {
		for range 3 {
			if err := room.Enough(300); err != nil {
				return err
			}
			copied += 300
		}
		return nil
	}
	if err := s.Run(t.Context(), w, work); err != nil {
		t.Fatal(err)
	}
	w.From.add(950) // commands and what surrounds the messages count too
	again, w2 := day()
	again.Import(s.Export())
	again.Import(s.Export()) // a second look at the state is no second spending
	if got := again.Export(); len(got) != 1 || got[0].Octets != 950 || got[0].Day != "2027-03-08" {
		t.Fatalf("%+v", got)
	}
	var paused *PausedError
	if err := again.Run(t.Context(), w2, work); !errors.As(err, &paused) || paused.Why != DailyBudget || copied != 900 ||
		!paused.Until.Equal(time.Date(2027, 3, 9, 0, 0, 0, 0, zone)) {
		t.Errorf("%v, %d copied", err, copied)
	}
	w2.Unbound = true
	if err := again.Run(t.Context(), w2, work); err != nil {
		t.Errorf("late mail waits for the budget: %v", err)
	}
	w2.Unbound = false
	again.Clock.(*clock.Virtual).Set(paused.Until)
	if err := again.Run(t.Context(), w2, work); err != nil {
		t.Errorf("a new day: %v", err)
	}
}

func TestAMessageLargerThanTheAllowanceGoesOnADayOfItsOwn(t *testing.T) {
	s := newSet()
	a := s.Server("old:993", Terms{}).Account(Source, "alice", 1000)
	if err := a.enough(5000); err != nil {
		t.Error(err)
	}
	a.announce(5000)
	if a.enough(1) == nil {
		t.Error("more on the same day")
	}
}

func TestQuietHoursEndAFirstCopyAndNotThePull(t *testing.T) {
	s := newSet()
	w := pair(s)
	w.Ends, w.Resumes = noon.Add(time.Hour), noon.Add(10*time.Hour)
	f := func(_ context.Context, room mailsync.Room) error {
		s.Clock.(*clock.Virtual).Set(w.Ends)
		return room.Enough(1)
	}
	var paused *PausedError
	if err := s.Run(t.Context(), w, f); !errors.As(err, &paused) || paused.Why != QuietHours || paused.Until != w.Resumes {
		t.Error(err)
	}
	w.Unbound = true
	if err := s.Run(t.Context(), w, f); err != nil {
		t.Error(err)
	}
}
