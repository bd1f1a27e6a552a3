package mailsync

import (
	"fmt"
	"maps"
	"slices"
)

// Actions is what a pass will do, in the order of its fields. The rows in it
// already say what they will be once it is done.
type Actions struct {
	// Record changes the ledger only, and so do Notes.
	Record []*Row
	Notes  []NoteList
	Forget []int64
	Moves  []MoveAction
	Copies []CopyList
	Flags  []FlagAction
	// Deletes come last.
	Deletes []DeleteAction
	// Held are source messages nothing is done about in this pass.
	Held []HeldMessage
	// Withdraws give up copies of what came by a forward; Twice counts those
	// that stay because somebody touched them.
	Withdraws []WithdrawAction
	Twice     int
	// Refusal says why deletions that were due are not in Deletes.
	Refusal string
	// RefusedDeletes are those.
	RefusedDeletes []DeleteAction
	// Pending counts, by pair, what a later pass must look at again.
	Pending map[int64]int
}

// MoveAction moves a copy on the target to follow the source.
type MoveAction struct {
	Row  *Row // still as it is on the target
	From []string
	To   *PairState
	// Source is the message in its new place on the source, Target the copy in its old one.
	Source, Target Meta
}

// CopyAction copies a source message. Row is nil for a new one.
type CopyAction struct {
	Pair *PairState
	Meta Meta
	Row  *Row
}

// CopyList names what is to be copied of a pair by its places in the source
// view, rising: a folder may need a million.
type CopyList struct {
	Pair *PairState
	At   []uint32
	// Again are the rows, by place, of which the copy was lost.
	Again map[uint32]*Row
}

// NoteList gives messages that are new, and not copied, their outcome.
type NoteList struct {
	Pair    *PairState
	At      []uint32
	Outcome Outcome
	Reason  string
}

// FlagAction changes flags of a copy; Source becomes the row's base.
type FlagAction struct {
	Row         *Row
	Folder      []string
	Add, Remove []string
	Source      []string
}

// DeleteAction removes a copy we wrote.
type DeleteAction struct {
	Row    *Row
	Folder []string
}

// HeldMessage is one that waits for a person or for the last delta.
type HeldMessage struct {
	Pair *PairState
	Meta Meta
	// Failure is true when a person must look; Similar when the target has
	// one like it, and the person is to say whether it is the same.
	Failure, Similar bool
	Why              string
}

const (
	keptChanged  = "vanished on the source; kept: changed on the target since"
	keptAdopted  = "vanished on the source; kept: was on the target before us"
	keptPolicy   = "vanished on the source; kept: deletions are not mirrored"
	keptFence    = "vanished on the source; kept: UIDVALIDITY of the folder changed"
	keptMoved    = "vanished on the source; kept: a person filed it elsewhere on the target"
	belowFence   = "was on the source at the switch, and the ledger of that time is lost"
	awayOnTarget = "moved or deleted on the target"
)

// decision is the state of one Decide.
type decision struct {
	*Delta
	prints map[Ref]Print
	dirty  map[*Row]bool
	out    Actions
	// pools of unclaimed foreign messages by digest: in one folder, anywhere.
	local map[string]map[Digest][]*foreignMessage
	whole map[Digest][]*foreignMessage
	plain map[string]map[Digest][]*foreignMessage
	// wholePlain is plain for all folders.
	wholePlain map[Digest][]*foreignMessage
	byRef      map[Ref]*foreignMessage
	twins      map[Digest][]*foreignMessage
	// What needs no thought by itself, by pair.
	copies map[*PairState]*CopyList
	notes  map[noted]*NoteList
}

type noted struct {
	pair    *PairState
	outcome Outcome
}

// Decide turns a sorted delta into actions, given the digests of Wanted.
// A message whose digest is missing (it vanished meanwhile, or cannot be
// read) is left for a later pass.
func (d *Delta) Decide(prints map[Ref]Print) Actions {
	x := &decision{Delta: d, prints: prints, dirty: map[*Row]bool{}, copies: map[*PairState]*CopyList{}, notes: map[noted]*NoteList{}}
	x.out.Forget = slices.Clone(d.forget)
	x.out.Pending = maps.Clone(d.uncertain)
	x.fillPools()
	x.reidentify()
	x.followMoves()
	x.findLost()
	x.adopt()
	x.rest()
	x.withdraw()
	x.finishVanished()
	x.flags()
	for _, h := range x.out.Held {
		x.out.Pending[h.Pair.Pair.ID]++
	}
	x.record()
	x.list()
	return x.out
}

func (x *decision) fillPools() {
	x.local, x.plain = map[string]map[Digest][]*foreignMessage{}, map[string]map[Digest][]*foreignMessage{}
	x.whole, x.wholePlain = map[Digest][]*foreignMessage{}, map[Digest][]*foreignMessage{}
	put := func(pool map[string]map[Digest][]*foreignMessage, k string, d Digest, f *foreignMessage) {
		if pool[k] == nil {
			pool[k] = map[Digest][]*foreignMessage{}
		}
		pool[k][d] = append(pool[k][d], f)
	}
	x.byRef = map[Ref]*foreignMessage{}
	for _, f := range x.foreign {
		x.byRef[f.ref()] = f
		p, ok := x.prints[f.ref()]
		if !ok {
			continue
		}
		put(x.local, folderKey(f.path), p.Digest, f)
		put(x.plain, folderKey(f.path), p.Plain, f)
		x.whole[p.Digest] = append(x.whole[p.Digest], f)
		x.wholePlain[p.Plain] = append(x.wholePlain[p.Plain], f)
	}
	x.poolLeftBehind()
	x.poolTwins()
}

// poolLeftBehind makes the copies that ended rows left on the target
// available to what comes back.
func (x *decision) poolLeftBehind() {
	views := x.views()
	for _, g := range x.gone {
		if g.target == nil || x.byRef[g.copyRef()] != nil {
			continue
		}
		v := views[folderKey(g.where())]
		if i, ok := v.messages.search(g.row.TargetUID); ok && !x.claimed[v].has(i) {
			x.byRef[g.copyRef()] = &foreignMessage{path: g.where(), validity: v.UIDValidity, meta: *g.target}
		}
	}
}

// take claims an unclaimed message of a pool, one to one.
func take(pool map[Digest][]*foreignMessage, d Digest) *foreignMessage {
	for _, f := range pool[d] {
		if !f.taken {
			f.taken = true
			return f
		}
	}
	return nil
}

func (x *decision) touch(r *Row) { x.dirty[r] = true }

// reidentify finds messages again whose folder has a new UIDVALIDITY on the
// source. What is not found again is never deleted.
func (x *decision) reidentify() {
	byPair := x.freshByDigest()
	for _, p := range x.restless {
		if f := takeFresh(byPair[p.pair][x.ownRow(p.row)]); f != nil && !p.row.Digest.IsZero() {
			x.relink(p, f)
			continue
		}
		if p.row.Digest.IsZero() {
			x.out.Forget = append(x.out.Forget, p.row.ID)
			continue
		}
		p.noDelete = true
		x.vanished = append(x.vanished, p)
	}
}

func (x *decision) freshByDigest() map[*PairState]map[Digest][]*freshMessage {
	out := map[*PairState]map[Digest][]*freshMessage{}
	for _, f := range x.fresh {
		p, ok := x.prints[f.ref()]
		if !ok {
			continue
		}
		if out[f.pair] == nil {
			out[f.pair] = map[Digest][]*freshMessage{}
		}
		out[f.pair][x.own(p)] = append(out[f.pair][x.own(p)], f)
	}
	return out
}

// own is what tells a message of the source from others of the source: the
// octets, unless it writes them anew each time.
func (x *decision) own(p Print) Digest {
	if x.s.Personality.Source == Semantic {
		return p.Plain
	}
	return p.Digest
}

func (x *decision) ownRow(r *Row) Digest { return x.s.Personality.own(r) }

// own is the same of a message that has a row.
func (p Personality) own(r *Row) Digest {
	if p.Source == Semantic {
		return r.plain()
	}
	return r.Digest
}

// plain is the second digest of a row's message.
func (r *Row) plain() Digest {
	if r.Plain.IsZero() {
		return r.Digest
	}
	return r.Plain
}

func takeFresh(list []*freshMessage) *freshMessage {
	for _, f := range list {
		if !f.taken {
			f.taken = true
			return f
		}
	}
	return nil
}

// relink gives a row the new UID of its source message in the same folder.
func (x *decision) relink(p *placed, f *freshMessage) {
	p.row.SourceUID, p.row.SourceValidity = f.meta.UID, f.pair.Source.UIDValidity
	m := f.meta
	p.source, p.taken = &m, true
	x.touch(p.row)
	switch {
	case !p.row.Outcome.Live():
	case p.target != nil:
		x.here = append(x.here, p)
	case x.absenceProven(p):
		x.lost = append(x.lost, p)
	}
}

func (x *decision) absenceProven(p *placed) bool {
	v := x.views()[folderKey(p.where())]
	return v != nil && v.Proven
}

// followMoves joins what vanished with the same octets that are new.
func (x *decision) followMoves() {
	byPair := x.freshByDigest()
	origins := slices.Clone(x.vanished)
	for _, g := range x.gone {
		if x.s.Policy == AddOnly || g.target != nil {
			origins = append(origins, g)
		}
	}
	for _, samePair := range []bool{true, false} {
		for _, p := range origins {
			if p.taken || p.row.Digest.IsZero() || p.row.Origin == FromTarget || !x.copyIsFree(p) {
				continue
			}
			if f := x.continuation(p, byPair, samePair); f != nil {
				x.follow(p, f)
			}
		}
	}
}

// copyIsFree: a row that ended claims its copy no longer; another may have it now.
func (x *decision) copyIsFree(p *placed) bool {
	if p.row.Outcome != Gone || p.target == nil {
		return true
	}
	f := x.byRef[p.copyRef()]
	return f != nil && !f.taken
}

func (p *placed) copyRef() Ref {
	return Ref{OnTarget: true, Folder: folderKey(p.where()), UID: p.row.TargetUID}
}

func (x *decision) continuation(p *placed, byPair map[*PairState]map[Digest][]*freshMessage, samePair bool) *freshMessage {
	if samePair {
		return takeFresh(byPair[p.pair][x.ownRow(p.row)])
	}
	for _, q := range x.s.Pairs {
		if q == p.pair || q.excluded() {
			continue
		}
		if f := takeFresh(byPair[q][x.ownRow(p.row)]); f != nil {
			return f
		}
	}
	return nil
}

func (x *decision) follow(p *placed, f *freshMessage) {
	if p.row.Outcome == Gone {
		x.revive(p)
	}
	if f.pair == p.pair {
		x.relink(p, f)
		return
	}
	live, home := p.row.Outcome.Live(), p.where()
	p.taken = true
	if live && x.s.Policy == Mirror && p.target != nil && p.row.TargetFolder == nil {
		x.out.Moves = append(x.out.Moves, MoveAction{Row: p.row, From: home, To: f.pair, Source: f.meta, Target: *p.target})
		return
	}
	if live && x.s.Policy == AddOnly {
		p.row.Outcome, p.row.Reason = Moved, "moved on the source to "+showPath(f.pair.Pair.Source.Path)
	}
	p.row.Pair, p.pair = f.pair.Pair.ID, f.pair
	p.row.TargetFolder = home
	if folderKey(home) == folderKey(f.pair.Pair.Target.Path) {
		p.row.TargetFolder = nil
	}
	x.relink(p, f)
}

// revive brings a row back whose message came back to the source.
func (x *decision) revive(p *placed) {
	if f := x.byRef[p.copyRef()]; f != nil && p.target != nil {
		f.taken = true
	}
	orphan := p.row.Reason == orphanReason
	p.row.Outcome, p.row.Reason = Adopted, ""
	switch {
	case p.target == nil:
		p.row.Outcome, p.row.Reason = Released, awayOnTarget
	case orphan:
		p.row.Outcome, p.row.Settled = Copied, false
	}
}

// findLost looks for copies that are not where they were.
func (x *decision) findLost() {
	for _, p := range x.lost {
		f := x.findCopy(p, x.local, x.whole, p.row.Digest)
		if f == nil && x.s.Personality.altersOctets() {
			// We wrote it, and the target made of it what it makes of such messages.
			f = x.findCopy(p, x.plain, x.wholePlain, p.row.plain())
		}
		switch {
		case f == nil && x.lostTwin(p):
		case f != nil:
			x.settleAt(p, f)
		case x.s.Policy == AddOnly:
			p.row.Outcome, p.row.Reason = Released, awayOnTarget
			x.touch(p.row)
		default:
			x.copyAgain(p)
		}
	}
}

// findCopy looks for a copy in its folders, and where it may be anywhere, anywhere.
func (x *decision) findCopy(p *placed, local map[string]map[Digest][]*foreignMessage, whole map[Digest][]*foreignMessage, d Digest) *foreignMessage {
	f := take(local[folderKey(p.pair.Pair.Target.Path)], d)
	if f == nil {
		f = take(local[folderKey(p.where())], d)
	}
	if f == nil && x.s.Policy == Mirror {
		f = take(whole, d)
	}
	return f
}

// settleAt records where a copy is now. A person may have put it there.
func (x *decision) settleAt(p *placed, f *foreignMessage) {
	p.found = true
	p.row.TargetUID, p.row.TargetValidity = f.meta.UID, f.validity
	p.row.TargetFolder = nil
	if folderKey(f.path) != folderKey(p.pair.Pair.Target.Path) {
		p.row.TargetFolder = f.path
	}
	m := f.meta
	p.target = &m
	x.touch(p.row)
	if p.source != nil {
		x.here = append(x.here, p)
	}
}

// adopt matches what is new on the source with what is unknown on the target.
func (x *decision) adopt() {
	for _, f := range x.fresh {
		if p, ok := x.prints[f.ref()]; ok && !f.taken && !f.pair.excluded() {
			if t := take(x.local[folderKey(f.pair.Pair.Target.Path)], p.Digest); t != nil {
				x.adoptAt(f, t, p)
			}
		}
	}
	x.deliver()
	for _, f := range x.fresh {
		p, ok := x.prints[f.ref()]
		if !ok || f.taken || f.pair.excluded() {
			continue
		}
		if t := x.elsewhere(p); t != nil {
			x.adoptAt(f, t, p)
			continue
		}
		x.similar(f, p)
	}
}

func (x *decision) elsewhere(p Print) *foreignMessage {
	if !x.anywhere() {
		return nil
	}
	return take(x.whole, p.Digest)
}

// similar: the target has the message altered, as its class alters messages,
// and we did not write it as far as the ledger knows.
func (x *decision) similar(f *freshMessage, p Print) {
	if x.s.OnSimilar == KeepBoth {
		return
	}
	t := take(x.plain[folderKey(f.pair.Pair.Target.Path)], p.Plain)
	if t == nil && x.anywhere() {
		t = take(x.wholePlain, p.Plain)
	}
	switch {
	case t == nil:
	case x.s.OnSimilar == AdoptSimilar:
		x.adoptAt(f, t, p)
	default:
		f.taken = true
		x.out.Held = append(x.out.Held, HeldMessage{Pair: f.pair, Meta: f.meta, Failure: true, Similar: true,
			Why: fmt.Sprintf("similar, altered: message %d of %s", t.meta.UID, showPath(t.path))})
	}
}

func (x *decision) adoptAt(f *freshMessage, t *foreignMessage, p Print) {
	f.taken = true
	r := &Row{Pair: f.pair.Pair.ID, SourceUID: f.meta.UID, SourceValidity: f.pair.Source.UIDValidity, TargetUID: t.meta.UID,
		TargetValidity: t.validity, Digest: p.Digest, Size: p.Octets, Date: f.meta.Date, Outcome: Adopted, Origin: FromSource,
		Left: t.meta.Flags, Settled: true}
	if p.Plain != p.Digest {
		r.Plain = p.Plain
	}
	if folderKey(t.path) != folderKey(f.pair.Pair.Target.Path) {
		r.TargetFolder = t.path
	}
	// The base is empty: all flags of the source are new to the target. Not
	// so below the fence, where a person may have taken them away.
	if x.s.Policy == AddOnly && x.s.Fences.below(f.pair.Pair, f.pair.Source.UIDValidity, f.meta) {
		r.Flags = sortedFlags(f.meta.Flags)
	}
	x.touch(r)
	source, target := f.meta, t.meta
	x.here = append(x.here, &placed{row: r, pair: f.pair, source: &source, target: &target})
}

// rest decides about what is new and nowhere on the target.
func (x *decision) rest() {
	looked := map[*PairState]map[int]*freshMessage{}
	for _, f := range x.fresh {
		if looked[f.pair] == nil {
			looked[f.pair] = map[int]*freshMessage{}
		}
		looked[f.pair][f.at] = f
	}
	for _, p := range x.s.Pairs {
		x.unknown(p, func(i int) {
			if f := looked[p][i]; f == nil || !f.taken {
				x.newcomer(p, i, f)
			}
		})
	}
}

// newcomer decides about one message; f is nil where its octets were not asked for.
func (x *decision) newcomer(p *PairState, i int, f *freshMessage) {
	switch {
	case p.excluded():
		x.note(p, i, f, Excluded, p.Pair.Reason)
	case f != nil && x.wanted[f.ref()] && x.unread(f):
		x.out.Held = append(x.out.Held, HeldMessage{Pair: p, Meta: f.meta, Failure: true, Why: "listed, but not delivered when it was asked for"})
	case x.s.Policy == AddOnly && x.fenced(p, i):
		x.note(p, i, f, Released, belowFence)
	case x.s.Policy == AddOnly && !x.s.Final && isDraft(p, i):
		x.out.Held = append(x.out.Held, HeldMessage{Pair: p, Meta: p.Source.At(i), Why: "draft: copied by the last delta"})
	case x.leftToForward(p, i):
	default:
		l := x.copiesOf(p)
		l.At = append(l.At, uint32(i))
	}
}

func (x *decision) copiesOf(p *PairState) *CopyList {
	if x.copies[p] == nil {
		x.copies[p] = &CopyList{Pair: p, Again: map[uint32]*Row{}}
	}
	return x.copies[p]
}

func (x *decision) copyAgain(p *placed) {
	i, ok := p.pair.Source.messages.search(p.source.UID)
	if !ok {
		panic("bug: a message that is placed on the source is not in its view")
	}
	l := x.copiesOf(p.pair)
	l.At = append(l.At, uint32(i))
	l.Again[uint32(i)] = p.row
}

// list brings what was collected into the order of pairs and messages.
func (x *decision) list() {
	for _, p := range x.s.Pairs {
		if l := x.copies[p]; l != nil {
			slices.Sort(l.At)
			x.out.Copies = append(x.out.Copies, *l)
		}
		for _, o := range []Outcome{Excluded, Released} {
			if l := x.notes[noted{p, o}]; l != nil {
				x.out.Notes = append(x.out.Notes, *l)
			}
		}
	}
}

func (x *decision) unread(f *freshMessage) bool {
	_, ok := x.prints[f.ref()]
	return !ok
}

func (x *decision) fenced(p *PairState, i int) bool {
	return !x.s.Trusted && !x.s.Fences.CopyBelow && x.s.Fences.below(p.Pair, p.Source.UIDValidity, p.Source.At(i))
}

func isDraft(p *PairState, i int) bool {
	return p.Use == `\Drafts` || hasFlag(p.Source.messages.flags(i), `\Draft`)
}

// note gives a message its outcome. One that was read has a row with its digest.
func (x *decision) note(p *PairState, i int, f *freshMessage, o Outcome, why string) {
	if f != nil {
		if print, ok := x.prints[f.ref()]; ok {
			r := noteRow(p, i, o, why)
			r.Digest, r.Size = print.Digest, print.Octets
			x.touch(r)
			return
		}
	}
	k := noted{p, o}
	if x.notes[k] == nil {
		x.notes[k] = &NoteList{Pair: p, Outcome: o, Reason: why}
	}
	x.notes[k].At = append(x.notes[k].At, uint32(i))
}

func noteRow(p *PairState, i int, o Outcome, why string) *Row {
	m := p.Source.At(i)
	return &Row{Pair: p.Pair.ID, SourceUID: m.UID, SourceValidity: p.Source.UIDValidity, Size: m.Size, Date: m.Date,
		Flags: m.Flags, Outcome: o, Origin: FromSource, Reason: why, Settled: true}
}

// finishVanished ends rows whose source message is no more.
func (x *decision) finishVanished() {
	var due []DeleteAction
	for _, p := range x.vanished {
		if p.taken || p.elsewhere && !p.secured {
			continue
		}
		why, wait := x.keeps(p)
		switch {
		case wait:
			x.out.Pending[p.row.Pair]++
		case why == "":
			due = append(due, DeleteAction{Row: p.row, Folder: p.where()})
		default:
			p.row.Outcome, p.row.Reason = Gone, why
			x.touch(p.row)
			if announcedDeletion(p.row, p.target) {
				x.out.Flags = append(x.out.Flags, FlagAction{Row: p.row, Folder: p.where(), Remove: []string{`\Deleted`}, Source: p.row.Flags})
			}
		}
	}
	x.admit(due)
}

// keeps says why the copy of a vanished message stays, or that it is too early to say.
func (x *decision) keeps(p *placed) (why string, wait bool) {
	r := p.row
	switch {
	case !r.Outcome.Live():
		return "vanished on the source", false
	case x.s.Policy == AddOnly || x.s.KeepVanished || p.pair.excluded():
		return keptPolicy, false
	case r.Outcome != Copied || r.Origin != FromSource:
		return keptAdopted, false
	case p.noDelete || p.renumbered:
		return keptFence, false
	case r.TargetFolder != nil:
		return keptMoved, false
	case !p.pair.SourceListed && p.pair.Pair.Absent < 1:
		return "", true // a folder missing from one pass only
	case p.target == nil:
		return "vanished on both sides", !x.absenceProven(p)
	case !r.Settled:
		return "", true
	case !leftAlone(r, p.target):
		return keptChanged, false
	}
	return "", false
}

// leftAlone: what we announced ourselves may or may not be done yet.
func leftAlone(r *Row, m *Meta) bool {
	ours := r.Flux
	if hasFlag(r.Left, `\Deleted`) {
		ours = unionFlags(ours, []string{`\Deleted`})
	}
	return equalFlags(minusFlags(m.Flags, ours), minusFlags(r.Left, ours))
}

// deleteFloor is the number of messages a pass may always delete.
const deleteFloor = 20

// admit lets deletions through under the ceiling: percent of the mailbox,
// outside Trash and Junk, never below 20 messages; none at all when the
// source shows nothing of what it had.
func (x *decision) admit(due []DeleteAction) {
	counted, total := 0, 0
	for _, p := range x.s.Pairs {
		if p.bin() {
			continue
		}
		if p.Source.Known || !p.SourceListed {
			total += p.Quiet + len(p.Rows)
		} else {
			total += int(p.Pair.Source.Messages)
		}
	}
	bins := map[int64]bool{}
	for _, p := range x.s.Pairs {
		bins[p.Pair.ID] = p.bin()
	}
	for _, a := range due {
		if !bins[a.Row.Pair] {
			counted++
		}
	}
	allowed := max(deleteFloor, total*x.s.MaxDelete/100)
	switch {
	case len(due) > 0 && x.s.SourceMessages == 0:
		x.out.Refusal = fmt.Sprintf("the source shows no message at all where it had %d: nothing is deleted", total)
	case counted > allowed:
		x.out.Refusal = fmt.Sprintf("%d messages vanished on the source, more than the %d one pass may delete: nothing is deleted", counted, allowed)
	default:
		x.out.Deletes = due
		return
	}
	x.out.RefusedDeletes = due
	for _, a := range due {
		x.out.Pending[a.Row.Pair]++
	}
}

// added are the only flags that add-only time brings over.
func (x *decision) added(flags []string) []string {
	if x.s.Policy == Mirror {
		return flags
	}
	return intersectFlags(flags, []string{`\Seen`, `\Answered`, `$Forwarded`})
}

// flags is the three-way comparison. A flag is set or not, so when both sides
// changed it they agree: what the source changed since the last agreement is
// all there is to do, and a change made on the target only stays.
func (x *decision) flags() {
	for _, p := range x.here {
		source := sortedFlags(p.source.Flags)
		if p.row.Origin == FromTarget || p.withdrawn {
			continue
		}
		a := FlagAction{Row: p.row, Folder: p.where(), Source: source, Add: minusFlags(x.added(minusFlags(source, p.row.Flags)), p.target.Flags)}
		if x.s.Policy == Mirror {
			a.Remove = intersectFlags(minusFlags(p.row.Flags, source), p.target.Flags)
		}
		if announcedDeletion(p.row, p.target) && !hasFlag(source, `\Deleted`) {
			a.Remove = append(a.Remove, `\Deleted`)
		}
		x.inFlux(&a, p, source)
		if len(a.Add)+len(a.Remove) > 0 {
			x.out.Flags = append(x.out.Flags, a)
			continue
		}
		if !equalFlags(source, p.row.Flags) || len(p.row.Flux) > 0 {
			p.row.Flags, p.row.Flux = source, nil
			x.touch(p.row)
		}
		// A change of ours that was not recorded is no person's change.
		if p.row.Outcome == Copied && p.row.Settled && equalFlags(p.target.Flags, source) && !equalFlags(p.target.Flags, p.row.Left) {
			p.row.Left = sortedFlags(p.target.Flags)
			x.touch(p.row)
		}
	}
}

// inFlux adds what a pass announced and may or may not have done: there the
// base says nothing, and the source alone does.
func (x *decision) inFlux(a *FlagAction, p *placed, source []string) {
	for _, f := range p.row.Flux {
		switch has, shall := hasFlag(p.target.Flags, f), hasFlag(source, f); {
		case shall && !has && !hasFlag(a.Add, f):
			a.Add = append(a.Add, f)
		case has && !shall && x.s.Policy == Mirror && !hasFlag(a.Remove, f):
			a.Remove = append(a.Remove, f)
		}
	}
}

// announcedDeletion: the \Deleted on the target is ours, from a deletion that
// was interrupted. A message that stays after all must not keep it.
func announcedDeletion(r *Row, target *Meta) bool {
	return target != nil && hasFlag(r.Left, `\Deleted`) && !hasFlag(r.Flags, `\Deleted`) && hasFlag(target.Flags, `\Deleted`)
}

// record lists the changed rows in a fixed order.
func (x *decision) record() {
	for r := range x.dirty {
		x.out.Record = append(x.out.Record, r)
	}
	slices.SortFunc(x.out.Record, func(a, b *Row) int {
		switch {
		case a.Pair != b.Pair:
			return int(a.Pair - b.Pair)
		case a.SourceUID != b.SourceUID:
			return int(int64(a.SourceUID) - int64(b.SourceUID))
		}
		return int(a.ID - b.ID)
	})
}
