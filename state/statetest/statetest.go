package statetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/state"
)

// Opener opens one and the same place again, as another run would, with a
// clock of its own.
type Opener func(c clock.Clock) state.Store

// Run checks a backend. fresh prepares an empty place.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	tests := map[string]func(*testing.T, Opener){
		"an empty place holds no state":                          empty,
		"what is saved is loaded":                                saveLoad,
		"saving needs the lock":                                  saveNeedsLock,
		"a state that is not the stored one's child is stale":    stale,
		"another lineage is stale":                               otherLineage,
		"a held lock names its holder":                           lockedNames,
		"an unlocked state can be locked by another":             unlockFrees,
		"an expired lock is taken over, visibly":                 takeover,
		"a holder whose lock was taken over writes nothing":      fenced,
		"breaking needs the exact identifier":                    breakExact,
		"history lists earlier versions, newest first":           history,
		"restoring makes a new version of an old one":            restore,
		"of many who lock at once one wins":                      oneWinner,
		"many savers in turn lose no version":                    turns,
		"a cancelled context writes nothing":                     cancelled,
		"a failed save leaves the state of the caller as it was": failedSave,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// Start is the time the clocks of the suite begin at.
func Start() time.Time { return time.Date(2027, 3, 6, 8, 0, 0, 0, time.UTC) }

func open(o Opener) (state.Store, *clock.Virtual) {
	c := clock.NewVirtual(Start())
	return o(c), c
}

func holder(who string) state.Holder { return state.Holder{Who: who, Operation: "apply"} }

func lock(t *testing.T, s state.Store, who string) (context.Context, state.Unlock) {
	t.Helper()
	ctx, unlock, err := s.Lock(t.Context(), holder(who))
	if err != nil {
		t.Fatalf("lock for %s: %v", who, err)
	}
	t.Cleanup(func() { _ = unlock() })
	return ctx, unlock
}

func save(t *testing.T, ctx context.Context, s state.Store, v *state.State) {
	t.Helper()
	if err := s.Save(ctx, v); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func load(t *testing.T, s state.Store) *state.State {
	t.Helper()
	v, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return v
}

func mustUnlock(t *testing.T, unlock state.Unlock) {
	t.Helper()
	if err := unlock(); err != nil {
		t.Fatalf("unlock: %v", err)
	}
}

func newState() *state.State { return state.New("lineage-a", "test", Start()) }

func empty(t *testing.T, o Opener) {
	s, _ := open(o)
	if v, err := s.Load(t.Context()); !errors.Is(err, state.ErrNoState) {
		t.Errorf("Load = %v, %v; want ErrNoState", v, err)
	}
	if h, err := s.History(t.Context()); err != nil || len(h) != 0 {
		t.Errorf("History = %v, %v", h, err)
	}
	if err := s.Break(t.Context(), "x"); err == nil {
		t.Error("broke a lock that is not there")
	}
}

func saveLoad(t *testing.T, o Opener) {
	s, c := open(o)
	ctx, _ := lock(t, s, "anna")
	v := newState()
	v.AddEvent(Start(), "begun", "domain.main", "")
	c.Advance(time.Hour)
	save(t, ctx, s, v)
	if v.Serial != 1 || !v.Updated.Equal(c.Now()) {
		t.Errorf("after the first save: serial %d, updated %s", v.Serial, v.Updated)
	}
	v.Revision = 7
	save(t, ctx, s, v)
	other, _ := open(o)
	got := load(t, other)
	if got.Serial != 2 || got.Revision != 7 || got.Lineage != "lineage-a" || len(got.Events) != 1 {
		t.Errorf("loaded %+v", got)
	}
}

func saveNeedsLock(t *testing.T, o Opener) {
	s, _ := open(o)
	if err := s.Save(t.Context(), newState()); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Save without a lock = %v", err)
	}
	ctx, unlock := lock(t, s, "anna")
	mustUnlock(t, unlock)
	mustUnlock(t, unlock) // once more is no error
	if ctx.Err() == nil {
		t.Error("the context of a lock given back lives on")
	}
	if err := s.Save(t.Context(), newState()); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Save after Unlock = %v", err)
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, state.ErrNoState) {
		t.Errorf("something was written: %v", err)
	}
}

func stale(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, unlock := lock(t, s, "anna")
	save(t, ctx, s, newState())
	old := load(t, s)
	save(t, ctx, s, load(t, s))
	mustUnlock(t, unlock)
	other, _ := open(o)
	ctx, _ = lock(t, other, "bob")
	if err := other.Save(ctx, old); !errors.Is(err, state.ErrStale) {
		t.Errorf("Save over a newer serial = %v", err)
	}
	if err := other.Save(ctx, newState()); !errors.Is(err, state.ErrStale) {
		t.Errorf("Save of a new state over an old one = %v", err)
	}
	if got := load(t, s); got.Serial != 2 {
		t.Errorf("stored serial %d", got.Serial)
	}
}

func otherLineage(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, _ := lock(t, s, "anna")
	save(t, ctx, s, newState())
	foreign := state.New("lineage-b", "test", Start())
	foreign.Serial = 1
	if err := s.Save(ctx, foreign); !errors.Is(err, state.ErrStale) {
		t.Errorf("Save of another lineage = %v", err)
	}
}

func lockedNames(t *testing.T, o Opener) {
	s, _ := open(o)
	lock(t, s, "anna")
	other, _ := open(o)
	_, _, err := other.Lock(t.Context(), holder("bob"))
	var locked *state.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second Lock = %v", err)
	}
	h := locked.Holder
	if h.Who != "anna" || h.Operation != "apply" || h.ID == "" || h.Host == "" || h.PID == 0 || !h.Since.Equal(Start()) || !h.Expires.After(Start()) {
		t.Errorf("holder %+v", h)
	}
	if _, _, err := s.Lock(t.Context(), holder("anna")); !errors.As(err, &locked) {
		t.Errorf("locking twice by one store = %v", err)
	}
}

func unlockFrees(t *testing.T, o Opener) {
	s, _ := open(o)
	_, unlock := lock(t, s, "anna")
	mustUnlock(t, unlock)
	other, _ := open(o)
	ctx, _ := lock(t, other, "bob")
	if left, taken := state.TakenFrom(ctx); taken {
		t.Errorf("a free lock was taken over from %+v", left)
	}
}

func takeover(t *testing.T, o Opener) {
	s, _ := open(o)
	lock(t, s, "anna")
	other, later := open(o)
	later.Advance(time.Hour)
	ctx, _ := lock(t, other, "bob")
	if left, taken := state.TakenFrom(ctx); !taken || left.Who != "anna" {
		t.Errorf("TakenFrom = %+v, %v", left, taken)
	}
}

func fenced(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, unlock := lock(t, s, "anna")
	save(t, ctx, s, newState())
	mine := load(t, s)
	other, later := open(o)
	later.Advance(time.Hour)
	lock(t, other, "bob")
	if err := s.Save(ctx, mine); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Save after a takeover = %v", err)
	}
	if !errors.Is(context.Cause(ctx), state.ErrLostLock) {
		t.Errorf("cause of the lock's context: %v", context.Cause(ctx))
	}
	if _, err := s.Restore(t.Context(), 1); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Restore after a takeover = %v", err)
	}
	if err := unlock(); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Unlock after a takeover = %v", err)
	}
	third, _ := open(o)
	if _, _, err := third.Lock(t.Context(), holder("carol")); err == nil {
		t.Error("the old holder's Unlock removed the new holder's lock")
	}
	if got := load(t, s); got.Serial != 1 {
		t.Errorf("stored serial %d", got.Serial)
	}
}

func breakExact(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, _ := lock(t, s, "anna")
	other, _ := open(o)
	_, _, err := other.Lock(t.Context(), holder("bob"))
	var locked *state.LockedError
	if !errors.As(err, &locked) {
		t.Fatal(err)
	}
	if err := other.Break(t.Context(), locked.Holder.ID[:4]); err == nil {
		t.Error("broke with a part of the identifier")
	}
	if err := other.Break(t.Context(), locked.Holder.ID); err != nil {
		t.Fatalf("Break = %v", err)
	}
	if err := s.Save(ctx, newState()); !errors.Is(err, state.ErrLostLock) {
		t.Errorf("Save after Break = %v", err)
	}
	lock(t, other, "bob")
}

func history(t *testing.T, o Opener) {
	s, c := open(o)
	ctx, _ := lock(t, s, "anna")
	v := newState()
	for range 4 {
		v.Revision++
		c.Advance(time.Minute)
		save(t, ctx, s, v)
	}
	got, err := s.History(t.Context())
	if err != nil || len(got) != 3 {
		t.Fatalf("History = %+v, %v", got, err)
	}
	for i, want := range []uint64{3, 2, 1} {
		if got[i].Serial != want || got[i].Revision != want || !got[i].Updated.Equal(Start().Add(time.Duration(want)*time.Minute)) {
			t.Errorf("version %d: %+v", i, got[i])
		}
	}
}

func restore(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, _ := lock(t, s, "anna")
	v := newState()
	v.Revision = 5
	v.AddEvent(Start(), "first", "", "")
	save(t, ctx, s, v)
	v.Revision = 9
	v.AddEvent(Start(), "second", "", "")
	save(t, ctx, s, v)
	got, err := s.Restore(ctx, 1)
	if err != nil {
		t.Fatalf("Restore = %v", err)
	}
	if got.Serial != 3 || got.Lineage != "lineage-a" || got.Revision <= 9 || got.Events[0].Name != "first" || len(got.Events) != 2 {
		t.Errorf("restored %+v", got)
	}
	if again := load(t, s); again.Serial != 3 || again.Events[1].Name != "state.restore" {
		t.Errorf("loaded %+v", again)
	}
	if err := s.Save(ctx, v); !errors.Is(err, state.ErrStale) {
		t.Errorf("Save of what came before the restore = %v", err)
	}
	save(t, ctx, s, got)
	if _, err := s.Restore(ctx, 99); err == nil {
		t.Error("restored a version that never was")
	}
}

func oneWinner(t *testing.T, o Opener) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var wins []state.Unlock
	for range 8 {
		s, _ := open(o)
		wg.Go(func() {
			_, unlock, err := s.Lock(t.Context(), holder("one of many"))
			var locked *state.LockedError
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins = append(wins, unlock)
			} else if !errors.As(err, &locked) {
				t.Errorf("Lock = %v", err)
			}
		})
	}
	wg.Wait()
	if len(wins) != 1 {
		t.Fatalf("%d of 8 have the lock", len(wins))
	}
	mustUnlock(t, wins[0])
}

func turns(t *testing.T, o Opener) {
	const each = 5
	var wg sync.WaitGroup
	for range 4 {
		s, _ := open(o)
		wg.Go(func() {
			for done := 0; done < each && !t.Failed(); {
				if tryTurn(t, s) {
					done++
				}
			}
		})
	}
	wg.Wait()
	s, _ := open(o)
	if got := load(t, s); got.Serial != 4*each || len(got.Events) != 4*each {
		t.Errorf("serial %d, %d events; want %d", got.Serial, len(got.Events), 4*each)
	}
}

func tryTurn(t *testing.T, s state.Store) bool {
	ctx, unlock, err := s.Lock(t.Context(), holder("in turn"))
	if err != nil {
		var locked *state.LockedError
		if !errors.As(err, &locked) {
			t.Errorf("Lock = %v", err)
		}
		return false
	}
	defer func() { _ = unlock() }()
	v, err := s.Load(ctx)
	if errors.Is(err, state.ErrNoState) {
		v, err = newState(), nil
	}
	if err == nil {
		v.AddEvent(Start(), "turn", "", "")
		err = s.Save(ctx, v)
	}
	if err != nil {
		t.Errorf("turn: %v", err)
	}
	return err == nil
}

func cancelled(t *testing.T, o Opener) {
	s, _ := open(o)
	lock(t, s, "anna")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Save(ctx, newState()); !errors.Is(err, context.Canceled) {
		t.Errorf("Save = %v", err)
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, state.ErrNoState) {
		t.Errorf("something was written: %v", err)
	}
	other, _ := open(o)
	if _, _, err := other.Lock(ctx, holder("bob")); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock = %v", err)
	}
}

func failedSave(t *testing.T, o Opener) {
	s, _ := open(o)
	ctx, _ := lock(t, s, "anna")
	save(t, ctx, s, newState())
	v := newState()
	v.Serial = 7
	if err := s.Save(ctx, v); err == nil {
		t.Fatal("saved")
	}
	if v.Serial != 7 || !v.Updated.Equal(Start()) {
		t.Errorf("the failed save changed it: serial %d, updated %s", v.Serial, v.Updated)
	}
}
