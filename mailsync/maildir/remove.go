package maildir

import (
	"context"
	"fmt"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// RemoveFolder implements mailsync.Remover. INBOX is never removed.
func (s *store) RemoveFolder(ctx context.Context, f mailsync.Folder) error {
	if err := live(ctx); err != nil {
		return err
	}
	if !strings.HasPrefix(f.Raw, ".") || strings.Trim(f.Raw, ".") == "" || strings.Contains(f.Raw, "/") {
		return refusal("DELETE", "not a folder that can be removed")
	}
	if s.open != nil && s.open.dir == f.Raw {
		s.open = nil
	}
	if err := s.root.RemoveAll(f.Raw); err != nil {
		return fmt.Errorf("delete %s: %w", strings.Join(pathOf(f.Raw), "/"), err)
	}
	return uidlist.SyncDir(s.root, ".")
}
