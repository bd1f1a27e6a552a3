package testservers

import "syscall"

// isolated puts the server in a group of its own and has the kernel end it
// should the test binary die without its cleanups (a panic, a timeout).
func isolated() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
