package main

import (
	"slices"
	"testing"

	"bascule/mailsync"
)

func TestExceptionsAreNamed(t *testing.T) {
	one := func(uid mailsync.UID) mailsync.Example { return mailsync.Example{Folder: []string{"INBOX"}, UID: uid} }
	got := exceptionLines([]mailsync.Exception{
		{Kind: mailsync.FlagNotKept, What: "pro\x1bjet", Count: 9, Examples: []mailsync.Example{one(1), one(2), one(3), one(4)}, Text: "NO too many"},
		{Kind: mailsync.OctetsAltered, What: "line ends", Count: 1, Examples: []mailsync.Example{one(7)}},
		{Kind: mailsync.FolderRenamed, What: "Ete-01", Count: 1, Examples: []mailsync.Example{{Folder: []string{"Été?"}}}, Text: "NO name"},
		{Kind: mailsync.FlagAdded, What: "$Not\x1bJunk", Count: 64, Examples: []mailsync.Example{one(1), one(2)}},
	})
	want := []string{
		`Not as on the source: flag not kept (pro\x1bjet): 9 messages, such as INBOX message 1, INBOX message 2, INBOX message 3: NO too many.`,
		"Not as on the source: octets altered (line ends): 1 message, such as INBOX message 7.",
		"Not as on the source: folder renamed to Ete-01, such as Été?: NO name.",
		`The target adds $Not\x1bJunk to 64 messages.`,
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
}
