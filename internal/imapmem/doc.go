// Package imapmem starts an IMAP server inside the process, on a loopback
// port: for tests, and for the demo that needs no installation.
//
// It has UIDPLUS, MOVE and SPECIAL-USE, but neither CONDSTORE nor MULTIAPPEND:
// the plain path of a server of yesterday. Nothing is kept when it ends. It
// never listens beyond loopback and is no part of a migration.
//
// Invariant: after Close no goroutine and no port is left.
package imapmem
