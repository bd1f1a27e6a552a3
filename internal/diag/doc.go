// Package diag is what bascule says about a person's input: a list of
// diagnostics, each with a severity, what is wrong, why, where in the source,
// and the next move.
//
// It never stops at the first mistake and never prints; package view renders.
//
// Invariant: a diagnostic carries no secret, and its texts may hold remote
// octets, which the renderer escapes.
package diag
