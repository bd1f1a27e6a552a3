package limits

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
)

func newSet() *Set {
	return New(Options{Clock: clock.NewVirtual(noon), Random: func() float64 { return 0 }})
}

// Each mailbox needs a connection to each of two servers, in either role: taken
// one after the other they would wait for each other for ever.
func TestPassesBetweenTheSameServersBothWaysAllEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet()
		a, b := s.Server("a:993", Terms{Connections: 1}), s.Server("b:993", Terms{Connections: 1})
		var wg sync.WaitGroup
		var done atomic.Int32
		for i := range 40 {
			from, to := a, b
			if i%2 == 1 {
				from, to = b, a
			}
			wg.Go(func() {
				w := Work{From: from.Account(Source, "x", 0), To: to.Account(Target, "x", 0)}
				err := s.Run(t.Context(), w, func(context.Context, mailsync.Room) error {
					time.Sleep(time.Second)
					done.Add(1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if done.Load() != 40 || a.Peak() != 1 || b.Peak() != 1 || a.used != 0 {
			t.Errorf("%d done, at most %d and %d connections, %d left", done.Load(), a.Peak(), b.Peak(), a.used)
		}
	})
}

func TestAMailboxOnOneServerThatBearsOneConnectionIsStillCopied(t *testing.T) {
	s := newSet()
	x := s.Server("a:993", Terms{Connections: 1})
	err := s.Run(t.Context(), Work{From: x.Account(Source, "x", 0), To: x.Account(Target, "y", 0)}, func(context.Context, mailsync.Room) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatAFinishedMailboxFreesIsLentToAnother(t *testing.T) {
	s := newSet()
	x, y := s.Server("a:993", Terms{Connections: 3}), s.Server("b:993", Terms{Connections: 2})
	first, err := s.take(t.Context(), x, y)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := s.take(t.Context(), x, y)
	wake := make(chan struct{}, 1)
	if s.lend(wake, x, y) != nil {
		t.Fatal("the second server bears two connections")
	}
	first.Return()
	select {
	case <-wake:
	default:
		t.Fatal("nobody was told that a connection is free")
	}
	loan := s.lend(wake, x, y)
	if loan == nil || y.used != 2 {
		t.Fatalf("not lent, %d used", y.used)
	}
	second.Return()
	loan.Return()
	loan.Return()
	if x.used != 0 || y.used != 0 {
		t.Fatalf("%d and %d left", x.used, y.used)
	}
}

func TestALoanIsRecalledForAMailboxThatHasNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet()
		x, y := s.Server("a:993", Terms{Connections: 2}), s.Server("b:993", Terms{Connections: 2})
		mine, _ := s.take(t.Context(), x, y)
		loan := s.lend(nil, x, y)
		got := make(chan *hold)
		go func() {
			h, _ := s.take(t.Context(), x, y)
			got <- h
		}()
		<-loan.Recalled()
		if s.lend(nil, x, y) != nil {
			t.Error("lent while somebody waits")
		}
		loan.Return()
		(<-got).Return()
		mine.Return()
	})
}

func TestWhoGivesUpWaitingHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet()
		x, y := s.Server("a:993", Terms{Connections: 1}), s.Server("b:993", Terms{Connections: 1})
		mine, _ := s.take(t.Context(), x)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { _, err := s.take(ctx, x, y); failed <- err }()
		synctest.Wait()
		got := make(chan *hold)
		go func() { h, _ := s.take(t.Context(), y); got <- h }()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		(<-got).Return()
		mine.Return()
	})
}

func TestARefusedConnectionLowersTheCapForTheRun(t *testing.T) {
	s := newSet()
	x, y := s.Server("a:993", Terms{Connections: 8}), s.Server("b:993", Terms{Connections: 8})
	account := x.Account(Source, "x", 0)
	crowded := &mailsync.BusyError{Strain: mailsync.Crowded, Err: errors.New("Maximum number of connections exceeded")}
	err := s.Run(t.Context(), Work{From: account, To: y.Account(Target, "x", 0)}, func(ctx context.Context, room mailsync.Room) error {
		a, b := room.Lane(nil), room.Lane(nil)
		account.Heard(crowded, false)
		b.Return()
		if room.Lane(nil) != nil {
			t.Error("asked for what was refused again")
		}
		a.Return()
		return ctx.Err()
	})
	if err != nil || x.Cap() != 2 || y.Cap() != 8 {
		t.Errorf("%v; caps %d and %d", err, x.Cap(), y.Cap())
	}
	// With nothing to give up, the account rests.
	account.Heard(crowded, false)
	if err := account.Paused(); err == nil {
		t.Error("a server that bears no connection is asked again at once")
	}
}
