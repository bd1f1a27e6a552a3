package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Errors of a locator. They are permanent: asking again gives the same answer.
var (
	ErrMissing     = errors.New("secret is not there")
	ErrUnsupported = errors.New("unknown kind of secret")
)

// execTimeout bounds a command that prints a secret: a password manager that
// waits for a person must not hold a migration.
const execTimeout = 30 * time.Second

// Resolver reads secrets by locator. Each is read once and remembered until
// the process ends. It is safe for use by several goroutines.
type Resolver struct {
	// Env looks a variable up in the environment.
	Env func(name string) (string, bool)
	// ReadFile reads a file relative to the configuration directory.
	ReadFile func(name string) ([]byte, error)
	// Values answers locators of the kind "var:NAME": sensitive variables.
	Values map[string]Value
	// Dir is the working directory of "exec:" commands.
	Dir string

	mu   sync.Mutex
	seen map[string]Value
}

// Resolve returns the value behind a locator: "env:NAME", "file:PATH" (first
// line), "exec:COMMAND ARG…" (first line of its output) or "var:NAME".
func (r *Resolver) Resolve(ctx context.Context, locator string) (Value, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.seen[locator]; ok {
		return v, nil
	}
	v, err := r.read(ctx, locator)
	if err != nil {
		return Value{}, fmt.Errorf("secret(%q): %w", locator, err)
	}
	if r.seen == nil {
		r.seen = map[string]Value{}
	}
	r.seen[locator] = v
	return v, nil
}

func (r *Resolver) read(ctx context.Context, locator string) (Value, error) {
	kind, rest, _ := strings.Cut(locator, ":")
	switch kind {
	case "env":
		return r.fromEnv(rest)
	case "file":
		return r.fromFile(rest)
	case "exec":
		return r.fromExec(ctx, rest)
	case "var":
		if v, ok := r.Values[rest]; ok {
			return v, nil
		}
		return Value{}, fmt.Errorf("%w: no sensitive variable %q", ErrMissing, rest)
	}
	return Value{}, fmt.Errorf("%w %q; there are env, file and exec", ErrUnsupported, kind)
}

func (r *Resolver) fromEnv(name string) (Value, error) {
	v, ok := r.Env(name)
	if !ok || v == "" {
		return Value{}, fmt.Errorf("%w: environment variable %s is not set", ErrMissing, name)
	}
	return New(v), nil
}

func (r *Resolver) fromFile(path string) (Value, error) {
	b, err := r.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Value{}, fmt.Errorf("%w: no file %s", ErrMissing, path)
	}
	if err != nil {
		return Value{}, err
	}
	return firstLine(b)
}

func (r *Resolver) fromExec(ctx context.Context, command string) (Value, error) {
	argv, err := SplitCommand(command)
	if err != nil {
		return Value{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = r.Dir
	out, err := cmd.Output()
	if err != nil {
		// Neither output nor standard error may be shown: both may hold it.
		return Value{}, fmt.Errorf("%s: %w", argv[0], plainExit(err))
	}
	return firstLine(out)
}

func plainExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("ended with %s", exit.ProcessState)
	}
	return err
}

func firstLine(b []byte) (Value, error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return Value{}, fmt.Errorf("%w: first line is empty", ErrMissing)
	}
	return New(string(line)), nil
}
