// Package manual stands for a zone that a person edits: in a panel, in a file,
// at a colleague's desk.
//
// It never writes anything and contacts nobody. Asked for a change it answers
// with a [zonewriter.ManualError]: what to do in plain words, and the record
// set as zone file lines to compare with. That the change was made is seen at
// the authoritative servers, as for every other driver.
//
// The main type is [Hand].
//
// Invariant: an instruction to change an MX never has the reader remove a
// value before the new ones are saved.
package manual
