package testservers

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// isolated puts the server in a group of its own and has the kernel end it
// should the test binary die without its cleanups (a panic, a timeout).
func isolated() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// groupAlive reports whether a process of the group still runs. Those that
// ended and wait for init to collect them do not count, however slow init is,
// so kill(2) with signal 0 does not answer the question.
func groupAlive(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// "PID (name) STATE PPID PGRP …", where the name may hold anything.
		_, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
		fields := bytes.Fields(rest)
		if len(fields) > 2 && string(fields[2]) == strconv.Itoa(group) && string(fields[0]) != "Z" {
			return true
		}
	}
	return false
}
