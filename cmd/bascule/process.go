package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"golang.org/x/term"

	"bascule/internal/clock"
	"bascule/maildns/lookup"
	"bascule/providers"
	"bascule/providers/all"
)

// process is everything a run takes from the machine it runs on.
type process struct {
	Args   []string
	Env    func(name string) (string, bool)
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Dir    string
	// IsTTY says whether standard output is a terminal, Interactive whether
	// standard input is; Width is the terminal's.
	IsTTY, Interactive bool
	Width              int
	// ReadPassword asks at the terminal, without echo.
	ReadPassword func(ctx context.Context, prompt string) (string, error)
	Clock        clock.Clock
	Rand         io.Reader
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	HTTP         http.RoundTripper
	// Resolvers are the recursive name servers, "ip:port".
	Resolvers []string
	Catalog   providers.Catalog
	Signals   <-chan os.Signal
	Who, Host string
	PID       int
	// Patience is how long a run may finish what is in hand after the first signal.
	Patience time.Duration
	// Tap is told of every journal record and write; tests stop the world there.
	Tap func(point string)
}

func realProcess() *process {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	dialer := &net.Dialer{}
	out := int(os.Stdout.Fd())
	width, _, err := term.GetSize(out)
	if err != nil {
		width = 80
	}
	dir, _ := os.Getwd()
	host, _ := os.Hostname()
	resolvers, _ := lookup.SystemResolvers("/etc/resolv.conf")
	return &process{
		Args: os.Args[1:], Env: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Dir: dir,
		IsTTY: term.IsTerminal(out), Interactive: term.IsTerminal(int(os.Stdin.Fd())), Width: width,
		ReadPassword: readPassword,
		Clock:        clock.Real{}, Rand: rand.Reader, Dial: dialer.DialContext,
		HTTP: http.DefaultTransport, Resolvers: resolvers, Catalog: all.Catalog(), Signals: signals,
		Who: whoAmI(), Host: host, PID: os.Getpid(), Patience: interruptPatience,
	}
}

func whoAmI() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// readPassword reads a line from the terminal without showing it. When the
// context ends first, the terminal is put back as it was.
func readPassword(ctx context.Context, prompt string) (string, error) {
	in := int(os.Stdin.Fd())
	before, err := term.GetState(in)
	if err != nil {
		return "", err
	}
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	type typed struct {
		b   []byte
		err error
	}
	done := make(chan typed, 1)
	go func() {
		b, err := term.ReadPassword(in)
		done <- typed{b, err}
	}()
	select {
	case t := <-done:
		return string(t.b), t.err
	case <-ctx.Done():
		_ = term.Restore(in, before)
		return "", context.Cause(ctx)
	}
}
