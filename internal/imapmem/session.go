package imapmem

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// session is the memory server's session with an honest PERMANENTFLAGS: the
// library lists the flags in use only, so that an empty folder would say it
// keeps no \Seen (RFC 3501 §7.1), while in truth every folder keeps them all.
type session struct{ imapserver.SessionIMAP4rev2 }

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
