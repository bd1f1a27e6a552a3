package limits

import (
	"fmt"
	"time"

	"bascule/mailsync"
)

// Pause is how long a server, or an account there, is left alone.
type Pause struct {
	Since, Until time.Time
	// Words are the server's own: remote text.
	Words string
	// Tries counts pauses in a row, without work that went well between them.
	Tries int
}

// step is how long a first pause of one kind is, and the longest.
type step struct{ first, most time.Duration }

// steps: Gmail locks an account that used up its day for 1 to 24 hours; who
// asks again sooner is locked longer.
var steps = map[mailsync.Strain]step{
	mailsync.Crowded:     {30 * time.Second, 15 * time.Minute},
	mailsync.Throttled:   {30 * time.Second, time.Hour},
	mailsync.Spent:       {time.Hour, 24 * time.Hour},
	mailsync.Unavailable: {15 * time.Second, 15 * time.Minute},
}

// Next decides how long to leave a server alone after a complaint. random, in
// [0,1), spreads those who were told at the same moment.
//
// A hint of the server's is obeyed, and a little more. Without one the pause
// doubles with each try that did not go well. What is said while a pause lasts
// was asked before it: that prolongs the pause, and is no further try.
func Next(prior Pause, b mailsync.BusyError, now time.Time, random float64) Pause {
	next := Pause{Since: now, Words: b.Err.Error(), Tries: prior.Tries + 1}
	if now.Before(prior.Until) {
		next = prior
	}
	wait := b.Wait + time.Duration(random*0.1*float64(b.Wait))
	if b.Wait == 0 {
		s := steps[b.Strain]
		wait = s.first
		for range next.Tries - 1 {
			wait = min(2*wait, s.most)
		}
		wait = wait/2 + time.Duration(random*float64(wait/2))
	}
	if until := now.Add(wait); until.After(next.Until) {
		next.Until = until
	}
	return next
}

// PausedError ends the work on a mailbox until a time. It is no failure:
// everything that was done is recorded.
type PausedError struct {
	// Login and Endpoint say who is left alone; both are empty for quiet hours.
	Login, Endpoint string
	Until           time.Time
	// Why is "server asked", "daily budget" or "quiet hours".
	Why string
	// Words are the server's own, or say how the budget stands.
	Words string
}

// The reasons of a PausedError.
const (
	ServerAsked = "server asked"
	DailyBudget = "daily budget"
	QuietHours  = "quiet hours"
)

func (e *PausedError) Error() string {
	text := fmt.Sprintf("paused until %s (%s)", e.Until.Format("2006-01-02 15:04 MST"), e.Why)
	if e.Login != "" {
		text = e.Login + " on " + e.Endpoint + ": " + text
	}
	if e.Words != "" {
		text += ": " + e.Words
	}
	return text
}
