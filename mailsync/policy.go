package mailsync

import "time"

// Policy says what a pass may do on the target.
type Policy int

const (
	// Mirror: before the switch. The target follows the source.
	Mirror Policy = iota
	// AddOnly: after the switch, or for people who already work on the
	// target. Late mail is added; nothing is deleted, moved or unmarked.
	AddOnly
)

func (p Policy) String() string {
	if p == AddOnly {
		return "add-only"
	}
	return "mirror"
}

// Similar says what becomes of a source message when the target holds one
// that is the same by the target's class, but not by its octets, and that we
// did not write.
type Similar int

const (
	// AskSimilar copies nothing and counts the messages, by folder, as a failure.
	AskSimilar Similar = iota
	// AdoptSimilar takes the target's for the source's.
	AdoptSimilar
	// KeepBoth copies.
	KeepBoth
)

// Fence is where a folder pair stood at the switch.
type Fence struct {
	// Source names the source folder.
	Source []string
	// SourceNext and TargetNext are the UIDNEXTs at the switch.
	SourceValidity, TargetValidity uint32
	SourceNext, TargetNext         UID
}

// Fences is what the state keeps of the switch, for the day a ledger is lost.
type Fences struct {
	At time.Time
	// Ledger is the ledger's Head at the switch: another ID, or a lower
	// Serial, and the ledger does not know all that was done before.
	Ledger  Head
	Folders []Fence
	// CopyBelow is a person's word that messages below the fences are to be
	// copied although the ledger does not know what became of them.
	CopyBelow bool
}

// trusts reports whether a ledger knows everything that was done before the switch.
func (f Fences) trusts(h Head) bool {
	return f.Ledger.ID == "" || (f.Ledger.ID == h.ID && h.Serial >= f.Ledger.Serial)
}

// below reports whether a source message was there at the switch already.
// Where UIDs cannot say, the arrival does.
func (f Fences) below(p Pair, validity uint32, m Meta) bool {
	for _, x := range f.Folders {
		if folderKey(x.Source) != folderKey(p.Source.Path) {
			continue
		}
		if x.SourceValidity == validity {
			return m.UID < x.SourceNext
		}
		return m.Date.Before(f.At)
	}
	return !f.At.IsZero() && m.Date.Before(f.At)
}
