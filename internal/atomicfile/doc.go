// Package atomicfile writes files that are either the old content or the new,
// never a mixture and never half, whatever moment the machine stops at.
//
// It never follows a symbolic link in place of the file it writes, and never
// leaves a file readable by others: mode 0600 unless the caller asks otherwise.
//
// Invariant: when [Write] returns nil the new content and its directory entry
// are on stable storage (temp, fsync, rename, fsync of the directory).
package atomicfile
