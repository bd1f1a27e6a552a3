package migration

import "time"

// Settings is the migration block with every default filled in.
type Settings struct {
	// Name is the label of the migration block, or "".
	Name string `json:"name,omitempty"`
	// Timezone is an IANA name; windows and dates are read in it.
	Timezone        string          `json:"timezone"`
	Limits          Limits          `json:"limits"`
	LowerTTL        LowerTTLGate    `json:"lower_ttl"`
	Sync            SyncPolicy      `json:"sync"`
	Verify          VerifyPolicy    `json:"verify"`
	Cutover         CutoverGate     `json:"cutover"`
	DoubleReception ReceptionGate   `json:"double_reception"`
	Clients         ClientKits      `json:"clients"`
	Decommission    DecommissionSet `json:"decommission"`
}

// Limits keep bascule polite.
type Limits struct {
	// Mailboxes passed at once; Connections per server and account side.
	Mailboxes   int `json:"mailboxes"`
	Connections int `json:"connections"`
	// Bandwidth is octets a second with one server, both ways together; 0 is unbounded.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// Quiet hours are those in which no mailbox is copied for the first time.
	// What keeps the two sides together, and evidence, goes on.
	Quiet Hours `json:"quiet_hours,omitzero"`
}

// LowerTTLGate is the lower_ttl block.
type LowerTTLGate struct {
	To time.Duration `json:"to"`
	// Wait is the least time between the lowering and the cutover; the TTL
	// really served before, plus Margin, always counts too.
	Wait   time.Duration `json:"wait"`
	Margin time.Duration `json:"margin"`
	// Lead keeps the TTL up until this long before the window; 0: at once.
	Lead time.Duration `json:"lead,omitempty"`
}

// SyncPolicy is the sync block.
type SyncPolicy struct {
	Every time.Duration `json:"every"`
	// MirrorDeletions is deletions = "mirror".
	MirrorDeletions bool `json:"mirror_deletions"`
	// MaxDelete is the share (0 to 1) of a mailbox one pass may remove.
	MaxDelete float64 `json:"max_delete"`
}

// VerifyPolicy is the verify block.
type VerifyPolicy struct {
	Require []string      `json:"require"`
	MaxAge  time.Duration `json:"max_age"`
}

// CutoverGate is the cutover block.
type CutoverGate struct {
	Window Window `json:"window"`
}

// Window says when the MX may be switched. The zero Window is always open.
type Window struct {
	// Days is empty for every day.
	Days []time.Weekday `json:"days,omitempty"`
	// Start and End are minutes after local midnight; equal means all day;
	// End before Start crosses midnight.
	Start int `json:"start"`
	End   int `json:"end"`
	// NotBefore is zero when not given.
	NotBefore time.Time `json:"not_before,omitzero"`
	// MinRemaining is how much of the window must be left to begin.
	MinRemaining time.Duration `json:"min_remaining,omitempty"`
	Blackout     []DateRange   `json:"blackout,omitempty"`
}

// IsZero reports whether no window was asked for.
func (w Window) IsZero() bool {
	return len(w.Days) == 0 && w.Start == w.End && w.NotBefore.IsZero() && len(w.Blackout) == 0
}

// DateRange is a span of local days, both ends included; "2006-01-02".
type DateRange struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// ReceptionGate is the double_reception block.
type ReceptionGate struct {
	Soak time.Duration `json:"soak"`
}

// ClientKits is the clients block.
type ClientKits struct {
	// Dir is where the sheets are written, relative to the configuration.
	Dir       string   `json:"dir"`
	Languages []string `json:"languages,omitempty"`
}

// DecommissionSet is the decommission block.
type DecommissionSet struct {
	Silence time.Duration `json:"silence"`
	// MaxWait bounds the wait for silence; after it a person decides.
	MaxWait time.Duration `json:"max_wait"`
}

// EvidenceNames are the checks a verify block may require, in the order they are shown.
func EvidenceNames() []string { return []string{"messages", "flags", "dates", "rcpt", "spf", "dkim"} }

// DefaultSettings is a migration in which nothing was written.
func DefaultSettings() Settings {
	return Settings{
		Timezone:        "UTC",
		Limits:          Limits{Mailboxes: 4, Connections: 4},
		LowerTTL:        LowerTTLGate{To: 5 * time.Minute, Margin: 15 * time.Minute},
		Sync:            SyncPolicy{Every: 10 * time.Minute, MirrorDeletions: true, MaxDelete: 0.10},
		Verify:          VerifyPolicy{Require: EvidenceNames(), MaxAge: 12 * time.Hour},
		DoubleReception: ReceptionGate{Soak: 72 * time.Hour},
		Clients:         ClientKits{Dir: "clients"},
		Decommission:    DecommissionSet{Silence: 48 * time.Hour, MaxWait: 30 * 24 * time.Hour},
	}
}
