// Package local keeps a state in one directory:
//
//	bascule.state.json         the state, 0600, replaced as a whole
//	bascule.state.lock         who holds the lock, as JSON, while somebody does
//	.bascule/history/N.json    versions by serial: the last 50, and the last of each revision
//	.bascule/guard             taken (flock) for each change of the files above
//	.bascule/holder            taken (flock) by the holder as long as it lives
//
// The lock is a lease of 90 s renewed every 30 s. It is taken over, and the
// new holder told from whom (state.TakenFrom), when the lease has expired or
// when the holder ran on this machine and is certainly dead: its process is
// gone and the kernel has let its flock go. A holder that was asleep finds
// another token in the lock file and writes nothing.
//
// It never follows a symbolic link in place of the state, never starts anew
// beside a history, and never writes without having looked at the lock and
// the stored version under the guard.
//
// Main type: [Store].
//
// Invariant: whatever the moment a process stops at, the state file is one
// whole version, and from the second version on it is in the history too.
package local
