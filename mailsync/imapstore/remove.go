package imapstore

import (
	"context"
	"errors"

	"bascule/mailsync"
)

var _ mailsync.Remover = (*Target)(nil)

// RemoveFolder implements mailsync.Remover. The folder is left first: what is
// open cannot be deleted everywhere.
func (t *Target) RemoveFolder(ctx context.Context, f mailsync.Folder) error {
	if t.s.open.valid && key(t.s.open.folder.Raw) == key(f.Raw) {
		if _, err := t.Examine(ctx, mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX"}); err != nil {
			return err
		}
	}
	return t.s.do(ctx, "delete folder "+quote(f), func() error {
		refusal := t.s.command(t.s.conn.Begin("DELETE", t.s.lit).Name(f.Raw), "DELETE", nil)
		if err := t.s.absent(f, refusal); !errors.Is(err, mailsync.ErrNoFolder) {
			return err
		}
		return nil
	})
}
