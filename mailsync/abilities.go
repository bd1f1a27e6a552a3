package mailsync

import (
	"context"
	"io"
)

// What follows are abilities a Source or Target may have besides the
// contract. They save round trips and nothing else: where one is missing, or
// does not do it for a folder, the engine takes the plain way.

// Question is what a survey wants to know of a folder.
type Question int

// Questions. Every one includes the Status that opening the folder tells.
const (
	// AskStatus wants nothing else.
	AskStatus Question = iota
	// AskMessages wants what Scan reports, without mod-sequences.
	AskMessages
	// AskUIDs wants what UIDs returns.
	AskUIDs
	// AskFlags is AskMessages for UIDs and flags alone.
	AskFlags
	// AskChanges is AskMessages with ChangedSince, and what Changes says. A
	// server that keeps no such history is asked for all messages instead.
	AskChanges
)

// Ask is one folder of a survey.
type Ask struct {
	Folder   Folder
	Question Question
	// ChangedSince is Scan's, for AskMessages, AskFlags and AskChanges.
	ChangedSince uint64
	// UIDs are the only messages that AskMessages is about; none means all.
	// One that is not there is left out of the answer.
	UIDs []UIDRange
	// Message, if any, is told each message instead of Surveyed.Messages; what
	// it was told is void where the answer has an Err.
	Message func(Meta)
}

// Surveyed is the answer to an Ask.
type Surveyed struct {
	Status   Status
	Messages []Meta
	UIDs     []UID
	// Changes is nil where the answer tells every message.
	Changes *Changes
	// Err says that this folder could not be surveyed. It proves nothing: a
	// caller opens the folder by itself to learn what is the matter.
	Err error
}

// Changes are two statements of a server about what is in a folder, which come
// from different records of it: the search of its messages, and its history
// (VANISHED, RFC 7162 §3.2.10). They are ranges in no order.
type Changes struct {
	// Present are the UIDs of all messages.
	Present []UIDRange
	// Vanished are UIDs that are gone since; the server may name more than
	// were ever there.
	Vanished []UIDRange
}

// Surveyor looks at many folders without waiting for one before asking for
// the next.
type Surveyor interface {
	// Survey examines each folder, in order, and returns as many answers as
	// there are asks. No folder is open afterwards. An error is the connection's.
	Survey(ctx context.Context, asks []Ask) ([]Surveyed, error)
}

// NewFolder is a folder to be made.
type NewFolder struct {
	Path      []string
	Use       string
	Subscribe bool
}

// Created is what became of a NewFolder.
type Created struct {
	Folder Folder
	// Subscribed is true when a subscription that was asked for was made.
	Subscribed bool
	// Err says that it was not made this way; the caller tries by itself.
	Err error
}

// Founder makes many folders in one or two round trips.
type Founder interface {
	// CreateAll is Create and Subscribe for each, in order. An error is the connection's.
	CreateAll(ctx context.Context, folders []NewFolder) ([]Created, error)
}

// Streamer is a Target that takes a batch while it still works on those before it.
type Streamer interface {
	// AppendStream is Append for batch behind batch, without waiting for the
	// answers. next returns a batch, and more = false at the end; with wait
	// false it may return nil and more = true: none is there yet. done is told
	// what Append would have returned, for each batch in their order. A batch
	// that is refused ends nothing. The error is the connection's: batches that
	// done was not told of are unknown.
	AppendStream(ctx context.Context, next func(wait bool) (batch *Batch, more bool), done func(Appended, error)) error
}

// Copier is a Target that makes messages of one of its folders again in
// another, and says under which UIDs (RFC 4315): it needs Accepts.UIDPlus.
type Copier interface {
	// CopyWithin copies messages of the folder opened by Select (UID COPY, RFC
	// 3501 §6.4.7). Dates and flags should be the same, and need not be. What
	// is not there is left out, and is no error. When the error is a refusal,
	// any number of them may have been copied.
	CopyWithin(ctx context.Context, uids []UID, to Folder) (CopiedWithin, error)
}

// CopiedWithin says where copies are; nothing, where the server does not say.
type CopiedWithin struct {
	UIDValidity uint32
	UIDs        map[UID]UID // by the UID of the original
}

// Asker is a Target that can ask before it sends the octets of a message: a
// round trip for each, and a refusal then ends no connection.
type Asker interface {
	AskFirst(ask bool)
}

// Batch is messages for one folder.
type Batch struct {
	To Folder
	// Open asks to open the folder for writing first, without waiting, unless
	// the batch before it went there: that pays where many messages follow.
	Open bool
	// Next yields them as Append wants them, nil at the end.
	Next func() (*Outgoing, error)
}

// FlagChange sets or clears one flag on messages of a folder.
type FlagChange struct {
	UIDs   []UID
	Flag   string
	Remove bool
}

// StartFetcher is a Source that can give only the beginning of messages.
type StartFetcher interface {
	// FetchStart is Fetch, but of each message at most its first octets are
	// delivered.
	FetchStart(ctx context.Context, uids []UID, octets int, fn func(m Meta, octets int64, body io.Reader) error) (missing []UID, err error)
}

// Remover deletes folders. The engine removes none but the scratch folders of
// its own probes.
type Remover interface {
	// RemoveFolder deletes a folder with the messages in it (RFC 3501 §6.3.4).
	// One that does not exist is no error.
	RemoveFolder(ctx context.Context, f Folder) error
}
