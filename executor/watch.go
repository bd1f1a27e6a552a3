package executor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// How mailboxes are watched.
const (
	// turnLength is how long one is watched while others wait for their turn.
	turnLength = time.Minute
	// pollEvery is how often a server is asked that does not tell by itself.
	pollEvery = time.Minute
	// muteAfter is how often IDLE may stay silent about mail that came: after
	// it the server is asked instead.
	muteAfter = 2
	// firstRetry and lastRetry bound the pause after a connection that failed.
	firstRetry, lastRetry = 10 * time.Second, 10 * time.Minute
	// noteAfter is how many of them in a row a person hears of.
	noteAfter = 3
)

// Watched is a mailbox to be watched, and how far its INBOX is known.
type Watched struct {
	Mailbox migration.Mailbox
	Server  migration.Server
	Limits  migration.Limits
	Pin     *state.Pin
	// Next and Validity are those of the last pass; 0 is not known.
	Next, Validity uint32
}

// Change is a mailbox on whose source something happened.
type Change struct {
	Mailbox migration.Address
	// Behind counts messages that arrived since the last pass; 0 where only
	// something else changed.
	Behind int
}

// Watch waits for changes on the sources between ticks: it holds a connection
// to as many mailboxes as nobody else needs connections for, in turns where
// they are too few, and gives one back as soon as a pass waits for it. It only
// listens; what came is fetched by a pass.
//
// The INBOX is watched, and all folders where the server has NOTIFY (RFC 5465).
// Elsewhere, what changes in other folders is found by the passes that come
// every so often.
type Watch struct {
	world  World
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// wake says that a turn may begin, told that something changed.
	wake, told chan struct{}
	// note tells a person of what cannot be watched.
	note func(migration.Address, string)

	mu    sync.Mutex
	boxes map[migration.Address]*watching
	// changes holds what was told and not taken: messages behind.
	changes map[migration.Address]int
	// line holds those that wait for a turn, in order.
	line []*watching
}

// watching is a mailbox under watch. Its turn owns all but what mu guards.
type watching struct {
	Watched
	silent, failures int
	stop             context.CancelFunc
	running          bool
}

// NewWatch begins to watch nothing; Set says what. Close must follow.
func NewWatch(ctx context.Context, world World, note func(a migration.Address, text string)) *Watch {
	w := &Watch{
		world: world, wake: make(chan struct{}, 1), told: make(chan struct{}, 1), note: note,
		boxes: map[migration.Address]*watching{}, changes: map[migration.Address]int{},
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.wg.Go(w.schedule)
	return w
}

// Close ends all connections.
func (w *Watch) Close() {
	w.cancel()
	w.wg.Wait()
}

// Set replaces the mailboxes to be watched. One that goes on being watched
// keeps its connection.
func (w *Watch) Set(list []Watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := map[migration.Address]bool{}
	for _, x := range list {
		a := x.Mailbox.Address
		wanted[a] = true
		if b := w.boxes[a]; b == nil {
			b := &watching{Watched: x}
			w.boxes[a] = b
			w.line = append(w.line, b)
		} else if !b.running {
			b.Watched = x
		}
	}
	maps.DeleteFunc(w.boxes, func(a migration.Address, b *watching) bool {
		if !wanted[a] && b.stop != nil {
			b.stop()
		}
		return !wanted[a]
	})
	w.line = slices.DeleteFunc(w.line, func(b *watching) bool { return !wanted[b.Mailbox.Address] })
	w.signal()
}

func (w *Watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Wait returns what changed, or nothing at a time by the clock, whichever
// comes first.
func (w *Watch) Wait(ctx context.Context, until time.Time) ([]Change, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	due := make(chan error, 1)
	go func() { due <- w.world.Clock.WaitUntil(waiting, until) }()
	for {
		select {
		case <-w.told:
			if list := w.taken(); len(list) > 0 {
				return list, nil
			}
		case err := <-due:
			return nil, err
		}
	}
}

// tell notes a change until somebody waits for it.
func (w *Watch) tell(a migration.Address, behind int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes[a] += behind
	select {
	case w.told <- struct{}{}:
	default:
	}
}

// taken returns the changes that were told, in the order of their addresses.
func (w *Watch) taken() []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Change
	for _, a := range slices.Sorted(maps.Keys(w.changes)) {
		if w.boxes[a] != nil {
			out = append(out, Change{a, w.changes[a]})
		}
	}
	clear(w.changes)
	return out
}

// schedule gives mailboxes their turns as connections are free.
func (w *Watch) schedule() {
	for {
		w.mu.Lock()
		w.line = slices.DeleteFunc(w.line, w.begin)
		w.mu.Unlock()
		select {
		case <-w.wake:
		case <-w.ctx.Done():
			return
		}
	}
}

// begin begins a turn if there is a connection for it; mu is held.
func (w *Watch) begin(b *watching) bool {
	account := AccountOf(w.world.Limits, b.Limits, b.Server, limits.Source, b.Mailbox.Source.Login)
	if account.Paused() != nil {
		return false // the next pass ends the pause, and Set signals
	}
	loan := account.Borrow(w.wake)
	if loan == nil {
		return false
	}
	ctx, stop := context.WithCancel(w.ctx)
	b.stop, b.running = stop, true
	w.wg.Go(func() {
		began := clock.Monotonic()
		err := w.watch(ctx, b, loan)
		stop()
		loan.Return()
		w.ended(b, err, clock.Monotonic().Sub(began))
	})
	return true
}

// crowded reports whether others wait for their turn.
func (w *Watch) crowded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.line) > 0
}

// ended puts a mailbox back in line: at once after its turn, later after a
// failure. Servers end an IDLE that took long; that is no failure.
func (w *Watch) ended(b *watching, err error, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.running = false
	if err == nil || took > turnLength {
		b.failures = 0
	}
	if err == nil || w.ctx.Err() != nil {
		w.requeue(b)
		return
	}
	wait := min(firstRetry<<min(b.failures, 10), lastRetry)
	if b.failures++; b.failures == noteAfter {
		w.wg.Go(func() {
			w.note(b.Mailbox.Address, "cannot be watched just now, only looked at from time to time: "+err.Error())
		})
	}
	w.wg.Go(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.requeue(b)
		case <-w.ctx.Done():
		}
	})
}

// requeue is for a mailbox that is still wanted; mu is held.
func (w *Watch) requeue(b *watching) {
	if w.boxes[b.Mailbox.Address] == b {
		w.line = append(w.line, b)
	}
	w.signal()
}

// watch is one turn: it ends when it is over and others wait, when a pass
// needs the connection, or with an error.
func (w *Watch) watch(ctx context.Context, b *watching, loan mailsync.Loan) error {
	ctx, cancel := context.WithCancel(ctx)
	var ending sync.WaitGroup
	ending.Go(func() {
		w.turn(ctx, loan)
		cancel()
	})
	err := w.listen(ctx, b)
	stopped := ctx.Err() != nil
	cancel()
	ending.Wait()
	if stopped {
		return nil
	}
	return err
}

// turn returns when a turn should end.
func (w *Watch) turn(ctx context.Context, loan mailsync.Loan) {
	ticker := time.NewTicker(turnLength)
	defer ticker.Stop()
	for {
		select {
		case <-loan.Recalled():
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
			if w.crowded() {
				return
			}
		}
	}
}

// listen looks at the INBOX and waits for the server to tell more.
func (w *Watch) listen(ctx context.Context, b *watching) error {
	source, err := w.world.OpenSource(ctx, b.Server, b.Mailbox, b.Pin)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	told, idled := false, false
	for {
		st, err := source.Examine(ctx, mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX", Selectable: true})
		if err != nil {
			return err
		}
		behind, moved := b.look(st)
		if moved && idled && !told {
			b.silent++ // the server does not tell, or it came this very moment
		}
		if moved || told {
			w.tell(b.Mailbox.Address, behind)
		}
		if told, err = b.idle(ctx, source); err != nil {
			return err
		}
		idled = true
	}
}

// look compares the INBOX with what was known of it.
func (b *watching) look(st mailsync.Status) (behind int, moved bool) {
	next := uint32(st.UIDNext)
	known := b.Next != 0 && b.Validity == st.UIDValidity
	if known && next > b.Next {
		behind = int(next - b.Next)
	}
	moved = b.Next != 0 && (next != b.Next || b.Validity != st.UIDValidity)
	b.Next, b.Validity = next, st.UIDValidity
	return behind, moved
}

// idle waits until the server tells something, or it is time to ask.
func (b *watching) idle(ctx context.Context, source mailsync.Source) (told bool, err error) {
	idler, ok := source.(mailsync.Idler)
	if ok && idler.Idles() && b.silent <= muteAfter {
		return idler.Idle(ctx, time.Hour)
	}
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// WatchList names what can be watched after a tick: mailboxes whose passes go
// on, that were complete once, and that are not to be left alone.
func WatchList(d *migration.Desired, st *state.State, p *planner.Plan) []Watched {
	sources, l := d.Sources, d.Settings.Limits
	boxes := d.Mailboxes
	if st.Switched() {
		sources, boxes, l = st.Switch.Approved.Sources, st.Switch.Approved.Mailboxes, st.Switch.Approved.Limits
	}
	var out []Watched
	for _, m := range boxes {
		b := st.Objects[m.Address]
		if b == nil || b.Mailbox == nil || b.Mailbox.Pass == nil || b.Mailbox.Pass.LastComplete.IsZero() || b.Mailbox.Paused != nil || !passesGoOn(st, p, m.Address) {
			continue
		}
		s, err := server(sources, m.Source.Server)
		if err != nil || s.Endpoint.Host == "" {
			continue // mail in a directory tells nobody of its arrival
		}
		pass := b.Mailbox.Pass
		out = append(out, Watched{Mailbox: m, Server: s, Limits: l, Pin: b.Mailbox.Source, Next: pass.InboxNext, Validity: pass.InboxValidity})
	}
	return out
}

// passesGoOn reports whether a mailbox has passes to come.
func passesGoOn(st *state.State, p *planner.Plan, a migration.Address) bool {
	if st.Switched() {
		_, final := st.DoneAt(a, "final")
		return !final
	}
	return p != nil && slices.ContainsFunc(p.Steps, func(s planner.Step) bool {
		return s.Address == a && s.Name == "sync" && s.Status != planner.Stopped
	})
}
