package providers

import "strings"

// Allowance is what a mail service bears of one account. Numbers change:
// configuration overrides them, and what a server says of itself wins.
type Allowance struct {
	// Connections at once; 0 is not known.
	Connections int
	// Read and Written are octets a day; 0 is not known to be bounded.
	Read, Written int64
}

// allowances by host name, as the services document them.
var allowances = map[string]Allowance{
	// 15 connections, 2,500 MB down and 500 MB up a day and account; who goes
	// beyond is locked out for 1 to 24 hours.
	"imap.gmail.com":      {Connections: 15, Read: 2_500_000_000, Written: 500_000_000},
	"imap.googlemail.com": {Connections: 15, Read: 2_500_000_000, Written: 500_000_000},

	"outlook.office365.com":      {Connections: 10},
	"imap.mail.yahoo.com":        {Connections: 5},
	"export.imap.mail.yahoo.com": {Connections: 5},
	"imap.aol.com":               {Connections: 5},
	"imap.mail.me.com":           {Connections: 8},
}

// AllowanceAt returns what is known of the service at a host; the zero value
// where nothing is.
func AllowanceAt(host string) Allowance {
	return allowances[strings.TrimSuffix(strings.ToLower(host), ".")]
}
