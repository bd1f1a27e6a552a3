package mailsync

import (
	"slices"
	"strings"
)

// folderKey makes a path comparable; INBOX is case-insensitive (RFC 3501 §5.1).
func folderKey(path []string) string {
	if len(path) > 0 && strings.EqualFold(path[0], "INBOX") {
		path = append([]string{"INBOX"}, path[1:]...)
	}
	return strings.Join(path, "\x00")
}

// View is one folder as one pass saw it.
type View struct {
	Status
	// Known is false for a folder that was not looked at: nothing follows.
	Known bool
	// Proven is true when two enumerations agree with each other and with
	// the server's count: only then is a missing UID a missing message.
	Proven bool
	// Messages are sorted by UID.
	Messages []Meta
}

func (v *View) find(uid UID) (Meta, bool) {
	i, ok := slices.BinarySearchFunc(v.Messages, uid, func(m Meta, u UID) int { return int(int64(m.UID) - int64(u)) })
	if !ok {
		return Meta{}, false
	}
	return v.Messages[i], true
}

// PairState is everything a delta needs to know of one pair.
type PairState struct {
	Pair           Pair
	Use            string // special use, or ""
	Source, Target View
	Rows           []*Row
	// SourceListed is false when the source does not list the folder.
	SourceListed bool
	// partial: Rows holds only what unopened pairs contribute to a delta.
	partial bool
}

func (p *PairState) excluded() bool { return p.Pair.Excluded }

func (p *PairState) bin() bool { return p.Use == `\Trash` || p.Use == `\Junk` }

// inbound reports whether mail arrives here by itself.
func (p *PairState) inbound() bool { return !p.bin() && p.Use != `\Sent` && p.Use != `\Drafts` }

// OtherFolder is a target folder that no pair maps to.
type OtherFolder struct {
	Path []string
	View View
}

// Situation is the input of Delta.
type Situation struct {
	Policy Policy
	// Final admits drafts in add-only time.
	Final bool
	// KeepVanished leaves on the target what vanished on the source.
	KeepVanished bool
	// MaxDelete is the ceiling in percent of the mailbox; see Decide.
	MaxDelete int
	OnSimilar Similar
	// RetryRejected tries again what the target refused for good.
	RetryRejected bool
	Fences        Fences
	// Personality says by what a message is recognised that is not the same
	// octet by octet.
	Personality Personality
	// Trusted is false when the ledger may not know what was done before the switch.
	Trusted bool
	Pairs   []*PairState
	Others  []*OtherFolder
	// SourceMessages counts what the source lists in all folders.
	SourceMessages int
}

// showPath writes a folder's path for a reader.
func showPath(path []string) string { return strings.Join(path, "/") }
