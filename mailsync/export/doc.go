// Package export writes the messages that a target refused into a directory,
// one .eml file each, with an index: what a person hands over by other means,
// or looks at before accepting that it stays behind.
//
// Files are named by numbers and digests only, never by anything a server or a
// sender wrote. The octets are those of the source, compared with the digest
// taken when the message was refused. Nothing is written on any server.
//
// Main functions: [Refused], [List], [Index.Text].
//
// Invariant: a file with the name of a message is whole: it is written aside,
// synced and renamed. Running again fetches only what is not there.
package export
