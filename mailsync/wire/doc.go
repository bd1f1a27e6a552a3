// Package wire is one IMAP connection seen as octets: what is sent, what comes
// back, and nothing of what it means for a mailbox.
//
// A [Reader] takes a server's stream apart without ever holding a message: it
// hands out tokens, and literals as readers. A [Conn] owns the socket. It sends
// commands that may be pipelined, collects their replies, counts, traces,
// limits, and refuses whatever its allow-list does not name. A [Tap] is the
// same connection as a net.Conn, for the IMAP library that does the login: the
// library's reader is parked whenever it has no command outstanding, so that
// the socket has one reader at any time, and it is handed clean responses only.
//
// It never decides that a message is copied, never retries, never sends what
// is not admitted, and never shows a credential in a trace.
//
// Invariant: memory is bounded by Limits whatever the server sends; every wait
// ends when nothing moved for Limits.Patience or when the context does.
package wire
