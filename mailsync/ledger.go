package mailsync

import (
	"context"
	"errors"
	"time"
)

// Outcome is what became of a source message. Each ends in exactly one.
type Outcome string

// Outcomes. Live ones hold a claim on a target message.
const (
	// Copied: we wrote the target message.
	Copied Outcome = "copied"
	// Adopted: the same octets were on the target before us; never deleted by us.
	Adopted Outcome = "adopted"
	// Delivered: the target received the same message by itself (a forward).
	Delivered Outcome = "delivered"
	// Moved: moved on the source in add-only time; the target keeps it where it was.
	Moved Outcome = "moved"
	// Released: a person moved or deleted it on the target, or it lies below
	// the fence of the switch; it is not ours to bring back.
	Released Outcome = "released"
	// Excluded: left behind by a rule.
	Excluded Outcome = "excluded"
	// Rejected: the target refused it for good; Reason has its words.
	Rejected Outcome = "rejected"
	// Gone: no longer on the source.
	Gone Outcome = "gone"
)

// Live reports whether rows of this outcome claim a target message.
func (o Outcome) Live() bool { return o == Copied || o == Adopted || o == Delivered || o == Moved }

// Origin says on which side a message was first.
type Origin string

// Origins.
const (
	FromSource Origin = "source"
	// FromTarget marks what the reverse pull of a rollback brought to the old side.
	FromTarget Origin = "target"
)

// ErrLedgerCorrupt: the ledger cannot be trusted. Removing it costs time, never mail.
var ErrLedgerCorrupt = errors.New("ledger is damaged")

// ErrLedgerNewer: the ledger was written by a newer version.
var ErrLedgerNewer = errors.New("ledger has a newer format")

// Side is one end of a folder pair as it was at the last complete look.
type Side struct {
	// Path is nil on the target side of a folder that was excluded from the start.
	Path []string
	Status
}

// Pair joins a source folder to its target folder. Once recorded, the
// mapping stays, whatever later passes would have chosen.
type Pair struct {
	ID             int64
	Source, Target Side
	// Excluded: a rule leaves the folder behind.
	Excluded bool
	// Reason says how the target name was found, or which rule excludes.
	Reason string
	// Pending counts messages that a later pass must look at again: a pair
	// with any is never skipped as unchanged.
	Pending int
	// Absent counts passes in a row in which the source did not list the folder.
	Absent int
	// Displaced counts rows whose copy a person filed in another target folder.
	Displaced int
	// LastArrival is the newest INTERNALDATE of mail that came in by itself.
	LastArrival time.Time
}

// Row is one message. UIDs carry the UIDVALIDITY they belong to, so that a row
// says by itself whether it is void.
type Row struct {
	ID, Pair                       int64
	SourceUID, TargetUID           UID
	SourceValidity, TargetValidity uint32
	// TargetFolder is where a person moved the copy; nil = the pair's folder.
	TargetFolder []string
	// Digest is zero for messages that were never read (excluded, some rejected).
	Digest Digest
	// Plain is zero when it equals Digest.
	Plain Digest
	// Size counts the octets as they streamed.
	Size int64
	Date time.Time
	// Flags are the source's at the last agreement; Left the target's as we
	// left them, before Settled what we sent.
	Flags, Left []string
	// Flux are flags whose change on the target was announced, and not
	// recorded: whether it was made, nobody knows.
	Flux    []string
	Outcome Outcome
	Origin  Origin
	// Settled is false until the target was read back after our write; see Settlement.
	Settled bool
	Reason  string
}

// Settlement settles at once what was read back and found as the rows say: those
// of a pair whose copy is in its own folder at Validity, with a UID below
// Below. A row that is recorded unsettled below an earlier Settlement stays
// so until it is recorded again.
type Settlement struct {
	Pair     int64
	Validity uint32
	Below    UID
}

// Intent announces a batch, or a move on the target: it is durable before the
// first octet is sent.
type Intent struct {
	ID, Pair int64
	At       time.Time
	// Moved is the row of the message that is moved into the folder of Pair
	// from that of From; 0 for a batch.
	Moved, From int64
	// Sources are the UIDs sent, valid with SourceValidity.
	Sources        []UID
	SourceValidity uint32
	// Validity and Next are the target folder's UIDVALIDITY and a lower bound
	// of the first UID the batch can get.
	Validity uint32
	Next     UID
}

// Sighting remembers the digests of a message that has no row, so that it is
// read once only.
type Sighting struct {
	OnTarget bool
	Folder   []string
	Validity uint32
	UID      UID
	Print    Print
}

// Change is one transaction.
type Change struct {
	// Pairs and Rows are inserted when their ID is 0, which is then set,
	// replaced otherwise. A row that changes its pair changes its ID.
	Pairs []*Pair
	Rows  []*Row
	// Settled takes effect after Rows.
	Settled []Settlement
	// Forget deletes rows.
	Forget []int64
	// Open is made durable; its ID is set. Close ends an intent.
	Open      *Intent
	Close     int64
	Sightings []Sighting
}

// Head identifies a ledger: ID is drawn when it is created, Serial rises with every change.
type Head struct {
	ID     string
	Serial uint64
}

// Ledger remembers, for one mailbox, what was done. Commit is atomic and
// durable when it returns nil. It belongs to one goroutine at a time; a second
// process is kept out by Lease. Only Rows, Astray and Sightings may take time
// in proportion to the number of messages.
type Ledger interface {
	Head(ctx context.Context) (Head, error)
	Pairs(ctx context.Context) ([]Pair, error)
	// Rows calls fn for each row of a pair, in the order of their IDs. Their
	// Flags, Left, Flux and TargetFolder are shared: they are replaced, never
	// changed. fn must not use the ledger.
	Rows(ctx context.Context, pair int64, fn func(Row) error) error
	// Astray is Rows for those that folders besides the pair's may have to do
	// with: their outcome is Gone, or their copy was filed elsewhere.
	Astray(ctx context.Context, pair int64, fn func(Row) error) error
	// Counts returns the number of rows by outcome.
	Counts(ctx context.Context) (map[Outcome]int, error)
	// Intents returns those opened and not closed, oldest first.
	Intents(ctx context.Context) ([]Intent, error)
	// Sightings returns what is remembered of one folder at one UIDVALIDITY.
	Sightings(ctx context.Context, onTarget bool, folder []string, validity uint32) (map[UID]Print, error)
	Commit(ctx context.Context, c Change) error
	// Lease admits one pass at a time: the error wraps ErrLeased and names
	// the holder. It ends with release or with the process, never by age:
	// a pass that is slow is not a pass that died.
	Lease(ctx context.Context, owner string) (release func() error, err error)
	Close() error
}
