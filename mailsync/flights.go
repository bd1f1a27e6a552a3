package mailsync

import (
	"context"
	"io"
)

// What follows are abilities like those of abilities.go, for work in many
// folders: nobody waits for one folder before beginning with the next. A
// folder is named with the UIDVALIDITY its UIDs belong to. A refusal concerns
// its folder alone: who wants to know more opens it by itself. The error of a
// method is the connection's; afterwards no folder is open.

// Reading is messages of one folder that are to be read.
type Reading struct {
	Folder   Folder
	Validity uint32
	UIDs     []UID
	// Bare wants the octets alone: of a Meta only the UID is told. What a look
	// told already costs a server as much as the octets of a small message.
	Bare bool
}

// Reader reads messages of many folders in one flight.
type Reader interface {
	// ReadAll is Examine and Fetch for each reading, in order; fn is told which
	// one a message belongs to. Of a folder with another UIDVALIDITY nothing is
	// delivered, and it is refused. Messages that were not delivered and of
	// which no refusal tells are not there, or cannot be read.
	ReadAll(ctx context.Context, readings []Reading, fn func(reading int, m Meta, octets int64, body io.Reader) error) (refusals []error, err error)
}

// Storing is changes of flags in one folder.
type Storing struct {
	Folder   Folder
	Validity uint32
	// Changes may be empty: the folder is opened for writing, and says how it stands.
	Changes []FlagChange
}

// Stored is how a folder stood when it was opened, and what became of the work in it.
type Stored struct {
	Status  Status
	Accepts Accepts
	// Refusals stand in the places of the changes.
	Refusals []error
	// After is how the folder stands once messages were expunged, or nil.
	After *Status
	// Err says that nothing was done.
	Err error
}

// Replaced reports whether the folder is another than the one that was meant.
func (s Stored) Replaced(validity uint32) bool {
	return s.Err == nil && s.Status.UIDValidity != validity
}

// Removal is messages of one folder that are to go.
type Removal struct {
	Folder   Folder
	Validity uint32
	UIDs     []UID
}

// Storer changes flags in many folders in one flight, and removes messages.
type Storer interface {
	// StoreAll opens each folder for writing and makes its changes, in order.
	// They are on their way before the server says which UIDVALIDITY the
	// folder has, and may be made in one that took its place: whoever calls it
	// saw the folder a moment ago, and looks at Replaced.
	StoreAll(ctx context.Context, storings []Storing) ([]Stored, error)
	// ExpungeAll opens each folder for writing and expunges those of the
	// messages that carry \Deleted already; it sets it on none, so that a
	// folder that took the place of another keeps what it has. A refusal to
	// expunge is the only one of Refusals.
	ExpungeAll(ctx context.Context, removals []Removal) ([]Stored, error)
}
