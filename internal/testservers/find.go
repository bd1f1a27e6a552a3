package testservers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CacheDir returns the directory tools/prepare fills: .cache beside the go.mod
// of the tree the test runs in, which git ignores. It puts mox in bin/mox,
// packages it may not install, unpacked, in debian/, and Cyrus in cyrus/.
func CacheDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".cache"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find cache directory: no go.mod above the test")
		}
		dir = parent
	}
}

// program is an executable and the file tree it was unpacked in: "" for one
// that is installed.
type program struct{ path, root string }

// Debian keeps servers out of an ordinary user's PATH.
var systemDirs = [...]string{"/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin"}

// find looks for name among the installed programs, then among the privately
// unpacked ones.
func find(name string) (program, error) {
	if path, err := exec.LookPath(name); err == nil {
		return program{path: path}, nil
	}
	for _, dir := range systemDirs {
		if path := filepath.Join(dir, name); executable(path) {
			return program{path: path}, nil
		}
	}
	cache, err := CacheDir()
	if err != nil {
		return program{}, err
	}
	root := filepath.Join(cache, "debian")
	for _, dir := range systemDirs {
		if path := filepath.Join(root, dir, name); executable(path) {
			return program{path, root}, nil
		}
	}
	return program{}, fmt.Errorf("%s is neither installed nor in %s (run make prepare)", name, cache)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// need finds the program or ends the test: skipped on a developer's machine,
// failed in CI, where a missing server would hide everything it proves.
func need(t testing.TB, name string) program {
	t.Helper()
	p, err := find(name)
	if err != nil {
		missing(t, err)
	}
	return p
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("a server of the tests is missing: %v", err)
	}
	t.Skipf("a server of the tests is missing: %v", err)
}

// env returns what the program needs to find its libraries when it was
// unpacked privately.
func (p program) env() []string {
	if p.root == "" {
		return nil
	}
	dirs, _ := filepath.Glob(filepath.Join(p.root, "usr/lib/*-linux-gnu*"))
	dirs = append(dirs, filepath.Join(p.root, "usr/lib/dovecot"))
	return []string{"LD_LIBRARY_PATH=" + strings.Join(dirs, ":")}
}

// sibling returns another program of the same installation.
func (p program) sibling(name string) (program, error) {
	for _, dir := range systemDirs {
		path := filepath.Join(p.root, dir, name)
		if executable(path) {
			return program{path, p.root}, nil
		}
	}
	return program{}, fmt.Errorf("%s is not installed beside %s", name, p.path)
}
