package testservers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bascule/internal/clock"
)

// stopPatience is how long a server may take to end after SIGTERM before it
// and whatever it started are killed: one that hangs, not one that is slow.
const stopPatience = time.Minute

// command is what it takes to start a server: the program in the foreground,
// run as the unprivileged user when the tests run as root.
type command struct {
	path  string
	args  []string
	dir   string
	env   []string
	files []*os.File // handed down as descriptors 3, 4, …
}

// process is one running server. The goroutine started by launch owns Wait;
// everybody else learns of the end through done.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // how it ended; read only after done is closed
}

// launch starts the program in a process group of its own, its output in a
// file called log, and does not wait for it to be ready.
func (u user) launch(c command, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	defer out.Close()
	if u.switched {
		// The server opens the same file by name.
		if err := out.Chown(int(u.uid), int(u.gid)); err != nil {
			return nil, err
		}
	}
	cmd := u.command(c)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = c.files
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.path, err)
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// serve launches the program and waits until probe succeeds. What does not get
// that far is stopped again.
func (u user) serve(c command, log string, probe func() error) (*process, error) {
	p, err := u.launch(c, log)
	if err != nil {
		return nil, err
	}
	if err := p.waitReady(probe); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// command prepares c to run as u, in a group of its own so that nothing it
// starts can outlive it.
func (u user) command(c command) *exec.Cmd {
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LC_ALL=C"}, c.env...)
	cmd.SysProcAttr = isolated()
	if u.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: u.uid, Gid: u.gid}
	}
	return cmd
}

// stop asks the server to end, waits, and kills what is left of its group.
// Stopping twice is harmless.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopPatience):
	}
	p.kill()
}

// kill ends the server and everything it started at once, as a crash would.
// Killing what has stopped is harmless.
func (p *process) kill() {
	if p == nil {
		return
	}
	endGroup(p.cmd.Process.Pid)
	<-p.done
}

// endGroup kills what is left of the group and waits until it is gone.
func endGroup(group int) {
	_ = syscall.Kill(-group, syscall.SIGKILL)
	for range int(stopPatience / pollEvery) {
		if !groupAlive(group) {
			return
		}
		time.Sleep(pollEvery)
	}
}

// Readiness is polled: none of the servers offers a signal all of them share.
const (
	pollEvery     = 20 * time.Millisecond
	readyPatience = 3 * time.Minute // for one that hangs; a slow one is waited for
)

// waitReady polls probe until it succeeds, the process ends or patience does.
func (p *process) waitReady(probe func() error) error {
	deadline := clock.Monotonic().Add(readyPatience)
	for {
		if err := p.stillRuns(); err != nil {
			return err
		}
		err := probe()
		if err == nil {
			return p.stillRuns()
		}
		if clock.Monotonic().After(deadline) {
			return fmt.Errorf("server not ready after %s: %w\n%s", readyPatience, err, p.tail())
		}
		time.Sleep(pollEvery)
	}
}

// stillRuns makes sure that it was this server that the probe reached: one that
// ended did not answer, whoever did.
func (p *process) stillRuns() error {
	select {
	case <-p.done:
		return fmt.Errorf("server ended while starting: %v\n%s", p.err, p.tail())
	default:
		return nil
	}
}

// tail returns the end of the server's own log, for messages of failed tests.
func (p *process) tail() string {
	if p == nil {
		return "the server never started"
	}
	const most = 4 << 10
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return filepath.Base(p.log) + ":\n" + string(bytes.TrimSpace(text))
}

// startTries covers the moment between choosing a free port and the server
// listening on it, in which somebody else may take it.
const startTries = 3

// startOnce calls start up to startTries times and fails the test with the
// last error.
func startOnce(t testing.TB, what string, start func() error) {
	t.Helper()
	var err error
	for range startTries {
		if err = start(); err == nil {
			return
		}
	}
	t.Fatalf("start %s: %v", what, err)
}
