//go:build unix

package local

import (
	"errors"
	"os"
	"syscall"
)

// flock opens a file and locks it, or fails at once. The file is closed on
// exec, so that no child process keeps the lock of a dead parent.
func flock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		closeQuietly(f)
		return nil, err
	}
	return f, nil
}

// isBusy reports whether flock failed because somebody else has it.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
}

// processLives reports whether a process of this machine may be alive.
func processLives(pid int) bool {
	return pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
