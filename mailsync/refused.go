package mailsync

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/text/unicode/norm"

	"bascule/mailsync/folders"
)

// RefusedMessage is a source message that the target refused for good.
type RefusedMessage struct {
	// Folder, Validity and UID are the source's.
	Folder   []string
	Validity uint32
	UID      UID
	// Digest is zero where the target refused before it had read the whole.
	Digest Digest
	// Size counts octets; Date is INTERNALDATE.
	Size int64
	Date time.Time
	// Reason has the target's words: remote text.
	Reason string
}

// Name is how a person names the message: folder, UIDVALIDITY and UID, such as
// "INBOX 1700000000/42". It means the same message as long as the folder keeps
// its UIDVALIDITY (RFC 3501 §2.3.1.1). In NFC, as texts of a configuration are.
func (m RefusedMessage) Name() string {
	return norm.NFC.String(fmt.Sprintf("%s %d/%d", folders.Show(m.Folder), m.Validity, m.UID))
}

// RefusedIn tells fn of every refused message that a ledger knows, folder by
// folder, in the order they were refused.
func RefusedIn(ctx context.Context, l Ledger, fn func(RefusedMessage) error) error {
	counts, err := l.Counts(ctx)
	if err != nil || counts[Rejected] == 0 {
		return err
	}
	pairs, err := l.Pairs(ctx)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		err := l.Rows(ctx, p.ID, func(r Row) error {
			if r.Outcome != Rejected {
				return nil
			}
			return fn(RefusedMessage{Folder: p.Source.Path, Validity: r.SourceValidity, UID: r.SourceUID, Digest: r.Digest, Size: r.Size, Date: r.Date, Reason: r.Reason})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
