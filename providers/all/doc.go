// Package all is the list of drivers of this program. A driver that is not in
// the list does not exist for it; nothing registers itself.
//
// Main function: [Catalog].
//
// Invariant: the order is that of the documentation: sources, targets, DNS.
package all
