package migration

import "time"

// Secret names where a secret lies, as written in secret("env:NAME"); it is
// never the secret itself. The zero Secret is "not given".
type Secret struct {
	Locator string `json:"locator,omitempty"`
}

// IsZero reports whether no secret was given.
func (s Secret) IsZero() bool { return s.Locator == "" }

// Strings is a list that may not be known yet: exports of a target are unknown
// until the target was looked at, or until a step has made them.
type Strings struct {
	Values  []string `json:"values,omitempty"`
	Unknown bool     `json:"unknown,omitempty"`
}

// Desired is what the configuration asks for, fully evaluated. Slices are in
// the order of the source; addresses are unique.
type Desired struct {
	// Digest is the SHA-256 (hex) of the first evaluation: file contents and
	// variables included, secrets as locators, sensitive values left out.
	Digest    string    `json:"digest"`
	Sources   []Server  `json:"sources"`
	Targets   []Server  `json:"targets"`
	DNS       []DNS     `json:"dns"`
	Domains   []Domain  `json:"domains"`
	Mailboxes []Mailbox `json:"mailboxes"`
	Aliases   []Alias   `json:"aliases"`
	Ignores   []Ignore  `json:"ignores"`
	Accepts   []Accept  `json:"accepts"`
	Records   []Record  `json:"records"`
	Outputs   []Output  `json:"outputs,omitempty"`
	Settings  Settings  `json:"settings"`
}

// Server is a source or a target block: a mail service.
type Server struct {
	Address  Address  `json:"address"`
	Driver   string   `json:"driver"`
	Endpoint Endpoint `json:"endpoint"`
	// MXEndpoint ("host:port") overrides where inbound SMTP is probed.
	MXEndpoint string `json:"mx_endpoint,omitempty"`
	// AvailableUntil is the end of the old contract; zero when not said.
	AvailableUntil time.Time `json:"available_until,omitzero"`
	// Connections caps simultaneous connections; 0 leaves the default.
	Connections int `json:"connections,omitempty"`
	// AccountConnections caps those of one account; 0 leaves the default.
	AccountConnections int `json:"account_connections,omitempty"`
	// Bandwidth is octets a second, both ways together; 0 leaves that of the limits.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// Daily is how many octets an account bears in a day: read from a source,
	// written to a target; 0 is unbounded.
	Daily int64 `json:"daily,omitempty"`
	// Settings and Secrets hold what only the driver understands.
	Settings map[string]string `json:"settings,omitempty"`
	Secrets  map[string]Secret `json:"secrets,omitempty"`
	// Exports holds what the configuration itself says of a target (the imap
	// driver, whose accounts are made by hand); nil values are unset.
	Exports Exports `json:"exports,omitzero"`
}

// Exports is what a target offers to the rest of the configuration:
// target.x.mx and so on.
type Exports struct {
	// MX holds values in presentation form: "10 mx.new-host.example.".
	MX []string `json:"mx,omitempty"`
	// SPF holds the mechanisms that authorise the service: "include:spf.new.example".
	SPF []string `json:"spf,omitempty"`
	// DKIM holds the records to publish, names relative to the domain.
	DKIM       []DKIMRecord `json:"dkim,omitempty"`
	IMAP       Service      `json:"imap,omitzero"`
	Submission Service      `json:"submission,omitzero"`
	Webmail    string       `json:"webmail,omitempty"`
}

// DKIMRecord is one selector of the new service (RFC 6376 §3.6.2).
type DKIMRecord struct {
	// Domain is the mail domain the key signs for; Name the owner name
	// relative to it: "s1._domainkey".
	Domain string `json:"domain,omitempty"`
	Name   string `json:"name"`
	// Type is TXT or CNAME.
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Service is a client-facing endpoint.
type Service struct {
	Host string  `json:"host,omitempty"`
	Port int     `json:"port,omitempty"`
	TLS  TLSMode `json:"tls,omitempty"`
}

// DNS is a dns block: who serves a zone.
type DNS struct {
	Address Address `json:"address"`
	Driver  string  `json:"driver"`
	// Nameservers ("host" or "host:port") replaces the discovery of the
	// zone's authoritative servers, for a hidden primary say.
	Nameservers []string          `json:"nameservers,omitempty"`
	Settings    map[string]string `json:"settings,omitempty"`
	Secrets     map[string]Secret `json:"secrets,omitempty"`
}

// Domain is one mail domain that moves.
type Domain struct {
	Address Address `json:"address"`
	// Name is in A-label form, lower case, without a final dot.
	Name    string  `json:"name"`
	DNS     Address `json:"dns"`
	Target  Address `json:"target"`
	AliasOf Address `json:"alias_of,omitempty"`
	// MXFrom is asserted until the cutover; empty asserts nothing.
	MXFrom []string `json:"mx_from,omitempty"`
	// MXTo is what the MX becomes.
	MXTo  Strings `json:"mx_to"`
	SPF   SPF     `json:"spf"`
	DKIM  DKIM    `json:"dkim"`
	DMARC DMARC   `json:"dmarc"`
	// Autoconfig publishes SRV records for mail clients at the cutover.
	Autoconfig bool `json:"autoconfig,omitempty"`
	// TTLTo overrides Settings.LowerTTL.To; 0 leaves it.
	TTLTo time.Duration `json:"ttl_to,omitempty"`
}

// SPF says how a domain's SPF record is to change (RFC 7208).
type SPF struct {
	// Manage is false when the configuration says so: then only looked at.
	Manage bool `json:"manage"`
	// Add holds the mechanisms of the new service.
	Add Strings `json:"add"`
	// DropOld holds the terms attributed to the old mail service, removed at
	// decommission; nothing else is.
	DropOld []string `json:"drop_old,omitempty"`
}

// DKIM says which selectors are published.
type DKIM struct {
	Manage  bool         `json:"manage"`
	Records []DKIMRecord `json:"records,omitempty"`
	Unknown bool         `json:"unknown,omitempty"`
}

// DMARC says what is published where no DMARC record exists.
type DMARC struct {
	Manage bool   `json:"manage"`
	RUA    string `json:"rua,omitempty"`
}

// Mailbox is one account that moves.
type Mailbox struct {
	Address Address       `json:"address"`
	Email   string        `json:"email"`
	Aliases []string      `json:"aliases,omitempty"`
	Source  SourceAccount `json:"source"`
	Target  TargetAccount `json:"target"`
	Folders FolderRules   `json:"folders"`
	// AddOnly is policy = "add_only": nothing is mirrored even before the switch.
	AddOnly bool `json:"add_only,omitempty"`
}

// SourceAccount is where a mailbox is read.
type SourceAccount struct {
	Server   Address `json:"server"`
	Login    string  `json:"login"`
	Password Secret  `json:"password"`
}

// TargetAccount is where a mailbox is written.
type TargetAccount struct {
	Server   Address `json:"server"`
	Login    string  `json:"login"`
	Password Secret  `json:"password"`
	// Credential is "password" or "keep": which password the account gets.
	Credential string `json:"credential"`
	// Quota in octets; 0 leaves the service's default.
	Quota int64 `json:"quota,omitempty"`
	// OnExisting is "refuse" or "adopt": what to do with an account that was
	// there before us.
	OnExisting string `json:"on_existing"`
	// OnSimilar is "adopt" or "keep_both": what becomes of a message that the
	// target seems to hold altered, and not by us; "" asks.
	OnSimilar string `json:"on_similar,omitempty"`
}

// FolderRules are a person's rules on top of the automatic folder mapping.
// Names are paths joined by "/".
type FolderRules struct {
	Rename  map[string]string `json:"rename,omitempty"`
	Exclude []string          `json:"exclude,omitempty"`
	Include []string          `json:"include,omitempty"`
	Prefix  string            `json:"prefix,omitempty"`
}

// Alias is an address without a mailbox of its own.
type Alias struct {
	Address Address  `json:"address"`
	Email   string   `json:"email"`
	To      []string `json:"to"`
}

// Ignore is a set of addresses deliberately left behind.
type Ignore struct {
	Address Address  `json:"address"`
	Emails  []string `json:"emails"`
	Reason  string   `json:"reason"`
}

// Accept is what a person accepts by name.
type Accept struct {
	Address Address `json:"address"`
	// Check names what is accepted: "messages", "flags", "dates", "rcpt",
	// "spf", "dkim", "silence", "inbound", "clients", "mailbox".
	Check string `json:"check"`
	// Where it applies; empty fields apply everywhere.
	Mailbox Address   `json:"mailbox,omitempty"`
	Message string    `json:"message,omitempty"`
	Sender  string    `json:"sender,omitempty"`
	Record  string    `json:"record,omitempty"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until,omitzero"`
}

// Record is any other DNS record that follows the migration.
type Record struct {
	Address Address `json:"address"`
	Domain  Address `json:"domain"`
	// Name is fully qualified with a final dot.
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Values       Strings  `json:"values"`
	ValuesBefore []string `json:"values_before,omitempty"`
	// TTL is 0 when not given.
	TTL time.Duration `json:"ttl,omitempty"`
	// FromPhase is when Values appear; at UntilPhase they go (0: they stay).
	FromPhase  Phase `json:"from_phase"`
	UntilPhase Phase `json:"until_phase,omitempty"`
}

// Output is a value a person asked to be shown. Value is JSON.
type Output struct {
	Name      string `json:"name"`
	Value     string `json:"value,omitempty"`
	Unknown   bool   `json:"unknown,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
}
