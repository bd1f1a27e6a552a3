//go:build !linux

package testservers

import (
	"errors"
	"syscall"
)

// isolated puts the server in a group of its own. Only Linux can end it
// together with a test binary that dies without its cleanups.
func isolated() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// groupAlive reports whether a process of the group still exists.
func groupAlive(group int) bool {
	return !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH)
}
