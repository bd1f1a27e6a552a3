package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"bascule/internal/clock"
)

// measured is one run of one program.
type measured struct {
	Wall, CPU time.Duration
	// PeakMiB is 0 where the kernel does not say.
	PeakMiB float64
	Err     error
}

const samplePause = 5 * time.Millisecond

// measure runs a process to its end.
func measure(ctx context.Context, c *exec.Cmd) measured {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	begin := clock.Monotonic()
	if err := c.Start(); err != nil {
		return measured{Err: err}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var m measured
	for running := true; running; {
		select {
		case m.Err = <-ended:
			running = false
		case <-time.After(samplePause):
			m.PeakMiB = max(m.PeakMiB, peakOf(c.Process.Pid))
		case <-ctx.Done():
			m.Err = context.Cause(ctx)
			_ = c.Process.Kill()
			<-ended
			running = false
		}
	}
	m.Wall = clock.Monotonic().Sub(begin)
	if c.ProcessState != nil {
		m.CPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	if m.Err != nil {
		m.Err = fmt.Errorf("%w: %.600s", m.Err, out.Bytes())
	}
	return m
}

// peakOf reads the high-water mark of a process. The one in its accounting
// also holds what the parent had when it forked.
func peakOf(pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(text, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kib, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return 0
	}
	return float64(kib) / 1024
}
