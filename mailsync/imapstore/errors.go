package imapstore

import (
	"errors"
	"fmt"

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
	if busy, ok := mailsync.Complaint(command, r.Type, r.Code, r.Text); ok {
		busy.Err = err
		return retry.After(&busy, busy.Wait)
	}
	if r.Type == "BYE" {
		return retry.Temporary(err)
	}
	return err
}

// complained tells whoever shares this server with us that it is under strain.
// A mailbox that cannot be served is the matter of who asked for it, once
// somebody is logged in: the others may be well.
func (s *session) complained(r *wire.Response) {
	if s.cfg.Heard == nil {
		return
	}
	command := "login"
	if s.in {
		command = ""
	}
	busy, ok := mailsync.Complaint(command, r.Type, r.Code, r.Text)
	if !ok || busy.Strain == mailsync.Unavailable && s.in && r.Type != "BYE" {
		return
	}
	text := s.cfg.scrub(r.Text)
	busy.Err = &mailsync.ServerError{Command: command, Status: r.Type, Code: r.Code, Text: text[:min(len(text), maxWords)]}
	s.cfg.Heard(&busy, s.in)
}
