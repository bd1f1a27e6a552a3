package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"bascule/migration"
	"bascule/planner"
)

// Result is how an apply ended.
type Result struct {
	// ExitCode is that of the process.
	ExitCode int
	// PlanID is the plan's id, "sha256:…".
	PlanID string
	// Done counts steps recorded, Failed names what went wrong.
	Done   int
	Failed []Failure
	// Blocked could not be looked at, so that nothing was done for them.
	Blocked []planner.Blocked
	// Messages and Bytes were copied by this run.
	Messages, Bytes int64
	Took            time.Duration
	// Paused is the gate at which it stopped; nil when it stopped at none.
	Paused *planner.Gate
	// Reason says why it was refused or ended early, in a sentence.
	Reason string
	// Because lists what stands against it, one matter each, when it is more
	// than a sentence.
	Because []string
	// Next is the move a person should make, if there is one.
	Next string
}

// Failure is what went wrong with one object.
type Failure struct {
	Address migration.Address
	Step    string
	// Text is in the words of who said it; Retried says whether the next tick
	// tries again by itself.
	Text    string
	Retried bool
}

// shownFailures bounds the failures that are named.
const shownFailures = 20

// ApplyResult writes the summary at the end of an apply.
func ApplyResult(w io.Writer, r Result, s Style) error {
	p := newPage(s)
	for i, f := range r.Failed {
		if i == shownFailures {
			p.hang(0, words(faint, "…"), 2, words(faint, plural(len(r.Failed)-i, "more failure", "more failures")+"; bascule status names them"))
			break
		}
		failure(p, f)
	}
	p.blocked(0, r.Blocked)
	p.gap()
	p.put(0, say(exitTone(r.ExitCode), headline(r)), say(plain, " "+work(r)))
	for _, why := range r.Because {
		p.hang(0, words(exitTone(r.ExitCode), "!"), 2, words(plain, why))
	}
	if g := r.Paused; g != nil {
		p.gate(0, *g)
	}
	if r.Next != "" {
		p.hang(0, words(strong, "Next"), 6, words(plain, r.Next))
	}
	if !s.Quiet {
		p.put(0, say(faint, fmt.Sprintf("Exit code %d: %s.", r.ExitCode, ExitMeaning(r.ExitCode))))
	}
	return p.flush(w)
}

func failure(p *page, f Failure) {
	again := "not tried again by itself"
	if f.Retried {
		again = "tried again at the next tick"
	}
	p.hang(0, words(bad, "!"), 2, line{say(strong, string(f.Address)), say(plain, "  "+f.Step), say(faint, "  "+again)})
	p.put(4, say(plain, f.Text))
}

// headline is the first sentence of the summary.
func headline(r Result) string {
	wrong := troubles(r)
	switch {
	case r.Reason != "" && r.ExitCode != 0:
		return outcome(r.ExitCode) + ": " + r.Reason + "."
	case r.Paused != nil && wrong != "":
		return fmt.Sprintf("%s: %s; paused at gate %s.", outcome(r.ExitCode), wrong, r.Paused.ID)
	case r.Paused != nil:
		return "Paused at gate " + r.Paused.ID + "."
	case wrong != "" && r.ExitCode == 9:
		return "Partial: " + wrong + ", the rest was applied."
	case wrong != "":
		return outcome(r.ExitCode) + ": " + wrong + "."
	default:
		return outcome(r.ExitCode) + "."
	}
}

// troubles counts what went wrong, "" when nothing did.
func troubles(r Result) string {
	var out []string
	if n := len(r.Failed); n > 0 {
		out = append(out, plural(n, "failure", "failures"))
	}
	if n := len(r.Blocked); n > 0 {
		out = append(out, plural(n, "object", "objects")+" blocked")
	}
	return strings.Join(out, ", ")
}

// outcome is an exit code in a word.
func outcome(code int) string {
	switch code {
	case 0, 2:
		return "Done"
	case 3, 4:
		return "Paused"
	case 5, 6, 7:
		return "Refused"
	case 8:
		return "Locked"
	case 9:
		return "Partial"
	case 130:
		return "Interrupted"
	default:
		return "Error"
	}
}

// work says what was done, and how fast.
func work(r Result) string {
	text := plural(r.Done, "step", "steps") + " done"
	if r.Messages > 0 {
		text += fmt.Sprintf(", %s (%s) copied", plural(int(r.Messages), "message", "messages"), octets(r.Bytes))
	}
	if r.Took > 0 {
		text += " in " + length(r.Took)
	}
	return text + "."
}

// ExitMeaning says what an exit code of bascule means.
func ExitMeaning(code int) string {
	switch code {
	case 0:
		return "done, no change, or paused at a gate"
	case 1:
		return "error"
	case 2:
		return "there are changes or differences"
	case 3:
		return "paused until a known time"
	case 4:
		return "paused for a person"
	case 5:
		return "refused: stale, expired, in conflict or superseded"
	case 6:
		return "refused: an approval is missing or invalid"
	case 7:
		return "refused: policy, a safety limit, or a gate's evidence failed"
	case 8:
		return "the state is locked"
	case 9:
		return "partial: some mailboxes or messages failed or were refused, the rest was applied"
	case 130:
		return "interrupted, safely"
	default:
		return fmt.Sprintf("exit code %d", code)
	}
}

func exitTone(code int) tone {
	switch code {
	case 0:
		return good
	case 2, 3, 4, 8, 130:
		return change
	default:
		return bad
	}
}
