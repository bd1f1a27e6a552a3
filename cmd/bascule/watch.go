package main

import (
	"context"
	"time"

	"bascule/executor"
	"bascule/internal/safetext"
	"bascule/migration"
)

// waiting is an apply between two ticks: without the lock, and with an eye on
// the sources, so that the targets stay seconds behind.
type waiting struct {
	*app
	ctx   context.Context
	end   context.CancelFunc
	e     *executor.Executor
	watch *executor.Watch
}

// watch begins to wait; it ends with the first Ctrl-C.
func (a *app) watch(ctx context.Context, e *executor.Executor, reporter *reporter) *waiting {
	w := &waiting{app: a, e: e}
	w.ctx, w.end = context.WithCancel(ctx)
	go func() {
		select {
		case <-e.Stop:
			w.end()
		case <-w.ctx.Done():
		}
	}()
	w.watch = executor.NewWatch(w.ctx, e.World, func(m migration.Address, text string) {
		reporter.Step(executor.Event{At: a.Clock.Now(), Kind: "note", Address: m, Text: safetext.Line(text)})
	})
	return w
}

// until waits for a time, passing each mailbox on whose source something
// happens. It returns early when a whole tick is due: somebody else changed
// what there is to do.
func (w *waiting) until(t time.Time, r executor.Result) error {
	base, d := r.State, w.desired
	w.watch.Set(executor.WatchList(d, base, r.Plan))
	for {
		changes, err := w.watch.Wait(w.ctx, t)
		if err != nil || len(changes) == 0 {
			return err
		}
		touched, stale := w.e.Touch(w.ctx, d, base, changes)
		switch {
		case touched.ExitCode == executor.ExitInterrupted || w.ctx.Err() != nil:
			return executor.ErrInterrupted
		case stale:
			return nil
		case touched.State != nil:
			w.watch.Set(executor.WatchList(d, touched.State, r.Plan))
		}
	}
}

func (w *waiting) close() {
	if w != nil {
		w.end()
		w.watch.Close()
	}
}
