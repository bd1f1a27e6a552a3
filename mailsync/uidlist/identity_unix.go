//go:build unix

package uidlist

import (
	"io/fs"
	"strconv"
	"syscall"
)

// Identify notes what tells one file or directory from another that has taken
// its name.
func Identify(info fs.FileInfo, id map[string]string) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id["inode"] = strconv.FormatUint(uint64(st.Ino), 10)
	}
}
