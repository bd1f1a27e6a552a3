// Package mbox is a mailsync.Source and a mailsync.Target on mbox files: one,
// or a directory of them.
//
//	PATH                     a file: INBOX
//	PATH/INBOX.mbox          a directory: INBOX, one file a folder
//	PATH/Sent                any file that begins with "From ", Thunderbird's too
//	PATH/Projets.sbd/Été     Projets/Été; a plain directory does as well
//	PATH/.NAME.uidlist       UIDs of a target (package uidlist)
//
// [OpenSource] reads mboxo, mboxrd and mboxcl2: a Content-Length is believed
// where it leads to another message or the end of the file. It writes nothing
// below its path. [OpenTarget] appends, in mboxrd, with a line in front of each
// message that says how many octets it has and how its line ends are stored,
// so that it is read back as it was (docs/decisions/0006-octets-in-directories.md).
//
// Flags are Status, X-Status and X-Keywords, and those of Mozilla. The date is
// the From_ line's, or that of the line in front. There is no way to remove or
// move a message: Expunge is mailsync.ErrNoUIDPlus.
//
// A target is appended to under the lock of its UID list and a dotlock, which
// mail programs know. What a killed run left at the end of a file is a message
// that has fewer octets than its line says: it is never shown, and the next run
// cuts it off.
//
// Invariant: a Source creates, changes and removes nothing below its path.
//
// Invariant: memory grows with the number of messages, never with their size.
package mbox
