// Package state is what has been done, durably: one readable JSON document
// with a lineage, a serial that rises with every write, a revision that rises
// when a step changes an object, the progress of every object, events, the
// chain of executions, and marks of steps that were begun and not recorded.
//
// Backends are leaves (state/local). A state holds no secret, no message and
// no decision: the planner reads it, the executor writes it.
//
// Invariant: what is recorded as done was seen to be done; what may have
// happened without being recorded is marked in flight first.
package state
