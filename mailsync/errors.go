package mailsync

import (
	"errors"
	"fmt"
)

// Sentinels that the engine acts upon. Whether an error may go away by itself
// is said by retry.IsTemporary.
var (
	// ErrNoUIDPlus: the server cannot expunge by UID, so nothing is expunged.
	ErrNoUIDPlus = errors.New("server has no UIDPLUS")
	// ErrNoFolder: the folder does not exist (any more).
	ErrNoFolder = errors.New("no such folder")
	// ErrAuth: the server refused the credentials.
	ErrAuth = errors.New("login refused")
	// ErrIdentity: the server is not the one that was pinned.
	ErrIdentity = errors.New("server is not the one recorded")
	// ErrLeased: another pass works on the same target account.
	ErrLeased = errors.New("mailbox is being worked on by another pass")
)

// ServerError is a NO or BAD, in the server's own words.
type ServerError struct {
	// Command names what was asked, without arguments: "APPEND".
	Command string
	// Status is "NO", "BAD" or "BYE".
	Status string
	// Code is the response code without brackets and arguments, such as
	// "OVERQUOTA", or "".
	Code string
	Text string
}

func (e *ServerError) Error() string {
	if e.Code != "" {
		return fmt.Sprintf("%s: server said %s [%s] %s", e.Command, e.Status, e.Code, e.Text)
	}
	return fmt.Sprintf("%s: server said %s %s", e.Command, e.Status, e.Text)
}

// AppendError tells what is known of a batch that was not accepted as a whole.
type AppendError struct {
	// Accepted counts the messages, from the first, that the server
	// acknowledged one by one (single APPENDs); UIDs are theirs.
	Accepted int
	UIDs     []UID
	// Unknown is true when the connection ended before the server said
	// yes or no: look before sending again.
	Unknown bool
	Err     error
}

func (e *AppendError) Error() string { return e.Err.Error() }
func (e *AppendError) Unwrap() error { return e.Err }
