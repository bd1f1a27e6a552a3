// Package providers is the contract between bascule and mail services: one
// verb per interface, so that a service implements what it can do and nothing
// else. What it cannot do becomes an instruction for a person, never an error.
//
// A leaf (providers/mox, providers/genericimap, …) implements Provider and
// some of the verbs, and describes its configuration in a [Descriptor]. The
// [Catalog] is an explicit list; nothing registers itself.
//
// Leaves never speak IMAP, never import one another, and never delete mail.
//
// Invariant: unknown is never absent. A listing that failed or is partial is
// an error, not a short list; after a write whose answer was lost, the leaf
// reads back before it claims anything.
package providers
