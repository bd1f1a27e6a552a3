package imapmem

import (
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// session is the memory server's session with an honest PERMANENTFLAGS: the
// library lists the flags in use only, so that an empty folder would say it
// keeps no \Seen (RFC 3501 §7.1), while in truth every folder keeps them all.
type session struct {
	imapserver.SessionIMAP4rev2
	refuse func(message []byte) string
}

// Append implements imapserver.Session.
func (s session) Append(folder string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	if s.refuse == nil {
		return s.SessionIMAP4rev2.Append(folder, r, options)
	}
	message, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if words := s.refuse(message); words != "" {
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: words}
	}
	return s.SessionIMAP4rev2.Append(folder, literal{strings.NewReader(string(message))}, options)
}

// Select implements imapserver.Session.
func (s session) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	data, err := s.SessionIMAP4rev2.Select(name, options)
	if err != nil {
		return nil, err
	}
	data.Flags, data.PermanentFlags = withSystemFlags(data.Flags), withSystemFlags(data.PermanentFlags)
	return data, nil
}

func withSystemFlags(flags []imap.Flag) []imap.Flag {
	for _, f := range []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft} {
		if !slices.ContainsFunc(flags, func(g imap.Flag) bool { return strings.EqualFold(string(f), string(g)) }) {
			flags = append(flags, f)
		}
	}
	return flags
}
