// Package secret holds values that must never be seen: passwords, tokens, keys.
//
// A [Value] prints as "(secret)" through every formatting path of the standard
// library; the only way to the octets is [Value.Reveal], which is called at
// the moment of use and nowhere else. A [Resolver] turns a locator, such as
// "env:OLD_ALICE", into a Value, once per run and only when asked.
//
// It never logs, never writes a value anywhere, and never runs a shell.
//
// Invariant: no locator is resolved before somebody needs its value, so
// commands that need no secret (validate, fmt, graph) read none.
package secret
