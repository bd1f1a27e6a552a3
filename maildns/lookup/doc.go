// Package lookup asks name servers, and says exactly what each of them said.
//
// Decisions about a zone are made on what its authoritative servers serve:
// [Resolver.Snapshot] asks each of them directly, without recursion. A
// recursive resolver is asked for the names and addresses of those servers,
// and for records of other zones (SPF includes, addresses of MX hosts), never
// for a record that is about to be created: it would remember its absence
// (RFC 2308).
//
// It never writes, never caches, and never guesses: a server that does not
// answer, refuses, fails, or answers without authority makes the record
// unknown, which is something else than absent.
//
// The main types are [Resolver] and [Server].
//
// Invariant: a record is reported absent only on an authoritative answer that
// says so (NXDOMAIN or an empty answer with the AA bit).
package lookup
