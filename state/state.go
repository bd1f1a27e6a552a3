package state

import (
	"encoding/json"
	"time"

	"bascule/migration"
)

// FormatVersion is the version of the file format this program writes.
const FormatVersion = 1

// State is what has been done, durably. It holds no secret and no message.
type State struct {
	FormatVersion int    `json:"format_version"`
	Tool          string `json:"tool"`
	// Lineage is made once and tells this migration from every other.
	Lineage string `json:"lineage"`
	// Serial rises with every write; Revision only when a step changes an
	// object, so that a reviewed plan lives through verifications and holds.
	Serial   uint64    `json:"serial"`
	Revision uint64    `json:"revision"`
	Updated  time.Time `json:"updated"`
	Hold     *Hold     `json:"hold,omitempty"`
	// Switch is set by the durable intent to write the first new MX.
	Switch     *Switch                       `json:"switch,omitempty"`
	Objects    map[migration.Address]*Object `json:"objects"`
	Events     []Event                       `json:"events"`
	Executions []Execution                   `json:"executions"`
	// Last is the last tick, for status.
	Last *Tick `json:"last_tick,omitempty"`
	// InFlight marks the steps that were begun and not recorded: after a
	// crash their effect may or may not be there.
	InFlight []Mark `json:"in_flight,omitempty"`
	// Accounts hold what servers asked for, and what was used of a day's
	// allowance: the next run must know both.
	Accounts []Account `json:"accounts,omitempty"`
}

// Account is one login on one server; Login is empty for the whole server.
type Account struct {
	// Endpoint is "host:port"; Side is "source" or "target".
	Endpoint string `json:"endpoint"`
	Login    string `json:"login,omitempty"`
	Side     string `json:"side,omitempty"`
	// The last pause, in the server's own words; Tries counts those in a row.
	PausedSince time.Time `json:"paused_since,omitzero"`
	PausedUntil time.Time `json:"paused_until,omitzero"`
	Words       string    `json:"words,omitempty"`
	Tries       int       `json:"tries,omitempty"`
	// Octets of mail and commands went on the local day Day, "2006-01-02".
	Day    string `json:"day,omitempty"`
	Octets int64  `json:"octets,omitempty"`
}

// Pause is why a mailbox is left alone, and until when.
type Pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Why is "server asked", "daily budget" or "quiet hours".
	Why   string `json:"why"`
	Words string `json:"words,omitempty"`
}

// Hold closes every gate until it is released.
type Hold struct {
	Since  time.Time `json:"since"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// Switch is the moment from which the target is the truth: from the intent
// on, the sync only adds.
type Switch struct {
	Intent time.Time `json:"intent"`
	PlanID string    `json:"plan_id"`
	// Back is set when a rollback led the MX back; the sync stays add-only.
	Back *time.Time `json:"back,omitempty"`
	// Approved is what the pull may do whatever is refused afterwards: the
	// mailboxes and servers as they stood in the reviewed configuration.
	Approved Approved `json:"approved"`
}

// Approved are the parameters of the add-only pull.
type Approved struct {
	Sources   []migration.Server  `json:"sources"`
	Targets   []migration.Server  `json:"targets"`
	Mailboxes []migration.Mailbox `json:"mailboxes"`
	// Domains hold what the MX becomes, for the day the target cannot be asked.
	Domains []migration.Domain   `json:"domains,omitempty"`
	Sync    migration.SyncPolicy `json:"sync"`
	Limits  migration.Limits     `json:"limits"`
}

// Object is the progress of one object of the configuration.
type Object struct {
	// Done holds the steps that were recorded, by the last part of their key:
	// "mx.add".
	Done map[string]Done `json:"done,omitempty"`
	// Evidence holds the last result of each check, by name: "rcpt".
	Evidence map[string]Evidence `json:"evidence,omitempty"`
	// Failure is the last error of a step on this object; nil after success.
	Failure *Failure `json:"failure,omitempty"`
	Mailbox *Mailbox `json:"mailbox,omitempty"`
}

// Done records a step: when, by which plan, and the images before and after,
// as JSON whose shape belongs to the step.
type Done struct {
	At     time.Time       `json:"at"`
	PlanID string          `json:"plan_id,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Failure is an error in the words of who said it.
type Failure struct {
	At        time.Time `json:"at"`
	Step      string    `json:"step"`
	Text      string    `json:"text"`
	Temporary bool      `json:"temporary,omitempty"`
}

// Verdict of a check.
type Verdict string

// Verdicts. Inconclusive never passes.
const (
	Passed       Verdict = "pass"
	Failed       Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

// Evidence is what a check found.
type Evidence struct {
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
	// Summary is one line; Items name what did not pass.
	Summary string   `json:"summary"`
	Items   []string `json:"items,omitempty"`
	// Counts are figures for the proof, such as messages compared.
	Counts map[string]int64 `json:"counts,omitempty"`
}

// Mailbox is what only mailboxes have.
type Mailbox struct {
	Source *Pin `json:"source,omitempty"`
	Target *Pin `json:"target,omitempty"`
	// Created is true when bascule made the target account.
	Created bool  `json:"created,omitempty"`
	Pass    *Pass `json:"pass,omitempty"`
	// Paused is nil when the last pass was not ended by a pause.
	Paused  *Pause  `json:"paused,omitempty"`
	Totals  Totals  `json:"totals"`
	Silence Silence `json:"silence"`
	Fences  *Fences `json:"fences,omitempty"`
	// Personality is how the target keeps messages; nil before it was probed.
	Personality *Personality `json:"personality,omitempty"`
	// Similar awaits a person's word; Exceptions are what the target cannot hold.
	Similar    []Similar   `json:"similar,omitempty"`
	Exceptions []Exception `json:"exceptions,omitempty"`
	Refused    []Refused   `json:"refused,omitempty"`
}

// Pin is the identity of one side, recorded at prepare.
type Pin struct {
	At        time.Time         `json:"at"`
	Endpoint  string            `json:"endpoint"`
	Address   string            `json:"address,omitempty"`
	KeySHA256 string            `json:"key_sha256,omitempty"`
	ID        map[string]string `json:"id,omitempty"`
	// InboxUIDValidity helps to tell servers apart that show no certificate.
	InboxUIDValidity uint32 `json:"inbox_uidvalidity,omitempty"`
}

// Pass is the last pass over a mailbox.
type Pass struct {
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Complete bool      `json:"complete"`
	// Open counts failures that are neither settled nor accepted.
	Open int `json:"open"`
	// LastComplete is when the last complete pass ended.
	LastComplete time.Time `json:"last_complete,omitzero"`
	// Left is octets the pass found and did not carry over.
	Left int64 `json:"left,omitempty"`
	// InboxNext is UIDNEXT of the source's INBOX when it was looked at, with
	// its UIDVALIDITY: what came since is behind.
	InboxNext     uint32 `json:"inbox_next,omitempty"`
	InboxValidity uint32 `json:"inbox_validity,omitempty"`
	// Behind counts messages that were seen to arrive on the source since.
	Behind int `json:"behind,omitempty"`
}

// Totals count messages by outcome since the beginning, as the ledger has them.
type Totals struct {
	Source    int64            `json:"source"`
	Target    int64            `json:"target"`
	Bytes     int64            `json:"bytes"`
	ByOutcome map[string]int64 `json:"by_outcome,omitempty"`
}

// Silence accumulates the quiet time of the old side.
type Silence struct {
	// LastLook is the last successful look at every folder; LastTry the last
	// attempt, which may have failed.
	LastLook time.Time `json:"last_look,omitzero"`
	LastTry  time.Time `json:"last_try,omitzero"`
	// Quiet is the time covered by successful looks since the last arrival.
	Quiet time.Duration `json:"quiet"`
	// LastArrival is when mail was last seen arriving on the old side.
	LastArrival time.Time `json:"last_arrival,omitzero"`
	// Covered is the time covered by successful looks since the switch,
	// whatever arrived meanwhile.
	Covered time.Duration `json:"covered,omitempty"`
	// Senders are those whose mail arrived after the switch, in the order
	// they were first seen.
	Senders []Sender `json:"senders,omitempty"`
}

// Sender is somebody who still writes to the old side.
type Sender struct {
	// Address is what their messages say, in lower case; "" stands for all
	// whose address could not be read, and for those beyond the bound.
	Address string `json:"address"`
	// Messages and Last say how many came, and when the last one.
	Messages int       `json:"messages"`
	Last     time.Time `json:"last"`
	// Quiet is the time covered by successful looks since then.
	Quiet time.Duration `json:"quiet"`
}

// Fences hold where each folder stood at the switch: if the ledger is lost
// afterwards, nothing below a fence is copied again.
type Fences struct {
	At time.Time `json:"at"`
	// LedgerID and LedgerSerial tell whether a ledger found later knows
	// everything that was done before the switch.
	LedgerID     string  `json:"ledger_id,omitempty"`
	LedgerSerial uint64  `json:"ledger_serial,omitempty"`
	Folders      []Fence `json:"folders"`
}

// Fence is UIDVALIDITY and UIDNEXT of a folder pair (RFC 3501 §2.3.1.1).
type Fence struct {
	Source         []string `json:"source"`
	SourceValidity uint32   `json:"source_validity"`
	TargetValidity uint32   `json:"target_validity"`
	SourceNext     uint32   `json:"source_next"`
	TargetNext     uint32   `json:"target_next"`
}

// Refused is a message the target would not take.
type Refused struct {
	// Name is what an accept block calls it: "INBOX 1700000000/42".
	Name   string `json:"name"`
	Folder string `json:"folder"`
	UID    uint32 `json:"uid"`
	// Digest is the hex SHA-256 of its octets; "" where it was never read whole.
	Digest string    `json:"digest,omitempty"`
	Size   int64     `json:"size,omitempty"`
	Date   time.Time `json:"date,omitzero"`
	// Reason has the target's own words.
	Reason string `json:"reason"`
}

// Event is something that happened, for people and for the proof.
type Event struct {
	At      time.Time         `json:"at"`
	Name    string            `json:"name"`
	Address migration.Address `json:"address,omitempty"`
	Text    string            `json:"text,omitempty"`
}

// Execution is one run of apply: who, when, which plan, and the revisions it led through.
type Execution struct {
	PlanID   string    `json:"plan_id"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`
	Who      string    `json:"who"`
	From     uint64    `json:"from_revision"`
	To       uint64    `json:"to_revision"`
	ExitCode int       `json:"exit_code"`
}

// Mark says that a step is about to act.
type Mark struct {
	Key    string          `json:"key"`
	PlanID string          `json:"plan_id"`
	At     time.Time       `json:"at"`
	Before json.RawMessage `json:"before,omitempty"`
}

// Tick is what the last run of apply came to.
type Tick struct {
	At          time.Time `json:"at"`
	ExitCode    int       `json:"exit_code"`
	Gate        string    `json:"gate,omitempty"`
	ResumeAfter time.Time `json:"resume_after,omitzero"`
	Rollback    string    `json:"rollback,omitempty"`
	// Plan is the plan it left, without its steps, as JSON.
	Plan json.RawMessage `json:"plan,omitempty"`
}
