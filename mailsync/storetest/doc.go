// Package storetest holds what the tests of the engine and of its adapters
// share: an IMAP-like server in memory with the habits of real ones, faults on
// demand, and the contract every mailsync.Target keeps.
//
// A new adapter is tested with
//
//	storetest.Run(t, func(t *testing.T) storetest.Fixture { … })
//
// Invariant: a [Server] never loses or changes a message unless its
// [Personality] says so; what it did is seen in [Server.Snapshot] and
// [Server.Writes].
package storetest
