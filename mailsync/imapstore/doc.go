// Package imapstore is an IMAP mailbox as the two sides of a migration:
// [OpenSource] returns a mailsync.Source, [OpenTarget] a mailsync.Target.
//
// The library go-imap does the login and the small commands that change flags,
// wait and end; everything whose octets matter, or whose speed does, is spoken
// by package wire on the same connection: listing, opening, scanning, fetching
// and appending. docs/decisions/0003-imap-wire.md says why.
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
package imapstore
