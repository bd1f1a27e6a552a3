//go:build !linux

package testservers

import "syscall"

// isolated puts the server in a group of its own. Only Linux can end it
// together with a test binary that dies without its cleanups.
func isolated() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
