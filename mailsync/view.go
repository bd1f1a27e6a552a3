package mailsync

import (
	"strings"
	"time"
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
	// the server's count: only then is a missing UID a missing message. A
	// search and a history are two; see contradicts.
	Proven   bool
	messages roll
	// vanished are UIDs that the server said are gone, in a view of changes.
	vanished outline
}

// NewView returns a view of messages in any order. Of two with the same UID the last counts.
func NewView(st Status, messages ...Meta) View {
	v := View{Status: st, Known: true}
	for _, m := range messages {
		v.messages.add(m)
	}
	v.messages.order()
	return v
}

// Len is the number of messages that were seen.
func (v *View) Len() int { return v.messages.len() }

// At returns the i-th message in the order of UIDs. Its Flags are sorted and
// shared: they must not be changed. Its ModSeq is not kept; its Object and
// Labels are asked for by other ways.
func (v *View) At(i int) Meta { return v.messages.meta(i) }

// PairState is everything a delta needs to know of one pair.
type PairState struct {
	Pair           Pair
	Use            string // special use, or ""
	Source, Target View
	// Rows are those of the ledger that something is to be decided about;
	// see quiet. For an unopened pair, those that are astray.
	Rows []*Row
	// Quiet counts the others; their messages are covered, and claimed.
	Quiet int
	// covered are messages of Source that have a row; claimed those of Target
	// that a quiet row has.
	covered, claimed marks
	// view is true for a folder that shows messages of others; labels are
	// those, where it is carried.
	view   bool
	labels labels
	// elsewhere are messages of such a Source that are in another folder too;
	// secured, by ID, the rows of some whose copy is there as well.
	elsewhere marks
	secured   map[int64]bool
	// SourceListed is false when the source does not list the folder.
	SourceListed bool
	// loaded: the rows were read. doubted: they are at odds with a view of changes.
	loaded, doubted bool
	// arrival is the newest INTERNALDATE of mail that came in by itself.
	arrival time.Time
	// again are rows whose copy was lost and is made again, by their place in Source.
	again map[uint32]*Row
	// sent are the copies of this pass, to be read back; see settle. Those of
	// irregular ones are compared with their rows.
	sent      []sentCopy
	irregular map[UID]bool
	// referenced: some of them the target made itself.
	referenced bool
	// settled says how far what an earlier pass sent was read back by the look.
	settled bounds
}

// bounds is a range of UIDs that grows, up to what must stay outside.
type bounds struct {
	below UID // above all that is in
	limit UID // the lowest that is not to be in, or 0
}

func (b *bounds) take(uid UID) { b.below = max(b.below, uid+1) }

func (b *bounds) stop(uid UID) {
	if b.limit == 0 || uid < b.limit {
		b.limit = uid
	}
}

// end is the bound that holds for all.
func (b bounds) end() UID {
	if b.limit != 0 {
		return min(b.below, b.limit)
	}
	return b.below
}

func (p *PairState) excluded() bool { return p.Pair.Excluded }

func (p *PairState) bin() bool { return p.Use == `\Trash` || p.Use == `\Junk` }

// inbound reports whether mail arrives here by itself.
func (p *PairState) inbound() bool {
	return !p.bin() && !(p.view && p.excluded()) && p.Use != `\Sent` && p.Use != `\Drafts`
}

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
	// Forward is set while the old side sends on what it receives; Now is the
	// time of the decision.
	Forward *Forward
	Now     time.Time
	// Trusted is false when the ledger may not know what was done before the switch.
	Trusted bool
	Pairs   []*PairState
	Others  []*OtherFolder
	// SourceMessages counts what the source lists in all folders.
	SourceMessages int
}

// showPath writes a folder's path for a reader.
func showPath(path []string) string { return strings.Join(path, "/") }
