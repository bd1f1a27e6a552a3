// Package files describes the drivers "maildir" and "mbox": mail that lies in
// directories, as a server that was switched off or an archive leaves it.
//
// A directory has no interface and no accounts. Each mailbox is the directory
// below path that its login names, the address by default.
//
// Main functions: [Maildir], [Mbox], [Place].
//
// Invariant: nothing here opens a file.
package files
