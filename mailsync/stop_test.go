package mailsync_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// stopAt runs a pass that is asked to end at its n-th point. It reports
// whether there was such a point.
func (w *world) stopAt(n int) (r mailsync.Report, err error, reached bool) {
	stop := make(chan struct{})
	seen := 0
	w.o.Stop, w.o.StopGrace = stop, time.Hour
	w.o.Tap = func(string) {
		if seen++; seen == n {
			close(stop)
		}
	}
	r, err = w.try()
	w.o.Stop, w.o.Tap = nil, nil
	return r, err, seen >= n
}

func (w *world) openIntents() int {
	list, err := w.ledger.Intents(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

func TestAPassThatIsStoppedLeavesNothingInDoubt(t *testing.T) {
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			start := s.world(t)
			want := start.fork(t)
			want.end()
			for n := 1; ; n++ {
				w := start.fork(t)
				before := w.openIntents()
				r, err, reached := w.stopAt(n)
				if err != nil && !errors.Is(err, mailsync.ErrStopped) {
					t.Fatalf("stopped at step %d: %v", n, err)
				}
				if r.Stopped != (err != nil) || r.Stopped && r.Complete {
					t.Fatalf("stopped at step %d: stopped %v, complete %v, error %v", n, r.Stopped, r.Complete, err)
				}
				if open := w.openIntents(); open > before {
					t.Fatalf("stopped at step %d: %d batches are left in doubt", n, open)
				}
				w.end()
				if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
					t.Fatalf("stopped at step %d: target differs (-undisturbed +stopped):\n%s", n, d)
				}
				if !reached {
					return
				}
			}
		})
	}
}

func TestNothingBeginsOnceAPassIsStopped(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	stop := make(chan struct{})
	close(stop)
	w.o.Stop = stop
	if r, err := w.try(); !errors.Is(err, mailsync.ErrStopped) || !r.Stopped {
		t.Fatalf("%v, %+v", err, r)
	}
	if wrote := w.target.Writes(); len(wrote)+len(w.source.Opened()) > 0 {
		t.Fatalf("wrote %v", wrote)
	}
}

// reading calls delivered after each message the source delivered.
type reading struct {
	mailsync.Source
	delivered func()
}

func (r reading) Fetch(ctx context.Context, uids []mailsync.UID, fn func(mailsync.Meta, int64, io.Reader) error) ([]mailsync.UID, error) {
	return r.Source.Fetch(ctx, uids, func(m mailsync.Meta, octets int64, body io.Reader) error {
		err := fn(m, octets, body)
		r.delivered()
		return err
	})
}

func TestTheMessageInHandIsFinished(t *testing.T) {
	for name, p := range map[string]storetest.Personality{"streaming": {}, "batch by batch": {NoUIDPlus: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			for range 40 {
				w.source.Put("INBOX", body(len(w.source.Snapshot()["INBOX"])), day)
			}
			stop := make(chan struct{})
			seen := 0
			o := w.o
			o.Stop, o.StopGrace, o.Ledger, o.OpenTarget = stop, time.Hour, w.ledger, w.target.OpenTarget
			o.OpenSource = func(ctx context.Context) (mailsync.Source, error) {
				s, err := w.source.OpenSource(ctx)
				return reading{s, func() {
					if seen++; seen == 3 {
						close(stop)
					}
				}}, err
			}
			if _, err := mailsync.Pass(t.Context(), o); !errors.Is(err, mailsync.ErrStopped) {
				t.Fatal(err)
			}
			counts, err := w.ledger.Counts(t.Context())
			there := len(w.target.Snapshot()["INBOX"])
			if err != nil || there < 3 || there > 4 || counts[mailsync.Copied] != there || w.openIntents() > 0 {
				t.Fatalf("%d messages on the target, %v on record, %d batches open, %v", there, counts, w.openIntents(), err)
			}
			w.o.Stop = nil
			w.end()
			w.same()
		})
	}
}

// slow is a target that does not answer an APPEND until the connection is
// ended; took says whether it stored the batch all the same.
type slow struct {
	mailsync.Target
	begun func()
	took  bool
}

func (s slow) Append(ctx context.Context, f mailsync.Folder, next func() (*mailsync.Outgoing, error)) (mailsync.Appended, error) {
	if s.took {
		if _, err := s.Target.Append(ctx, f, next); err != nil {
			return mailsync.Appended{}, err
		}
	}
	s.begun()
	<-ctx.Done()
	return mailsync.Appended{}, &mailsync.AppendError{Unknown: true, Err: context.Cause(ctx)}
}

func TestWhatTakesTooLongIsCutOffAndFoundLater(t *testing.T) {
	for name, took := range map[string]bool{"and did not take it": false, "and took it": true} {
		t.Run("a target that does not answer "+name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{})
			w.fill()
			stop := make(chan struct{})
			o := w.o
			o.Stop, o.StopGrace, o.Ledger, o.OpenSource = stop, time.Millisecond, w.ledger, w.source.OpenSource
			o.OpenTarget = func(ctx context.Context) (mailsync.Target, error) {
				target, err := w.target.OpenTarget(ctx)
				return slow{target, func() { close(stop) }, took}, err
			}
			r, err := mailsync.Pass(t.Context(), o)
			if !errors.Is(err, mailsync.ErrStopped) || !r.Stopped || w.openIntents() != 1 {
				t.Fatalf("%v, stopped %v, %d batches open", err, r.Stopped, w.openIntents())
			}
			w.end()
			w.same()
		})
	}
}
