package planner

import "bascule/migration"

// Kind of action: what the executor does. The set is closed.
type Kind string

// Kinds. Each comment names the fields of Action it uses.
const (
	// ServeDomain makes the target serve a domain: Target, Domain.
	ServeDomain Kind = "serve_domain"
	// CreateAccount makes an account and sets its password: Target, Mailbox.
	CreateAccount Kind = "create_account"
	// AdoptAccount records that an account was there before: Target, Mailbox.
	AdoptAccount Kind = "adopt_account"
	// SetAlias makes an address deliver to To: Target, Email, To.
	SetAlias Kind = "set_alias"
	// PinIdentity logs in to both sides and records who they are: Mailbox.
	PinIdentity Kind = "pin_identity"
	// ProbeTarget learns how the target keeps messages: Mailbox.
	ProbeTarget Kind = "probe_target"
	// EditRRset changes a record set: RRset.
	EditRRset Kind = "edit_rrset"
	// SyncMailbox is one pass of the copy engine: Mailbox, Sync.
	SyncMailbox Kind = "sync_mailbox"
	// VerifyMailbox compares both sides: Mailbox, Depth.
	VerifyMailbox Kind = "verify_mailbox"
	// CheckDomain gathers evidence: Domain, Check.
	CheckDomain Kind = "check_domain"
	// SwitchIntent records the intent to switch, the fences and the pull.
	SwitchIntent Kind = "switch_intent"
	// WriteKit writes a person's sheet: Mailbox.
	WriteKit Kind = "write_kit"
	// Manual asks a person; Check proves it done: Manual.
	ManualStep Kind = "manual"
	// WriteProof writes the proof.
	WriteProof Kind = "write_proof"
	// HoldMigration closes every gate.
	HoldMigration Kind = "hold"
	// LeadBack records that the MX was led back.
	LeadBack Kind = "lead_back"
)

// Action says what to do, as plain data.
type Action struct {
	Kind    Kind              `json:"kind"`
	Target  migration.Address `json:"target,omitempty"`
	Domain  migration.Address `json:"domain,omitempty"`
	Mailbox migration.Address `json:"mailbox,omitempty"`
	Email   string            `json:"email,omitempty"`
	To      []string          `json:"to,omitempty"`
	Check   string            `json:"check,omitempty"`
	Depth   string            `json:"depth,omitempty"`
	RRset   *RRsetEdit        `json:"rrset,omitempty"`
	Sync    *SyncParams       `json:"sync,omitempty"`
	Manual  *Manual           `json:"manual,omitempty"`
}

// RRsetEdit changes the managed values of one record set, and its TTL.
type RRsetEdit struct {
	// DNS is the dns block that serves the zone.
	DNS  migration.Address `json:"dns"`
	Zone string            `json:"zone"`
	Name string            `json:"name"`
	Type string            `json:"type"`
	// Whole is true when the set holds nothing but managed values; otherwise
	// Before and After are the managed values and everything else stays.
	Whole  bool     `json:"whole,omitempty"`
	Before []string `json:"before"`
	After  []string `json:"after"`
	// TTLs in seconds; 0 leaves the TTL as it is.
	TTLBefore uint32 `json:"ttl_before,omitempty"`
	TTLAfter  uint32 `json:"ttl_after,omitempty"`
	// Event is written to the history when the change was observed.
	Event string `json:"event,omitempty"`
}

// SyncParams is how to pass over a mailbox.
type SyncParams struct {
	AddOnly bool `json:"add_only,omitempty"`
	// Final is the last delta: drafts are carried too.
	Final bool `json:"final,omitempty"`
}

// Manual is work for a person.
type Manual struct {
	Instruction []string `json:"instruction"`
	// Check proves it done: "login", "rcpt", "rrset", "inbound_closed".
	Check string `json:"check"`
}
