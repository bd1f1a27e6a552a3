// Package maildns knows what mail needs from a zone: which record sets, how
// they are compared, in which order they may change, how long caches remember
// the old ones, and what in SPF, DKIM and DMARC would hurt.
//
// It is pure. It never asks a name server (package lookup does), never changes
// a zone (package zonewriter does), and never looks at a clock: every time is
// an argument.
//
// The unit is the [RRset]: all records of one name and type, with one TTL
// (RFC 2181 §5). A [Zone] is what each authoritative server said about some of
// them; it keeps "absent" and "unknown" apart.
//
//   - [Diff], [Change]: what differs between two RRsets.
//   - [ParseMX], [SwitchSteps], [CheckMX]: the move of the MX and its accidents.
//   - [WaitUntil], [EffectiveTTL]: caches.
//   - [ParseSPF], [Union], [Minus], [CountSPF]: one SPF record for both sides, then for one.
//   - [SameDKIM], [EnsureDMARC]: signatures and policy.
//   - [ClientRecords]: what mail programs look up.
//   - [Propagated]: whether all servers serve a record set.
//
// Values are kept in one canonical spelling, so that comparing is comparing
// strings: names absolute and in lower case, TXT as its octets concatenated,
// the unprintable ones escaped.
//
// Invariant: what could not be asked is never reported as absent, and no
// function here returns an MX step that holds no MX.
package maildns
