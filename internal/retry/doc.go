// Package retry says which errors are worth trying again, and waits between
// tries.
//
// It never retries what it was not told is temporary, and it never retries a
// write whose fate is unknown: that is for the caller to look at first.
//
// Invariant: the number of tries is bounded and every wait ends with the context.
package retry
