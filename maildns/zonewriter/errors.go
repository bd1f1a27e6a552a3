package zonewriter

import (
	"errors"
	"fmt"
	"strings"

	"bascule/internal/retry"
	"bascule/internal/safetext"
	"bascule/maildns"
)

// Refusals, before anything is sent.
var (
	ErrConflict     = errors.New("the zone holds something else than the plan was made for; make a new plan")
	ErrWouldBeEmpty = errors.New("this would leave the domain without any MX, and mail would go to its web server (RFC 5321 §5.1)")
	ErrJump         = errors.New("an MX set is changed by adding, observing, then removing, never in one jump")
	ErrOutside      = errors.New("the name is not in this zone")
	ErrHazard       = errors.New("the record would hurt")
)

// Truths found by asking the servers.
var (
	// ErrUnknown: not every server answered, so nothing can be said.
	ErrUnknown = errors.New("not every authoritative server answered")
	// ErrPending: the servers do not serve the same yet.
	ErrPending = errors.New("the authoritative servers do not agree yet")
	// ErrNotWritten: the service may have said yes, every server serves what was before.
	ErrNotWritten = errors.New("the write has no effect: every authoritative server still serves what was there")
	// ErrTTL: the values are right, the TTL is another one; often a floor of the service.
	ErrTTL = errors.New("the values were written with another TTL than asked")
	// ErrDifferent: the servers serve neither what was before nor what was wanted.
	ErrDifferent = errors.New("the servers serve something else than was written")
	// ErrCollateral: another RRset at the same name changed during the write.
	ErrCollateral = errors.New("something else at the same name changed during the write")
)

// Outcome is a write that did not end as wanted, with everything known about it.
type Outcome struct {
	// Kind is one of the sentinels of this package.
	Kind error
	// Before is what the write started from, Want what it should end with.
	Before, Want maildns.RRset
	// Found is what the servers serve, by version.
	Found []maildns.Version
	// Silent says why servers did not answer.
	Silent map[string]string
	// Cause is what the service itself answered, or nil.
	Cause error
	// Detail is one more sentence, or nothing.
	Detail string
}

// Error implements error.
func (o *Outcome) Error() string {
	if errors.Is(o.Kind, ErrNotWritten) && o.Cause != nil {
		// Every server serves what was there: the refusal is all there is to say.
		return fmt.Sprintf("write %s: %v; nothing was changed", o.Want.Key(), o.Cause)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "write %s: %s", o.Want.Key(), o.Kind)
	if o.Detail != "" {
		fmt.Fprintf(&b, ": %s", o.Detail)
	}
	fmt.Fprintf(&b, "; before: %s; wanted: %s", describe(o.Before), describe(o.Want))
	for _, v := range o.Found {
		fmt.Fprintf(&b, "; %s: %s", strings.Join(v.Servers, ", "), describe(v.RRset))
	}
	for _, s := range sortedKeys(o.Silent) {
		fmt.Fprintf(&b, "; %s: no answer (%s)", s, o.Silent[s])
	}
	if o.Cause != nil {
		fmt.Fprintf(&b, "; the service said: %v", o.Cause)
	}
	return b.String()
}

// Unwrap lets errors.Is find the sentinel and the cause.
func (o *Outcome) Unwrap() []error {
	if o.Cause == nil {
		return []error{o.Kind}
	}
	return []error{o.Kind, o.Cause}
}

// Temporary reports whether looking again later may end well without anybody
// doing anything.
func (o *Outcome) Temporary() bool {
	if errors.Is(o.Kind, ErrNotWritten) && o.Cause != nil {
		return retry.IsTemporary(o.Cause)
	}
	return errors.Is(o.Kind, ErrUnknown) || errors.Is(o.Kind, ErrPending)
}

// shownValue is how many characters of a value an error quotes: of a DKIM key
// the beginning is enough to know it.
const shownValue = 200

func describe(rr maildns.RRset) string {
	if rr.IsEmpty() {
		return "nothing"
	}
	var values []string
	for _, v := range rr.Values {
		values = append(values, fmt.Sprintf("%q", safetext.Shorten(v, shownValue)))
	}
	return fmt.Sprintf("[%s] TTL %d", strings.Join(values, " "), rr.TTL)
}

// ManualError is the answer of a writer that cannot write: what a person has
// to do instead. It is no failure; the step becomes a manual one, and is done
// when the authoritative servers serve Change.After.
type ManualError struct {
	Change maildns.Change
	// Text is the instruction, in plain words and zone file lines.
	Text string
}

func (m *ManualError) Error() string {
	return fmt.Sprintf("write %s: this zone is edited by hand:\n%s", m.Change.After.Key(), m.Text)
}

// withFound tells an Outcome what the servers serve.
func withFound(err error, found []maildns.Version) error {
	var o *Outcome
	if errors.As(err, &o) {
		o.Found = found
	}
	return err
}
