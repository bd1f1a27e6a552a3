// Package folders says where each folder of one mailbox goes in another.
//
// It is pure: folders of the source, folders and habits of the target, rules
// of the configuration and what earlier passes decided go in; one [Row] per
// source folder comes out, with its reason, to be shown in the plan. It never
// talks to a server and never merges two folders that a person kept apart.
//
// A rule wins over what earlier passes decided only where it excludes; a
// decision once taken stays; then comes special use (RFC 6154), by attribute
// and by the names that mail programs have given it in seven languages; then
// the name itself, made acceptable to the target.
//
// Invariant: no two rows have the same target, compared as the most careless
// server would (case folded, NFC); every source folder has exactly one row.
package folders
