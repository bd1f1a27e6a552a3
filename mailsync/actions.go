package mailsync

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
