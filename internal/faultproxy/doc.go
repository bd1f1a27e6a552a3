// Package faultproxy stands between an IMAP client and its server and breaks
// the conversation where a test says: before the n-th APPEND, half way through
// its literal, after the server did it and before the client is told, at the
// n-th octet in either direction, with a refusal in the server's name, with a
// BYE, or with silence.
//
//	p := faultproxy.Start(t, dovecot.Addr, faultproxy.Fault{At: faultproxy.Command("APPEND", 2), Do: faultproxy.LoseReply})
//
// It understands the framing of IMAP (RFC 3501 §2.2, RFC 7888) and nothing
// else, and only in the clear: what is tested behind TLS is tested elsewhere.
// A fault happens once; the proxy is transparent before and after it. Where it
// ends a connection, the client learns of it when the server has done what it
// was given and ended its side: what a test then finds there is no matter of
// how fast the machine is.
//
// It never changes an octet it passes on, and never invents a tagged OK.
//
// Invariant: after the test no goroutine of a proxy runs and its port is free.
package faultproxy
