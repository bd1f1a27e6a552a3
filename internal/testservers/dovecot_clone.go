package testservers

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// CloneMail gives a user the mailbox of another as it is on disk: the same
// folders, UIDs and UIDVALIDITYs. Neither may be logged in, and the copy must
// not have had a mailbox. Unlike other methods it may be called side by side.
func (d *Dovecot) CloneMail(from, to string) {
	d.t.Helper()
	root := filepath.Join(d.Dir, "mail")
	if err := cloneTree(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
		d.t.Fatalf("clone the mailbox of %s: %v", from, err)
	}
}

// cloneTree copies directories and files with their owners.
func cloneTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			err = os.Mkdir(target, info.Mode().Perm())
		} else if info.Mode().IsRegular() {
			err = cloneFile(path, target, info.Mode().Perm())
		} else {
			return nil
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
			err = os.Lchown(target, int(owner.Uid), int(owner.Gid))
		}
		return err
	})
}

func cloneFile(from, to string, mode fs.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, mode)
}
