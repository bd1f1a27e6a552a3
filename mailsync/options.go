package mailsync

import (
	"context"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync/folders"
)

// Options is all a pass needs.
type Options struct {
	// OpenSource and OpenTarget connect and log in; they are called again
	// after a lost connection. They check the identity of the server.
	OpenSource func(ctx context.Context) (Source, error)
	OpenTarget func(ctx context.Context) (Target, error)
	Ledger     Ledger
	// Owner names this pass in the lease: "host pid 4711".
	Owner string
	Clock clock.Clock

	Policy Policy
	// Final admits drafts in add-only time: the last delta.
	Final bool
	// KeepVanished leaves on the target what vanished on the source, in mirror time too.
	KeepVanished bool
	// MaxDelete is the ceiling of deletions in percent of the mailbox; 20
	// messages are always allowed. 0 means 10 %.
	MaxDelete     int
	OnSimilar     Similar
	RetryRejected bool
	Fences        Fences
	// Personality is what a probe learnt of the target. The zero value
	// excuses nothing.
	Personality Personality
	// Forward is set while the old side sends on what it receives.
	Forward *Forward

	Rules folders.Rules
	// Habits overrides what the target's listing shows of its names.
	Habits *folders.Habits

	// BatchMessages and BatchBytes bound one APPEND; 0 means 100 messages, 8 MiB.
	BatchMessages int
	BatchBytes    int64
	// Connections bounds those to each side at once; 0 means 4. More than one
	// is opened only when there is much to copy in several folders, and as
	// far as Room has place for it.
	Connections int
	// Room is what other passes leave to this one; nil = it is alone.
	Room Room
	// Budget bounds the octets under way, over all passes that share it; nil
	// means one of DefaultBudget for this pass.
	Budget *Budget
	// Grace is how long a server is given to finish a batch whose
	// connection broke, before it counts as not received; 0 means 2 s.
	Grace time.Duration

	// Stop, when closed, ends the pass softly: nothing more is announced, the
	// message in hand is finished and recorded, and Pass returns ErrStopped.
	// What takes longer than StopGrace is cut off; 0 means 4 s.
	Stop      <-chan struct{}
	StopGrace time.Duration

	// Progress is told what happens; nil = nobody listens.
	Progress func(Event)
	// Tap is called before and after each ledger record and each write
	// command, with its name. Tests stop the world there.
	Tap func(point string)
}

func (o Options) withDefaults() Options {
	if o.MaxDelete == 0 {
		o.MaxDelete = 10
	}
	if o.BatchMessages == 0 {
		o.BatchMessages = 100
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.Connections == 0 {
		o.Connections = 4
	}
	if o.Room == nil {
		o.Room = alone{}
	}
	if o.Budget == nil {
		o.Budget = NewBudget(DefaultBudget)
	}
	if o.Grace == 0 {
		o.Grace = 2 * time.Second
	}
	if o.StopGrace == 0 {
		o.StopGrace = 4 * time.Second
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.Tap == nil {
		o.Tap = func(string) {}
	}
	return o
}

// Event tells a watcher how far a pass is.
type Event struct {
	// Kind is "look" (both sides are being connected to and listed), "folder"
	// (a folder is being read), "copied" (a batch is on the target and
	// recorded), "reconnect", or "failure".
	Kind   string
	Folder []string
	// Done and Total count messages to copy in this pass, Bytes are the octets
	// of those copied. Total is 0 until both sides were read.
	Done, Total int
	Bytes       int64
	Text        string
}

// Failure is one thing that did not work. The rest of the mailbox went on.
type Failure struct {
	// Folder is the source folder; UID is 0 when the whole folder is meant.
	Folder []string
	UID    UID
	// Text has the server's own words: remote text, to be escaped before it is shown.
	Text string
	// Temporary failures are tried again by the next pass.
	Temporary bool
}

// FolderReport is what one pass did to one pair.
type FolderReport struct {
	Source, Target []string
	Reason         string
	// Renamed is true when the target name is not the one a person expects.
	Renamed, Excluded bool
	// Opened is false for a pair that was skipped as unchanged.
	Opened   bool
	Messages int
	// Similar counts source messages that the target seems to hold altered,
	// without our having written them, and about which a person must decide.
	Similar int
	Copied  int
	Bytes   int64
	// Elsewhere counts messages of a folder that shows all mail which other
	// folders have as well: they are copied there only. Avoided is their octets.
	Elsewhere int
	Avoided   int64
}

// Report is what a pass did and saw.
type Report struct {
	Started, Ended time.Time
	// Complete: every folder was looked at, nothing failed, nothing that is
	// due was left for later.
	Complete bool
	// Stopped: the pass was asked to end before it was through.
	Stopped bool
	// Outcomes counts what this pass recorded, by outcome.
	Outcomes map[Outcome]int
	// Totals counts all rows of the ledger, by outcome: every source message
	// is in exactly one.
	// Those that are Elsewhere have no row, and count as Excluded.
	Totals map[Outcome]int
	// Elsewhere and Avoided are the sums of those of Folders. A pass that found
	// nothing changed knows the first only.
	Elsewhere int
	Avoided   int64
	// MovedOnTarget, Deleted and Flagged count what followed the source.
	MovedOnTarget, Deleted, Flagged int
	Bytes                           int64
	// Referenced counts messages that the target made out of a copy it had, Saved
	// their octets: they are among Bytes, and were not sent.
	Referenced int
	Saved      int64
	// Due is octets of the messages that were found to be copied.
	Due        int64
	Reconnects int
	Folders    []FolderReport
	Failures   []Failure
	// Held names messages nothing was done about: drafts before the last delta.
	Held []Failure
	// VanishedMeanwhile counts messages expunged between listing and reading.
	VanishedMeanwhile int
	// FlagsNotKept counts, by flag, what the target did not keep;
	// DatesNotKept and Altered count messages.
	FlagsNotKept          map[string]int
	DatesNotKept, Altered int
	// Withdrawn counts our copies of what a forward brought later still.
	Withdrawn int
	// Exceptions name them, and what else the target cannot hold, with
	// examples and the server's words: what this pass found.
	Exceptions []Exception
	// TargetID is what the target says of itself (RFC 2971).
	TargetID map[string]string
	// Foreign names folders of other namespaces, not carried.
	Foreign  []string
	Warnings []string
	// Refusal says why due deletions were not made. Spared counts them, and
	// SparedFirst names some: folder and UID are the target's.
	Refusal     string
	Spared      int
	SparedFirst []Failure
	// LastArrival is the newest INTERNALDATE of inbound mail outside Junk,
	// Trash, Sent and Drafts that any pass has seen on the source, not later than Looked.
	LastArrival time.Time
	// Looked is when every folder had been looked at; zero if one could not.
	Looked time.Time
	// SourceMessages counts what the source lists.
	SourceMessages int
	// Head is the ledger's after the pass, and Fences where each folder
	// stands: what the state keeps at the switch.
	Head   Head
	Fences []Fence
}

// Failed counts failures.
func (r Report) Failed() int { return len(r.Failures) }
