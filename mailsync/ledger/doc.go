// Package ledger is the mailsync.Ledger on disk: one SQLite file per mailbox.
//
// The file holds no message content, no password and no address: folder
// names, UIDs, digests, sizes, dates, flags, and what servers said of messages
// they refused. It is created with mode 0600; docs/ledger-format.md describes
// its tables. Journal mode is WAL and synchronous is FULL, so that what
// [Ledger.Commit] returned nil for survives a power cut.
//
// Beside PATH lies PATH.lease, a second tiny database whose exclusive lock is
// the lease: the operating system gives it up with the process, so a pass
// that was killed never keeps the next one out, and a pass that is merely slow
// is never taken for dead.
//
// Invariant: a ledger that cannot be read is refused with
// mailsync.ErrLedgerCorrupt, never silently begun anew. Removing it costs the
// time to compare both sides by content, never mail.
package ledger
