// Package zonewriter is the contract for changing a zone, and the guard that
// no write passes by.
//
// A [Writer] is what a DNS service must offer: replace an RRset, add values to
// one, remove values from one. Drivers differ in what they do with that: some
// delete before they create, some floor the TTL, some rewrite TXT, some say
// yes and do nothing. [Checked] wraps any of them. It refuses what would hurt
// before it is sent, compares what the authoritative servers serve with what
// the plan was reviewed against, and after each write asks those servers
// again, whatever the service answered.
//
// It never writes an RRset it was not asked to, never lets two writes into
// one zone at a time, and never believes a nil error.
//
// The errors are sentinels ([ErrConflict], [ErrWouldBeEmpty], …) inside an
// [*Outcome], which carries what was expected and what each server serves.
//
// Invariant: Checked returns nil only when every authoritative server (but
// those whose silence a person accepted) serves the wanted RRset, TTL
// included, and nothing else at its name has changed.
package zonewriter
