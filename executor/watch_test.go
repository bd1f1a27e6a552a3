package executor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/state"
)

// still is a clock that nobody moves by waiting for it.
type still struct{ *clock.Virtual }

func (s still) WaitUntil(ctx context.Context, t time.Time) error {
	if !s.Now().Before(t) {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// told is an old side that tells of changes, unless it is mute.
type told struct {
	w    *world
	mute bool

	mu   sync.Mutex
	news map[migration.Address]chan struct{}
	open map[migration.Address]int
	most int
	// asked counts how often an INBOX was opened.
	asked int
}

type idling struct {
	mailsync.Source
	t *told
	a migration.Address
}

func (i idling) Examine(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	i.t.mu.Lock()
	i.t.asked++
	i.t.mu.Unlock()
	return i.Source.Examine(ctx, f)
}

func (i idling) Idles() bool { return true }

func (i idling) Idle(ctx context.Context, most time.Duration) (bool, error) {
	timer := time.NewTimer(min(most, 9*time.Minute))
	defer timer.Stop()
	select {
	case <-i.t.channel(i.a):
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

func (i idling) Close() error {
	i.t.mu.Lock()
	defer i.t.mu.Unlock()
	i.t.open[i.a]--
	return i.Source.Close()
}

func (t *told) channel(a migration.Address) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.news[a] == nil {
		t.news[a] = make(chan struct{}, 1)
	}
	return t.news[a]
}

// arrive delivers to the old side, which tells whoever listens.
func (t *told) arrive(a migration.Address, subject string) {
	t.w.arrive(a, subject, t.w.clock.Now())
	if !t.mute {
		t.channel(a) <- struct{}{}
	}
}

func (t *told) openSource(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
	src, err := t.w.openSource(ctx, s, m, pin)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[m.Address]++
	n := 0
	for _, k := range t.open {
		n += k
	}
	t.most = max(t.most, n)
	return idling{src, t, m.Address}, nil
}

// watched is an executor whose old side tells of changes, after a first tick.
func watched(t *testing.T, w *world, mute bool) (*told, *Executor, Result) {
	old := &told{w: w, mute: mute, news: map[migration.Address]chan struct{}{}, open: map[migration.Address]int{}}
	outside := w.outside()
	outside.OpenSource, outside.Clock = old.openSource, still{w.clock}
	e := &Executor{World: outside, Report: w, Holder: state.Holder{Who: "anna"}}
	r := e.Run(t.Context())
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return old, e, r
}

func TestMailThatArrivesBetweenTicksIsPassedAtOnceAndAlone(t *testing.T) {
	for _, when := range []string{"before the switch", "after it"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := company(t)
				if when == "after it" {
					w.toSwitched()
				}
				old, e, r := watched(t, w, false)
				watch := NewWatch(t.Context(), e.World, func(a migration.Address, text string) { t.Error(a, text) })
				defer watch.Close()
				watch.Set(WatchList(w.desired, r.State, r.Plan))
				synctest.Wait()
				before, others := w.messages(alice), *w.state().MailboxOf(bob).Pass
				old.arrive(alice, "news")
				changes, err := watch.Wait(t.Context(), w.clock.Now().Add(time.Hour))
				if err != nil || !slices.Equal(changes, []Change{{alice, 1}}) {
					t.Fatalf("%+v, %v", changes, err)
				}
				w.clock.Advance(time.Second)
				touched, stale := e.Touch(t.Context(), w.desired, r.State, changes)
				if touched.Err != nil || stale || len(touched.Failed) > 0 {
					t.Fatalf("%+v, stale %v", touched, stale)
				}
				b := w.state().MailboxOf(alice)
				if w.messages(alice) != before+1 || b.Pass.Behind != 0 || !b.Pass.Complete || !b.Silence.LastLook.Equal(w.clock.Now()) {
					t.Errorf("%d messages, then %d; %+v", before, w.messages(alice), b.Pass)
				}
				if got := *w.state().MailboxOf(bob).Pass; got != others {
					t.Errorf("the other mailbox was passed too: %+v", got)
				}
			})
		})
	}
}

func TestSomebodyElsesChangeMakesATickDue(t *testing.T) {
	w := company(t)
	_, e, r := watched(t, w, false)
	w.change(func(st *state.State) { st.Revision++ })
	if _, stale := e.Touch(t.Context(), w.desired, r.State, []Change{{alice, 1}}); !stale {
		t.Error("passed what may have been decided otherwise")
	}
}

func TestAServerWhoseIdleNeverTellsIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := company(t)
		old, e, r := watched(t, w, true)
		watch := NewWatch(t.Context(), e.World, func(migration.Address, string) {})
		defer watch.Close()
		watch.Set(WatchList(w.desired, r.State, r.Plan))
		var waits []time.Duration
		for range 5 {
			synctest.Wait()
			old.arrive(alice, "unannounced")
			began := time.Now()
			if changes, err := watch.Wait(t.Context(), w.clock.Now().Add(time.Hour)); err != nil || len(changes) != 1 {
				t.Fatal(changes, err)
			}
			waits = append(waits, time.Since(began))
		}
		if waits[0] > 10*time.Minute || waits[4] > pollEvery {
			t.Errorf("found after %v", waits)
		}
	})
}

func TestMoreMailboxesThanConnectionsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := company(t)
		w.desired.Settings.Limits.Connections = 1
		old, e, r := watched(t, w, false)
		old.most = 0
		watch := NewWatch(t.Context(), e.World, func(a migration.Address, text string) { t.Error(a, text) })
		defer watch.Close()
		watch.Set(WatchList(w.desired, r.State, r.Plan))
		for _, a := range []migration.Address{alice, bob, alice, bob} {
			synctest.Wait()
			old.arrive(a, "news")
			changes, err := watch.Wait(t.Context(), w.clock.Now().Add(time.Hour))
			if err != nil || !slices.Equal(changes, []Change{{a, 1}}) {
				t.Fatalf("%+v, %v", changes, err)
			}
			// The pass gets the connection, though it is held to watch.
			if touched, _ := e.Touch(t.Context(), w.desired, r.State, changes); touched.Err != nil {
				t.Fatal(touched.Err)
			}
		}
		watch.Close()
		if old.most != 1 {
			t.Errorf("%d connections at once", old.most)
		}
	})
}

func TestAMailboxThatCannotBeWatchedIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := company(t)
		_, e, r := watched(t, w, false)
		w.down["source "+string(alice)] = errors.New("down")
		w.opened = nil
		notes := make(chan string, 10)
		watch := NewWatch(t.Context(), e.World, func(_ migration.Address, text string) { notes <- text })
		defer watch.Close()
		watch.Set(WatchList(w.desired, r.State, r.Plan))
		<-time.After(time.Hour)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.opened); n < 5 || n > 15 || len(notes) != 1 {
			t.Errorf("%d tries in an hour, %d notes", n, len(notes))
		}
	})
}

func TestAPausedMailboxIsNotWatchedAndWaitsWithItsPass(t *testing.T) {
	w := company(t)
	_, e, r := watched(t, w, false)
	account := AccountOf(w.limits, w.desired.Settings.Limits, w.desired.Sources[0], limits.Source, "alice@example.ch")
	account.Heard(&mailsync.BusyError{Strain: mailsync.Throttled, Wait: 2 * time.Hour, Err: errors.New("NO Request is throttled.")}, true)
	touched, _ := e.Touch(t.Context(), w.desired, r.State, []Change{{alice, 3}})
	b := touched.State.MailboxOf(alice)
	if len(touched.Failed) > 0 || b.Paused == nil || b.Paused.Why != limits.ServerAsked || b.Pass.Behind != 3 {
		t.Fatalf("%+v, %+v, %+v", touched.Failed, b.Paused, b.Pass)
	}
	if list := WatchList(w.desired, touched.State, r.Plan); len(list) != 1 || list[0].Mailbox.Address != bob {
		t.Errorf("%+v", list)
	}
	// Another run, later: it knows, plans for afterwards, and asks nobody.
	w.limits = limits.New(limits.Options{Clock: w.clock, Random: func() float64 { return 0 }})
	w.clock.Advance(time.Hour)
	w.opened = nil
	r = w.run()
	if r.Status != "paused" || !r.ResumeAfter.After(w.clock.Now()) || w.state().MailboxOf(alice).Paused == nil {
		t.Errorf("%s until %s", r.Status, r.ResumeAfter)
	}
	w.clock.Advance(time.Hour)
	w.run()
	if b := w.state().MailboxOf(alice); b.Paused != nil || !b.Pass.Complete || b.Pass.Behind != 0 {
		t.Errorf("%+v, %+v", b.Paused, b.Pass)
	}
}

// A run that is killed must not forget what a server asked for.
func TestWhatAServerAsksForIsKeptWhilePassesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := company(t)
		w.run() // prepared, and passed once
		w.clock.Advance(time.Hour)
		outside := w.outside()
		account := AccountOf(w.limits, w.desired.Settings.Limits, w.desired.Sources[0], limits.Source, "alice@example.ch")
		kept := false
		outside.OpenSource = func(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
			if m.Address != alice {
				return w.openSource(ctx, s, m, pin)
			}
			account.Heard(&mailsync.BusyError{Strain: mailsync.Throttled, Wait: time.Hour, Err: errors.New("NO Request is throttled.")}, true)
			synctest.Wait()
			list := w.state().Accounts
			kept = len(list) == 1 && list[0].Login == "alice@example.ch" && list[0].PausedUntil.Equal(w.clock.Now().Add(time.Hour))
			return nil, context.Cause(ctx)
		}
		r := (&Executor{World: outside, Report: w, Holder: state.Holder{Who: "anna"}}).Run(t.Context())
		if !kept || r.Err != nil || len(r.Failed) > 0 || w.state().MailboxOf(alice).Paused == nil {
			t.Errorf("kept %v; %v, failed %v", kept, r.Err, r.Failed)
		}
	})
}

// A first copy may take hours: what the others came to is on record meanwhile.
func TestAPassThatEndedIsRecordedWhileOthersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := company(t)
		w.run() // prepared, and passed once
		w.clock.Advance(time.Hour)
		outside := w.outside()
		var meanwhile []migration.Address
		outside.OpenSource = func(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
			if m.Address != alice {
				return w.openSource(ctx, s, m, pin)
			}
			time.Sleep(2 * recordEvery) // the bubble's time
			for _, o := range w.desired.Mailboxes {
				if p := w.state().MailboxOf(o.Address).Pass; p.Complete && p.Ended.Equal(w.clock.Now()) {
					meanwhile = append(meanwhile, o.Address)
				}
			}
			return w.openSource(ctx, s, m, pin)
		}
		r := (&Executor{World: outside, Report: w, Holder: state.Holder{Who: "anna"}}).Run(t.Context())
		if r.Err != nil || len(meanwhile) != len(w.desired.Mailboxes)-1 || slices.Contains(meanwhile, alice) {
			t.Errorf("%v; recorded meanwhile: %v", r.Err, meanwhile)
		}
		if p := w.state().MailboxOf(alice).Pass; !p.Complete || !p.Ended.Equal(w.clock.Now()) {
			t.Errorf("the last one: %+v", p)
		}
	})
}
