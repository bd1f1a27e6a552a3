// Package wire turns record sets into the records of package dns and back.
//
// It does no I/O and knows nothing of zones. TXT is split into strings of at
// most 255 octets on the way out and concatenated on the way in.
//
// Invariant: Records followed by RRset gives the same canonical set.
package wire
