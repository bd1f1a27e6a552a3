package imapstore

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// maxWords bounds what is kept of a server's words in an error.
const maxWords = 500

// replied returns nil for OK, else the server's refusal.
func replied(command string, r wire.Response) error {
	if r.Type == "OK" {
		return nil
	}
	return serverError(command, r)
}

// refused puts a refusal that the library reports into the server's own
// words, of which the library has seen none.
func (s *session) refused(command string, err error) error {
	var said *imap.Error
	if errors.As(err, &said) {
		return replied(command, s.tap.Reply())
	}
	return err
}

// serverError words a NO, BAD or BYE, and says whether it may go away.
func serverError(command string, r wire.Response) error {
	text := r.Text
	if len(text) > maxWords {
		text = text[:maxWords]
	}
	var err error = &mailsync.ServerError{Command: command, Status: r.Type, Code: r.Code, Text: text}
	switch r.Code {
	case "NONEXISTENT", "TRYCREATE":
		err = fmt.Errorf("%w: %w", mailsync.ErrNoFolder, err)
	}
	if wait, ok := busy(command, r); ok {
		return retry.After(err, wait)
	}
	return err
}

// busy recognises a server that asks to come back later: response codes of
// RFC 5530, and the prose of those that have none.
func busy(command string, r wire.Response) (wait time.Duration, ok bool) {
	if wait, ok := backoffHint(r.Text); ok {
		return wait, true
	}
	switch r.Code {
	case "UNAVAILABLE", "INUSE", "THROTTLED", "SERVERBUG":
		return 0, true
	case "LIMIT":
		// On CREATE or APPEND it is a limit of the mailbox (RFC 5530 §3), on
		// LOGIN one of connections.
		return 0, command == "login" || r.Type == "BYE" || mentions(r.Text, "connection", "session", "rate", "bandwidth")
	}
	return 0, r.Type == "BYE" || mentions(r.Text, "maximum number of connections", "too many connections", "too many simultaneous",
		"too many sessions", "throttled", "rate limit", "try again later", "temporarily unavailable", "temporary")
}

func mentions(text string, phrases ...string) bool {
	text = strings.ToLower(text)
	for _, p := range phrases {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// backoffHint reads "Suggested Backoff Time: 92415 milliseconds" (Exchange),
// at most a day.
func backoffHint(text string) (time.Duration, bool) {
	m := regexp.MustCompile(`(?i)suggested backoff time:\s*(\d{1,12})`).FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	return min(time.Duration(ms)*time.Millisecond, 24*time.Hour), err == nil
}
