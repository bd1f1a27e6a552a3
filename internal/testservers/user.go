package testservers

import (
	"fmt"
	"io/fs"
	"os"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// user is who the servers run as: the caller, or nobody when the caller is
// root, since Dovecot refuses logins as root and nothing here needs it.
type user struct {
	name, group string
	uid, gid    uint32
	switched    bool
}

// serverUser picks the user and fails the test when it cannot be told.
func serverUser(t testing.TB) user {
	t.Helper()
	u, err := findUser()
	if err != nil {
		t.Fatalf("choose the user servers run as: %v", err)
	}
	return u
}

func findUser() (user, error) {
	root := os.Geteuid() == 0
	look := osuser.Current
	if root {
		look = func() (*osuser.User, error) { return osuser.Lookup("nobody") }
	}
	entry, err := look()
	if err != nil {
		return user{}, err
	}
	group, err := osuser.LookupGroupId(entry.Gid)
	if err != nil {
		return user{}, err
	}
	uid, err := strconv.ParseUint(entry.Uid, 10, 32)
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", entry.Username, err)
	}
	gid, err := strconv.ParseUint(entry.Gid, 10, 32)
	if err != nil {
		return user{}, fmt.Errorf("group of %s: %w", entry.Username, err)
	}
	return user{entry.Username, group.Name, uint32(uid), uint32(gid), root}, nil
}

// workDir makes a directory for one server and removes it at cleanup.
// testing.TB.TempDir is of no use: nobody but the caller may enter it, and its
// names are too long for the sockets (108 octets on Linux) servers put there.
func (u user) workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bts")
	if err != nil {
		t.Fatalf("make server directory: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("TESTSERVERS_KEEP") != "" {
			t.Logf("kept %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// own hands dir and all below it to u. It does nothing without root.
func (u user) own(dir string) error {
	if !u.switched {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(u.uid), int(u.gid))
	})
}

// write puts text in a file of the server's own; secret files are its alone.
func (u user) write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// Renaming keeps a running server from reading half a file.
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	if u.switched {
		if err := os.Chown(next, int(u.uid), int(u.gid)); err != nil {
			return err
		}
	}
	return os.Rename(next, path)
}
