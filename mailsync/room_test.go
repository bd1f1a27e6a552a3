package mailsync_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// crowd is some mailboxes of many folders, and options to pass them.
func crowd(t *testing.T, boxes, folders, messages int) []mailsync.Options {
	t.Helper()
	var out []mailsync.Options
	for b := range boxes {
		source, target := storetest.New(storetest.Personality{}), storetest.New(storetest.Personality{})
		for f := range folders {
			name := fmt.Sprintf("F%02d", f)
			for m := range messages {
				source.Put(name, fmt.Sprintf("Subject: %d %d %d\r\n\r\n%0500d\r\n", b, f, m, m), longAgo)
			}
		}
		out = append(out, mailsync.Options{
			OpenSource: source.OpenSource, OpenTarget: target.OpenTarget, Ledger: ledgertest.NewMemory(fmt.Sprint(b)), Owner: "test",
			Clock: clock.NewVirtual(longAgo), BatchMessages: 5,
		})
	}
	return out
}

func TestTheOctetsUnderWayAreBoundedOverAllPasses(t *testing.T) {
	budget := mailsync.NewBudget(8000) // two batches
	var wg sync.WaitGroup
	for _, o := range crowd(t, 4, 6, 30) {
		o.Budget = budget
		wg.Go(func() {
			r, err := mailsync.Pass(context.Background(), o)
			if err != nil || !r.Complete || r.Outcomes[mailsync.Copied] != 180 {
				t.Errorf("%v, %+v", err, r.Outcomes)
			}
		})
	}
	wg.Wait()
	if peak := budget.Peak(); peak > 8000 || peak < 5000 {
		t.Errorf("at most %d octets were under way", peak)
	}
}

// room lends lanes as a test wants.
type room struct {
	mu    sync.Mutex
	free  int
	lent  int
	most  int
	wakes []chan<- struct{}
	// after is how many batches are let through before it is enough; 0 is all.
	after, batches int
}

var errEnough = errors.New("enough for today")

func (r *room) Lane(wake chan<- struct{}) mailsync.Loan {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free == 0 {
		r.wakes = append(r.wakes, wake)
		return nil
	}
	r.free--
	r.lent++
	r.most = max(r.most, r.lent)
	return lane{r}
}

func (r *room) Enough(int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches++; r.after > 0 && r.batches > r.after {
		return errEnough
	}
	return nil
}

// open makes more room, as a mailbox that ended does.
func (r *room) open(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	for _, w := range r.wakes {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

type lane struct{ r *room }

func (l lane) Recalled() <-chan struct{} { return nil }
func (l lane) Return()                   { l.r.mu.Lock(); l.r.lent--; l.r.free++; l.r.mu.Unlock() }

func TestAPassTakesConnectionsThatBecomeFreeLater(t *testing.T) {
	o := crowd(t, 1, 8, 40)[0]
	r := &room{}
	o.Room = r
	opened := false
	o.Progress = func(e mailsync.Event) {
		if e.Kind == "copied" && !opened {
			opened = true
			r.open(2)
		}
	}
	report, err := mailsync.Pass(t.Context(), o)
	if err != nil || report.Outcomes[mailsync.Copied] != 320 {
		t.Fatalf("%v %+v", err, report.Outcomes)
	}
	if r.most != 2 || r.lent != 0 || r.free != 2 {
		t.Errorf("%d lanes at most, %d not given back", r.most, r.lent)
	}
}

func TestAPassThatHasEnoughRecordsWhatWasSentAndGoesOnLater(t *testing.T) {
	o := crowd(t, 1, 4, 40)[0]
	o.Room = &room{after: 7}
	r, err := mailsync.Pass(t.Context(), o)
	if !errors.Is(err, errEnough) || r.Outcomes[mailsync.Copied] != 35 {
		t.Fatalf("%v, %+v", err, r.Outcomes)
	}
	if open, err := o.Ledger.Intents(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("%v; %d batches of unknown fate", err, len(open))
	}
	o.Room = nil
	if r, err = mailsync.Pass(t.Context(), o); err != nil || r.Outcomes[mailsync.Copied] != 125 {
		t.Errorf("%v, %+v", err, r.Outcomes)
	}
}

var longAgo = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
