package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bascule/internal/retry"
)

// maxReconnects bounds the tries in a row that bring nothing forward.
const maxReconnects = 5

// pass is one run of Pass.
type pass struct {
	Options
	report Report
	// recorded counts rows written: progress, as far as reconnecting goes.
	recorded int
	// suspects counts, by message, connections that ended while it was copied.
	suspects map[string]int
	// doubts counts, by message, batches with it that brought a connection
	// down, or may have; see wary.
	doubts   map[string]doubtful
	stripped map[string]strip
	// suspectNames counts, by target folder, connections that ended while it
	// was made.
	suspectNames map[string]int
	// done and total count the messages copied and to be copied.
	done, total int
	// doubtful are rows that this pass could not tell the fate of.
	doubtful map[int64]bool
	// copiesRefused: the target refused to copy from folder to folder.
	copiesRefused bool
	// avoid are keywords for which the target refuses messages.
	avoid []string

	source Source
	target Target
	state  state
}

// state is what one look at both sides told; a reconnect begins a new one.
type state struct {
	listing        Listing
	targets        map[string]Folder
	sources        map[string]Folder
	pairs          []*PairState
	others         []*OtherFolder
	reports        map[int64]*FolderReport
	pending        map[int64]int
	vanished       map[int64]int // source messages that vanished after the look, by pair
	writes         map[string]*written
	openSource     string
	openTarget     string
	selected       bool
	trusted        bool
	sourceMessages int
	rejectedInRow  int
	created        map[string]bool
	moved          []FlagAction    // flags to bring over after a move
	flagged        map[string]bool // target folders in which flags were changed
	surveys        surveys
	standing       map[string]Status    // where target folders stood when our last write was read back
	confirmed      map[string]confirmed // target folders, before they are written
}

// written is what we did to a target folder since it was looked at.
type written struct {
	appended, removed int
	last              UID
}

// Pass makes the target hold what the source holds, as far as the policy
// allows, and reports. It may be stopped at any instruction and run again.
//
// The error is nil when every folder was tried: what failed is then in the
// report. A lost connection is not an error: Pass connects again, looks, and
// goes on, as long as that brings it forward. ErrStopped says that it was
// stopped before it was through; the report then counts what was done.
func Pass(ctx context.Context, o Options) (report Report, err error) {
	p := &pass{Options: o.withDefaults(), suspects: map[string]int{}, doubts: map[string]doubtful{}, stripped: map[string]strip{}, suspectNames: map[string]int{},
		doubtful: map[int64]bool{}}
	p.report.Started = p.Clock.Now()
	release, err := p.Ledger.Lease(ctx, p.Owner)
	if err != nil {
		return p.report, fmt.Errorf("begin pass: %w", err)
	}
	defer func() {
		p.hangUp()
		p.report.Ended = p.Clock.Now()
		if e := release(); err == nil && e != nil {
			err = fmt.Errorf("end lease: %w", e)
		}
		report = p.report
	}()
	parent := ctx
	ctx, end := p.patiently(parent)
	defer end()
	return p.report, p.ended(parent, ctx, p.tries(ctx))
}

// tries runs until it ends well, fails for good, or no longer gets forward.
func (p *pass) tries(ctx context.Context) error {
	for stuck := 0; ; {
		before := p.recorded
		p.resetReport()
		err := p.run(ctx)
		if err == nil || ctx.Err() != nil || p.stopped() != nil || !retry.IsTemporary(err) {
			return err
		}
		if stuck++; p.recorded > before {
			stuck = 1
		}
		if stuck > maxReconnects {
			return fmt.Errorf("gave up after %d connections that brought nothing: %w", stuck, err)
		}
		p.hangUp()
		p.report.Reconnects++
		p.tell(Event{Kind: "reconnect", Text: err.Error()})
		// A server may still be working on what it received.
		if err := p.Clock.WaitUntil(ctx, p.Clock.Now().Add(p.Grace)); err != nil {
			return err
		}
	}
}

// resetReport forgets what the next look will tell again; counts of work done stay.
func (p *pass) resetReport() {
	r := &p.report
	if r.Outcomes == nil {
		r.Outcomes, r.FlagsNotKept = map[Outcome]int{}, map[string]int{}
	}
	r.Failures, r.Held, r.Warnings, r.Folders, r.Foreign, r.Fences = nil, nil, nil, nil, nil, nil
	r.Refusal, r.Spared, r.SparedFirst, r.Complete, r.Looked = "", 0, nil, false, time.Time{}
	p.state = state{targets: map[string]Folder{}, sources: map[string]Folder{}, reports: map[int64]*FolderReport{},
		pending: map[int64]int{}, vanished: map[int64]int{}, writes: map[string]*written{}, created: map[string]bool{}, flagged: map[string]bool{}, surveys: newSurveys(),
		standing: map[string]Status{}}
}

// run is the pass as doc.go tells it.
func (p *pass) run(ctx context.Context) error {
	var actions Actions
	p.tell(Event{Kind: "look"})
	err := p.inTime(
		func() error { return p.connect(ctx) },
		func() error { return p.enumerate(ctx) },
		func() error { return p.recover(ctx) },
		func() error { return p.look(ctx) },
		func() (err error) { actions, err = p.decide(ctx); return err },
		func() error { return p.apply(ctx, actions) },
	)
	if err != nil {
		return err
	}
	return p.finish(ctx)
}

// connect opens both sides at once: at a distance, logging in is what takes time.
func (p *pass) connect(ctx context.Context) error {
	type opened struct {
		target Target
		err    error
	}
	done := make(chan opened, 1)
	go func() {
		t, err := p.OpenTarget(ctx)
		done <- opened{t, err}
	}()
	source, err := p.OpenSource(ctx)
	t := <-done
	p.source, p.target = source, t.target
	if err != nil {
		p.source = nil
		err = fmt.Errorf("open source: %w", err)
	}
	if t.err != nil {
		p.target = nil
		err = errors.Join(err, fmt.Errorf("open target: %w", t.err))
	}
	return err
}

// hangUp ends both connections; what a server says to that changes nothing.
func (p *pass) hangUp() {
	(&lane{source: p.source, target: p.target}).close()
	p.source, p.target = nil, nil
}

// commit makes one ledger record.
func (p *pass) commit(ctx context.Context, c Change) error {
	p.Tap("before ledger")
	if err := p.Ledger.Commit(ctx, c); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	p.recorded += len(c.Rows)
	p.Tap("after ledger")
	return nil
}

// write runs one command that changes the target.
func (p *pass) write(command string, f func() error) error {
	p.Tap("before " + command)
	err := f()
	if err == nil {
		p.Tap("after " + command)
	}
	return err
}

func (p *pass) fail(folder []string, uid UID, err error) {
	f := Failure{Folder: folder, UID: uid, Text: err.Error(), Temporary: retry.IsTemporary(err)}
	p.report.Failures = append(p.report.Failures, f)
	p.tell(Event{Kind: "failure", Folder: folder, Text: f.Text})
}

// tell reports an event with how far the pass is.
func (p *pass) tell(e Event) {
	e.Done, e.Total, e.Bytes = p.done, p.total, p.report.Bytes
	p.Progress(e)
}

// folderError decides whether an error is one folder's own. It returns nil
// after naming it in the report, or the error when the pass cannot go on.
func (p *pass) folderError(ctx context.Context, s *PairState, err error) error {
	if err == nil {
		return nil
	}
	var se *ServerError
	var busy *BusyError
	own := errors.As(err, &se) && se.Status == "NO" || errors.Is(err, ErrNoFolder) || errors.Is(err, errFolderChanged) || errors.Is(err, errNameEnds) || errors.Is(err, errRefusedTwice)
	// A refusal with messages behind it that may have been taken: who looks
	// again finds them, and meets the refused one alone.
	var ae *AppendError
	if errors.As(err, &ae) && ae.Unknown {
		return err
	}
	strained := errors.As(err, &busy) && busy.Strain != Unavailable // every folder would hear the same
	if ctx.Err() != nil || !own || strained || errors.Is(err, ErrAuth) || errors.Is(err, ErrIdentity) {
		return err
	}
	p.fail(s.Pair.Source.Path, 0, err)
	p.state.pending[s.Pair.ID]++
	return nil
}

// errFolderChanged: the folder got a new UIDVALIDITY during the pass.
var errFolderChanged = errors.New("folder was replaced during the pass")

// examine opens a source folder unless it is open.
func (p *pass) examine(ctx context.Context, path []string) (Status, error) {
	f, ok := p.state.sources[folderKey(path)]
	if !ok {
		return Status{}, fmt.Errorf("open %s: %w", showPath(path), ErrNoFolder)
	}
	p.state.openSource = ""
	st, err := p.source.Examine(ctx, f)
	if err != nil {
		return st, fmt.Errorf("open source folder %s: %w", showPath(path), err)
	}
	p.state.openSource = folderKey(path)
	return st, nil
}

// sourceAt opens a source folder and insists on its UIDVALIDITY.
func (p *pass) sourceAt(ctx context.Context, path []string, validity uint32) error {
	if p.state.openSource == folderKey(path) {
		return nil
	}
	st, err := p.examine(ctx, path)
	if err == nil && st.UIDValidity != validity {
		p.state.openSource = ""
		return fmt.Errorf("source folder %s: %w", showPath(path), errFolderChanged)
	}
	return err
}

// openTargetFolder opens a target folder, for writing or for reading only.
func (p *pass) openTargetFolder(ctx context.Context, path []string, writing bool) (Status, error) {
	f, ok := p.state.targets[folderKey(path)]
	if !ok {
		return Status{}, fmt.Errorf("open %s: %w", showPath(path), ErrNoFolder)
	}
	open := p.target.Examine
	if writing {
		open = p.target.Select
	}
	p.state.openTarget, p.state.selected = "", writing
	st, err := open(ctx, f)
	if err != nil {
		return st, fmt.Errorf("open target folder %s: %w", showPath(path), err)
	}
	p.state.openTarget = folderKey(path)
	return st, nil
}

// targetAt opens a target folder for writing and insists on its UIDVALIDITY.
func (p *pass) targetAt(ctx context.Context, path []string, validity uint32) error {
	if p.state.openTarget == folderKey(path) && p.state.selected {
		return nil
	}
	st, err := p.openTargetFolder(ctx, path, true)
	if err == nil && st.UIDValidity != validity {
		p.state.openTarget = ""
		return fmt.Errorf("target folder %s: %w", showPath(path), errFolderChanged)
	}
	return err
}

// wrote notes our own changes, so that somebody else's are told from them.
func (p *pass) wrote(path []string) *written {
	k := folderKey(path)
	if p.state.writes[k] == nil {
		p.state.writes[k] = &written{}
	}
	return p.state.writes[k]
}

// removed notes copies that we expunged.
func (p *pass) removed(path []string, n int) {
	p.wrote(path).removed += n
	delete(p.state.standing, folderKey(path))
}

func sortedUIDs(in []UID) []UID {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}
