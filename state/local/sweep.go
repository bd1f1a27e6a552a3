package local

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sweep removes what a killed process left between a temporary file and its
// renaming. Under the guard nobody else is writing.
func (s *Store) sweep() {
	for _, pattern := range []string{s.Path(), s.lockPath(), s.privatePath("history/*.json")} {
		dir, base := filepath.Split(pattern)
		left, _ := filepath.Glob(filepath.Join(dir, "."+base+".*"))
		for _, file := range left {
			if isTemporary(file) {
				_ = os.Remove(file)
			}
		}
	}
}

// isTemporary tells the files of os.CreateTemp, which end in a number, from
// those of a person's editor.
func isTemporary(file string) bool {
	_, err := strconv.ParseUint(strings.TrimPrefix(filepath.Ext(file), "."), 10, 64)
	return err == nil
}
