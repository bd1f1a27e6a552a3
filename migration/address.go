package migration

import "strings"

// Address is the stable name of an object of the configuration, the key of
// plans, state and diagnostics: domain.main, mailbox.team["alice"].
type Address string

// Kind returns the first label: "mailbox", "domain", "source".
func (a Address) Kind() string {
	kind, _, _ := strings.Cut(string(a), ".")
	return kind
}

// Under reports whether a is b, or an instance of the block b names:
// mailbox.team["alice"] is under mailbox.team.
func (a Address) Under(b Address) bool {
	return a == b || strings.HasPrefix(string(a), string(b)+"[")
}
