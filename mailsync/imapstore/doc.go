// Package imapstore is an IMAP mailbox as the two sides of a migration:
// [OpenSource] returns a mailsync.Source, [OpenTarget] a mailsync.Target.
//
// The library go-imap does the login, waits, and changes flags one command
// after the other; everything whose octets matter, or whose speed does, is
// spoken by package wire on the same connection: listing, opening, scanning,
// fetching, appending. docs/decisions/0003-imap-wire.md says why.
//
// What concerns many folders goes out in one flight, folder behind folder,
// without waiting for the answers: surveys, readings, changes of flags,
// expunges, batches. So does the introduction, with the first question; and the
// farewell is not waited for.
//
// It never sends what package wire's allow-list of a source does not name, so
// a source cannot be changed by mistake; never holds a message in memory;
// never follows a referral; never sends a credential before the server's
// certificate is verified and, where one is pinned, its key is the pinned one;
// never retries by itself.
//
// Invariant: an error says whether it may go away (retry.IsTemporary), who it
// happened to, and what the server said; and a message of a batch that was not
// delivered is returned as missing, never left out.
//
// Invariant: in a flight, what was meant for a folder that did not open is done
// in no other, whatever the server makes of a refused SELECT.
package imapstore
