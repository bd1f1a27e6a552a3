package mailsync

import (
	"context"
	"crypto/sha256"
	"io"
	"time"
)

// UID is an IMAP unique identifier (RFC 3501 §2.3.1.1), valid with the
// UIDVALIDITY of its folder only.
type UID uint32

// Status is what a server says of a folder without opening it (RFC 3501 §6.3.10).
type Status struct {
	UIDValidity uint32
	UIDNext     UID
	Messages    uint32
	// HighestModSeq is 0 where the server has no CONDSTORE (RFC 7162) or says NOMODSEQ.
	HighestModSeq uint64
}

// Folder is a mailbox in the sense of IMAP, as one LIST response describes it.
type Folder struct {
	// Path holds the components of the name, decoded to UTF-8.
	Path []string
	// Raw is the name in the server's own octets: what EXAMINE must be given.
	Raw string
	// Delim separates the components in Raw; 0 in a flat namespace.
	Delim rune
	// Use is the special-use attribute (RFC 6154), such as "\Sent", or "".
	Use string
	// Selectable is false for \NoSelect and \NonExistent.
	Selectable bool
	Subscribed bool
	// Status is nil where the server gave none: unknown, never "unchanged".
	Status *Status
}

// Meta is what is known of a message without its octets.
type Meta struct {
	UID UID
	// Size is RFC822.SIZE; servers are known to be wrong about it.
	Size int64
	// Date is INTERNALDATE: an instant, its zone carries no meaning.
	Date time.Time
	// Flags holds system flags and keywords, sorted, without \Recent.
	Flags []string
	// ModSeq is 0 without CONDSTORE.
	ModSeq uint64
	// Object is zero where the server names no messages. Only Scan tells it,
	// and so it is with Labels.
	Object ObjectID
	// Labels are told of messages in the folder of all mail of a server with
	// labels (X-GM-LABELS), nil elsewhere: names of folders in UTF-8, and
	// "\Inbox", "\Sent" and their like.
	Labels []string
}

// ObjectID is a server's own name of a message: the same in whatever folder it
// is (X-GM-MSGID; EMAILID, RFC 8474 §3), and never given to other octets. It
// counts within one pass and one server, and says nothing of what the octets are.
type ObjectID [16]byte

// NewObjectID makes a name of any length one of sixteen octets.
func NewObjectID(name []byte) (id ObjectID) {
	sum := sha256.Sum256(name)
	copy(id[:], sum[:])
	return id
}

// IsZero reports that the server gave no name.
func (id ObjectID) IsZero() bool { return id == ObjectID{} }

// Identity tells one server from another: what was seen at a connection.
type Identity struct {
	// Endpoint is "host:port" as configured, Address the peer as dialled.
	Endpoint, Address string
	// KeySHA256 is the hex digest of the certificate's public key (SPKI);
	// empty on a plaintext connection.
	KeySHA256 string
	// ID holds what the server says of itself (RFC 2971): name, version.
	ID map[string]string
}

// Source is the side that is never written: the type has no method that
// could. A Source belongs to one goroutine at a time.
type Source interface {
	// Identity returns what was seen when the connection was made.
	Identity() Identity
	// List returns every folder of the personal namespace, with Status for
	// each selectable one where the server answers it.
	List(ctx context.Context) (Listing, error)
	// Examine opens a folder read-only (EXAMINE) until the next Examine or Close.
	Examine(ctx context.Context, f Folder) (Status, error)
	// Scan calls fn once for each message of the open folder, in UID order.
	// With changedSince > 0 only messages whose mod-sequence is greater are
	// reported, in the order the server likes; that needs CONDSTORE.
	Scan(ctx context.Context, changedSince uint64, fn func(Meta) error) error
	// UIDs returns the UIDs of the open folder, ascending.
	UIDs(ctx context.Context) ([]UID, error)
	// Fetch streams the octets of the given messages with BODY.PEEK[], in any
	// order. fn must read body to its end or return an error. UIDs the
	// server did not deliver are returned, never silently left out: they
	// may have been expunged meanwhile, or be unreadable.
	Fetch(ctx context.Context, uids []UID, fn func(m Meta, octets int64, body io.Reader) error) (missing []UID, err error)
	// Close logs out and ends the connection.
	Close() error
}

// Listing is one enumeration of a mailbox.
type Listing struct {
	Folders []Folder
	// Foreign names folders of other users' and shared namespaces
	// (RFC 2342): listed as not carried, never copied.
	Foreign []string
	// Labelled: folders are labels, and the one of use \All has every message
	// once, whatever its labels (Gmail, X-GM-EXT-1).
	Labelled bool
}

// Outgoing is one message to append. Body yields exactly Size octets.
type Outgoing struct {
	Size  int64
	Date  time.Time
	Flags []string
	Body  io.Reader
}

// Appended is what the target said of a batch it accepted.
type Appended struct {
	// UIDs are in the order of the batch; nil without UIDPLUS (RFC 4315).
	UIDs        []UID
	UIDValidity uint32
}

// Target is the side that is written. A Target belongs to one goroutine at a time.
type Target interface {
	Source
	// Create makes a folder and its parents; one that exists is no error.
	// It returns the folder as the server then lists it.
	Create(ctx context.Context, path []string, use string) (Folder, error)
	// Subscribe sets the subscription of a folder.
	Subscribe(ctx context.Context, f Folder) error
	// Select opens a folder for writing.
	Select(ctx context.Context, f Folder) (Status, error)
	// Append adds a batch to a folder, in order: next returns nil at the
	// end. The batch is accepted as a whole or the error says how far it
	// is known: see AppendError.
	Append(ctx context.Context, f Folder, next func() (*Outgoing, error)) (Appended, error)
	// AddFlags and RemoveFlags change flags of messages in the folder opened by Select.
	AddFlags(ctx context.Context, uids []UID, flags []string) error
	RemoveFlags(ctx context.Context, uids []UID, flags []string) error
	// Move moves messages of the selected folder, and returns their UIDs
	// there in the same order; nil where the server does not say (RFC 6851).
	Move(ctx context.Context, uids []UID, to Folder) ([]UID, error)
	// Expunge removes exactly these messages of the selected folder
	// (UID EXPUNGE, RFC 4315); ErrNoUIDPlus where the server cannot.
	Expunge(ctx context.Context, uids []UID) error
	// Accepts says what the selected folder can keep.
	Accepts() Accepts
}

// Accepts is what PERMANENTFLAGS and capabilities promise of a folder.
type Accepts struct {
	// Flags lists the permanent flags; NewKeywords is true for "\*".
	Flags       []string
	NewKeywords bool
	// Writes reports whether a flag can be written in a command: some servers
	// show keywords that none may carry (RFC 3501 §9). nil = any can.
	Writes func(flag string) bool
	// MaxSize is the largest message taken (APPENDLIMIT, RFC 7889); 0 = not said.
	MaxSize                    int64
	UIDPlus, Move, MultiAppend bool
}
