package mailsync

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Strain is what a server complains of when too much is asked of it.
type Strain int

// Strains, by what helps.
const (
	// Crowded: too many connections at once. Fewer help.
	Crowded Strain = iota + 1
	// Throttled: too much in too little time. Waiting helps.
	Throttled
	// Spent: the allowance of the day is used up. Waiting long helps.
	Spent
	// Unavailable: the mailbox or the server cannot serve now.
	Unavailable
)

// String implements fmt.Stringer.
func (s Strain) String() string {
	switch s {
	case Crowded:
		return "too many connections"
	case Throttled:
		return "throttled"
	case Spent:
		return "allowance used up"
	case Unavailable:
		return "unavailable"
	}
	return "at ease"
}

// BusyError is a server that asks to be left alone for a while. It is temporary.
type BusyError struct {
	Strain Strain
	// Wait is the server's own hint; 0 when it gave none.
	Wait time.Duration
	// Err holds the server's words.
	Err error
}

func (e *BusyError) Error() string { return e.Err.Error() }
func (e *BusyError) Unwrap() error { return e.Err }

// Temporary implements what retry.IsTemporary asks for.
func (e *BusyError) Temporary() bool { return true }

// complaint is what one kind of server says under strain. Codes are those of
// RFC 5530 and RFC 9738; phrases are compared in lower case.
type complaint struct {
	code, phrase string
	strain       Strain
}

// complaints, the most particular first: the words of a server tell more than
// its code, which Gmail, for one, takes from another matter.
var complaints = []complaint{
	// Dovecot: "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)".
	{"", "maximum number of connections", Crowded},
	// Gmail: "[ALERT] Too many simultaneous connections. (Failure)".
	{"", "too many simultaneous", Crowded},
	{"", "too many connections", Crowded},
	{"", "too many sessions", Crowded},
	{"", "connection limit", Crowded},
	// Gmail: "[OVERQUOTA] Account exceeded command or bandwidth limits".
	{"", "exceeded command or bandwidth", Spent},
	{"", "bandwidth limit", Spent},
	{"", "download limit", Spent},
	{"THROTTLED", "", Throttled},
	// Exchange: "Request is throttled. Suggested Backoff Time: 92415 milliseconds".
	{"", "throttled", Throttled},
	{"", "rate limit", Throttled},
	{"", "too many requests", Throttled},
	{"UNAVAILABLE", "", Unavailable},
	{"INUSE", "", Unavailable},
	{"SERVERBUG", "", Unavailable},
	// iCloud: "FETCH NO Service temporarily unavailable".
	{"", "temporarily unavailable", Unavailable},
	{"", "try again later", Unavailable},
	{"", "temporary", Unavailable},
}

// limited are the words that make [LIMIT] a matter of load; on CREATE or APPEND
// it may be a limit of the mailbox (RFC 5530 §3).
var limited = []string{"connection", "session", "rate", "bandwidth"}

// Complaint recognises a server under strain by its refusal. command is what
// was asked, "login" for a login; status, code and text are the server's.
func Complaint(command, status, code, text string) (BusyError, bool) {
	text = strings.ToLower(text)
	if wait, ok := backoffHint(text); ok {
		return BusyError{Strain: Throttled, Wait: wait}, true
	}
	for _, c := range complaints {
		if c.code != "" && c.code == code || c.phrase != "" && strings.Contains(text, c.phrase) {
			return BusyError{Strain: c.strain}, true
		}
	}
	if code != "LIMIT" {
		return BusyError{}, false
	}
	if command == "login" || status == "BYE" {
		return BusyError{Strain: Crowded}, true
	}
	for i, word := range limited {
		if strings.Contains(text, word) {
			return BusyError{Strain: []Strain{Crowded, Crowded, Throttled, Spent}[i]}, true
		}
	}
	return BusyError{}, false
}

// mostHint bounds what a server may ask for.
const mostHint = 24 * time.Hour

var hintText = regexp.MustCompile(`suggested backoff time:\s*(\d{1,12})`)

// backoffHint reads "Suggested Backoff Time: 92415 milliseconds" (Exchange).
func backoffHint(lower string) (time.Duration, bool) {
	m := hintText.FindStringSubmatch(lower)
	if m == nil {
		return 0, false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	return min(time.Duration(ms)*time.Millisecond, mostHint), err == nil
}
