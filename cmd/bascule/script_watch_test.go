package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/retry"
)

// stillClock is the scene's clock when BASCULE_TEST_STILL is set: who waits for
// a time waits until the scene says later or now.
type stillClock struct{ fileClock }

// glanceEvery is how often a still clock is looked at.
const glanceEvery = 20 * time.Millisecond

func (c stillClock) WaitUntil(ctx context.Context, t time.Time) error {
	ticker := time.NewTicker(glanceEvery)
	defer ticker.Stop()
	for c.Now().Before(t) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return nil
}

// patiently looks again until something has come about, or the scene hangs.
func patiently() retry.Policy {
	const pause = 100 * time.Millisecond
	return retry.Policy{Tries: int(hangs / pause), First: pause, Most: pause}
}

// insists COMMAND… runs a command that needs the lock, and again for as long as
// it is held: a pass that just ended may still be recording itself.
func (s *scriptWorld) cmdInsists(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(patiently().Do(context.Background(), func(context.Context) error {
		switch code := exitCode(ts.Exec(args[0], args[1:]...)); code {
		case 0:
			return nil
		case exitLocked:
			return retry.Temporary(errors.New("the lock is never free"))
		default:
			return fmt.Errorf("%s ended with %d", strings.Join(args, " "), code)
		}
	}))
}

// arrives PERSON SUBJECT waits until the new side holds exactly one message of
// that subject.
func (s *scriptWorld) cmdArrives(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(patiently().Do(context.Background(), func(context.Context) error {
		found, err := s.search(s.newMailbox(args[0]), args[1])
		switch {
		case err != nil: // a folder of a probe may go between the listing and the look
			return retry.Temporary(err)
		case len(found) == 0:
			return retry.Temporary(errors.New(args[1] + " does not arrive"))
		case len(found) > 1:
			return errors.New(args[1] + " arrived twice")
		}
		return nil
	}))
}
