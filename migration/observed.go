package migration

import "time"

// Observed is what was seen of both sides, and when. DNS is seen apart, as
// zone snapshots. Absent entries mean "not looked at", never "not there".
type Observed struct {
	At        time.Time               `json:"at"`
	Targets   map[Address]TargetSeen  `json:"targets,omitempty"`
	Mailboxes map[Address]MailboxSeen `json:"mailboxes,omitempty"`
	// Hosts holds the addresses of MX hosts, for the checks of the MX.
	Hosts map[string]HostSeen `json:"hosts,omitempty"`
}

// TargetSeen is what a target's own interface said.
type TargetSeen struct {
	// Err is why the target could not be asked, in its own words; then every
	// other field is unknown.
	Err string `json:"err,omitempty"`
	// Can lists what the driver can do: see the Can… constants.
	Can []string `json:"can,omitempty"`
	// Domains the target serves already, Accounts by address, Aliases by
	// address. Nil when the driver cannot list them.
	Domains  []string            `json:"domains,omitempty"`
	Accounts map[string]Account  `json:"accounts,omitempty"`
	Aliases  map[string][]string `json:"aliases,omitempty"`
	// Exports by domain name: DKIM keys are made per domain.
	Exports map[string]Exports `json:"exports,omitempty"`
}

// Account is an account the target has.
type Account struct {
	Login string `json:"login"`
	// Quota in octets, 0 when unlimited or not said.
	Quota int64 `json:"quota,omitempty"`
}

// What a driver can do; a planner makes Manual steps of the rest.
const (
	CanListAccounts  = "list_accounts"
	CanCreateDomain  = "create_domain"
	CanCreateMailbox = "create_mailbox"
	CanSetPassword   = "set_password"
	CanSetAlias      = "set_alias"
	CanExternalAlias = "external_alias"
)

// MailboxSeen is what a look at a mailbox gave.
type MailboxSeen struct {
	Source SideSeen `json:"source"`
	Target SideSeen `json:"target"`
}

// SideSeen is one side of a mailbox.
type SideSeen struct {
	// Looked is false when nobody tried.
	Looked bool `json:"looked"`
	// Err is why the look failed, in the server's words; Temporary whether it
	// may go away by itself, Refused whether the login was refused.
	Err       string `json:"err,omitempty"`
	Temporary bool   `json:"temporary,omitempty"`
	Refused   bool   `json:"refused,omitempty"`
	// ServerID is what the server said of itself (RFC 2971).
	ServerID map[string]string `json:"server_id,omitempty"`
	// Messages and Folders are counted from STATUS.
	Messages int `json:"messages"`
	Folders  int `json:"folders"`
	// Mapping shows where each source folder goes.
	Mapping []FolderMapping `json:"mapping,omitempty"`
	// NotCarried names shared and other users' folders.
	NotCarried []string `json:"not_carried,omitempty"`
}

// OK reports whether the side was seen.
func (s SideSeen) OK() bool { return s.Looked && s.Err == "" }

// FolderMapping is one row of the folder mapping.
type FolderMapping struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason,omitempty"`
}

// HostSeen is what a host name resolves to.
type HostSeen struct {
	Addrs []string `json:"addrs,omitempty"`
	CNAME string   `json:"cname,omitempty"`
	Err   string   `json:"err,omitempty"`
	// Absent is true when the name certainly does not exist.
	Absent bool `json:"absent,omitempty"`
}
