// Package demo is the small world in which the demonstration runs: an old and
// a new mail service and the name servers of one domain, all in process, on
// real sockets of loopback. A newcomer sees the whole method in half a minute,
// without a network and without a configuration.
//
//   - IMAP: two servers with implicit TLS, certified by an authority made at
//     the start ([World] writes ca.pem).
//   - SMTP: for each side a listener that is MX and one for submission, which
//     follows the MX record as any mail server would.
//   - DNS: internal/demo/dnsd, changed by signed updates, with a journal.
//   - The new service's own interface: the target driver "demo" of
//     [World.Catalog].
//   - People: three mailboxes with a past ([Start] fills them), and
//     [World.Mutate], by which they go on living while the migration runs.
//
// It keeps a book of what every side must hold: what people and senders did is
// written there when it is done. [World.Check] reads both sides with a mail
// program of its own and compares them with the book; it shares no code with
// the copy engine and does not know what the engine did.
//
// Nothing listens beyond loopback, nothing outlives [World.Close] except the
// files in the directory it was given.
//
// Invariant: the book is changed only by what people and senders do, never by
// what is found on a server.
package demo
