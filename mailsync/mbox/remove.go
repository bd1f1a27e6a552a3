package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// RemoveFolder implements mailsync.Remover: the file and its list of UIDs go.
func (s *store) RemoveFolder(ctx context.Context, f mailsync.Folder) error {
	if err := live(ctx); err != nil {
		return err
	}
	found, _, err := s.files()
	if err != nil || !slices.Contains(found, f.Raw) {
		return err
	}
	if len(f.Path) == 1 && f.Path[0] == "INBOX" {
		return refusal("DELETE", "INBOX is not removed")
	}
	s.shut()
	dir := path.Dir(f.Raw)
	for _, name := range []string{f.Raw, path.Join(dir, "."+path.Base(f.Raw)+".uidlist")} {
		if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete %s: %w", strings.Join(f.Path, "/"), err)
		}
	}
	delete(s.lists, f.Raw)
	return uidlist.SyncDir(s.root, dir)
}
