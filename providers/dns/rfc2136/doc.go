// Package rfc2136 changes zones of a name server that takes dynamic updates
// (RFC 2136) signed with TSIG (RFC 8945): BIND, Knot, PowerDNS and others.
//
// Every write is one UPDATE message with prerequisites: the server compares
// the RRset with the one the write starts from and changes it in the same
// transaction, or does nothing. Reading the whole zone goes through libdns;
// writing does not, because its messages carry no prerequisites.
//
// It never sends an unsigned message, never accepts an unsigned success, and
// never touches an RRset it was not asked to.
//
// The main type is [Client].
//
// Invariant: between two states of the zone the RRset is either the one before
// or the one after; an update that fails leaves the one before.
package rfc2136
