package mailsync

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// widen connects more lanes where folders and batches are worth it, as far as
// there is room: also later, when other passes ended. A server that does not
// want them is left in peace.
func (f *flow) widen(ctx context.Context) {
	batches, apart := 0, map[*PairState]bool{}
	for _, g := range f.queue {
		batches += g.large()
		apart[g.portions[0].pair] = true
	}
	for _, pr := range f.busy {
		apart[pr.portions[0].pair] = true
	}
	want := min(f.p.Connections, len(apart), 1+batches/3)
	for !f.unwanted && f.err == nil && f.enough == nil && len(f.lanes)+f.opening < want {
		loan := f.p.Room.Lane(f.wake)
		if loan == nil {
			return
		}
		f.opening++
		f.wg.Go(func() {
			l := f.p.openLane(ctx, loan)
			select {
			case f.opened <- l:
			case <-ctx.Done():
				l.close()
			}
		})
	}
}

// narrow gives lanes back for which there is nothing to do. One that another
// mailbox waits for is given back after its segment.
func (f *flow) narrow() {
	f.lanes = slices.DeleteFunc(f.lanes, func(l *lane) bool {
		if l.loan == nil || f.busy[l] != nil {
			return false
		}
		f.wg.Go(l.close)
		return true
	})
}

func (l *lane) recalled() bool {
	if l.loan == nil {
		return false
	}
	select {
	case <-l.loan.Recalled():
		return true
	default:
		return false
	}
}

func (p *pass) openLane(ctx context.Context, loan Loan) *lane {
	l := &lane{loan: loan}
	var err error
	done := make(chan error, 1)
	go func() {
		var err error
		l.target, err = p.OpenTarget(ctx)
		done <- err
	}()
	l.source, err = p.OpenSource(ctx)
	if err != nil {
		l.source = nil
	}
	if e := <-done; e != nil {
		l.target, err = nil, e
	}
	if err != nil {
		l.close()
		return nil
	}
	return l
}

// end waits for all goroutines, whatever made the pass stop.
func (f *flow) end(cancel context.CancelCauseFunc) {
	cancel(errFlowEnded)
	for _, pr := range f.busy {
		f.close(pr)
	}
	for len(f.busy) > 0 {
		if e := <-f.events; e.batch == nil {
			f.busy[e.lane].forget()
			delete(f.busy, e.lane)
		}
	}
	done := make(chan struct{})
	go func() { f.wg.Wait(); close(done) }()
	for waiting := true; waiting; {
		select {
		case l := <-f.opened:
			f.lanes = append(f.lanes, l)
		case <-done:
			waiting = false
		}
	}
	var wg sync.WaitGroup
	for _, l := range f.lanes[1:] {
		wg.Go(l.close)
	}
	wg.Wait()
}

var errFlowEnded = errors.New("copying ended")
