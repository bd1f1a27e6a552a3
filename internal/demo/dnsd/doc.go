// Package dnsd is an authoritative name server in process: one flat zone on
// loopback, answered by a primary and a secondary, changed by dynamic updates
// (RFC 2136) and read whole by transfer (RFC 5936), both signed with TSIG
// (RFC 8945).
//
// Every version the zone ever had is kept in a journal, so that a claim such
// as "never without MX" can be proven afterwards instead of sampled. The
// secondary follows the primary after a lag, or not at all while it is held.
//
// It knows no wildcards, no delegations and no DNSSEC: a zone that needs them
// is not served rightly. It listens on loopback only.
//
// The main types are [Server] and [Version].
//
// Invariant: an update is applied whole or not at all; each version has a
// serial higher than the one before, and every answer, of either server, is
// taken from exactly one version.
package dnsd
