package mailsync

import (
	"fmt"
)

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
