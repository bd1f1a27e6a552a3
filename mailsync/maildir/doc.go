// Package maildir is a mailsync.Source and a mailsync.Target on a directory in
// the Maildir++ layout of Courier and Dovecot.
//
// [OpenSource] reads one and writes nothing in it: the list of UIDs that the
// format does not have lies in a directory of its own. [OpenTarget] writes one,
// for backups, with that list in each folder. Neither follows a symbolic link
// out of the directory, nor opens what is not a regular file.
//
//	PATH/cur, new, tmp                    INBOX
//	PATH/.Projets.&AMk-t&AOk-/cur, …      Projets/Été
//	PATH/subscriptions                    as Dovecot writes it
//	…/cur/1700000000.M1P2Q3R4.host,S=1234,W=1234:2,FS
//	…/dovecot-keywords                    letters a to z of a folder
//	…/.bascule-uidlist                    UIDs (package uidlist); target only
//
// A message is stored octet by octet and read back the same; a file of another
// program has bare LFs made CRLF, as Dovecot serves it
// (docs/decisions/0006-octets-in-directories.md). INTERNALDATE is the time of
// the file. \Seen, \Answered, \Flagged, \Draft, \Deleted and $Forwarded are
// letters of the name, 26 further keywords a folder fit into dovecot-keywords.
// Special use has no place in the format: names tell it.
//
// A message is written to tmp/, synced, then renamed into cur/ under the lock
// of the UID list: a run that is killed leaves a file in tmp/, never half a
// message. Files that a killed run left in tmp/ for more than 36 hours are
// removed by the next, as the format wants.
//
// Invariant: a Source creates, changes and removes nothing below its path.
//
// Invariant: the name of a file or directory never comes from remote text
// unescaped.
package maildir
