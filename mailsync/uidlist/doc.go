// Package uidlist gives the messages of a folder on disk the UIDs that their
// format does not have (RFC 3501 §2.3.1.1): a small text file says which key,
// such as a file name or a digest, has which UID.
//
// It knows nothing of formats and never touches mail. [File.Update] is the only
// way in: it takes a lock, reads, lets the caller reconcile, and replaces the
// file as a whole. A file that cannot be read is begun anew under another
// UIDVALIDITY, which the engine answers by comparing contents: that costs time,
// never mail.
//
// Invariant: under one UIDVALIDITY a UID never names two keys, whatever process
// asks and whenever it is stopped.
package uidlist
