package limits

import (
	"errors"
	"testing"
	"time"

	"bascule/mailsync"
)

var noon = time.Date(2027, 3, 8, 12, 0, 0, 0, time.UTC)

func TestNext(t *testing.T) {
	words := errors.New("NO slow down")
	over := Pause{Since: noon.Add(-time.Hour), Until: noon.Add(-time.Minute), Tries: 3}
	lasting := Pause{Since: noon.Add(-time.Minute), Until: noon.Add(10 * time.Minute), Tries: 3}
	for _, tt := range []struct {
		name   string
		prior  Pause
		strain mailsync.Strain
		hint   time.Duration
		random float64
		wait   time.Duration
		tries  int
	}{
		{"the hint of the server is obeyed to the millisecond", Pause{}, mailsync.Throttled, 92415 * time.Millisecond, 0, 92415 * time.Millisecond, 1},
		{"and spread by at most a tenth, never below it", Pause{}, mailsync.Throttled, 100 * time.Second, 0.5, 105 * time.Second, 1},
		{"without a hint a throttled account rests half a minute", Pause{}, mailsync.Throttled, 0, 0.999999999, 30 * time.Second, 1},
		{"chance takes away at most half", Pause{}, mailsync.Throttled, 0, 0, 15 * time.Second, 1},
		{"each try in a row doubles", over, mailsync.Throttled, 0, 0, 2 * time.Minute, 4},
		{"up to an hour", Pause{Until: noon, Tries: 1000}, mailsync.Throttled, 0, 0, 30 * time.Minute, 1001},
		{"an allowance that is used up comes back in hours", Pause{}, mailsync.Spent, 0, 0, 30 * time.Minute, 1},
		{"at most in a day", Pause{Until: noon, Tries: 50}, mailsync.Spent, 0, 0, 12 * time.Hour, 51},
		{"an unavailable mailbox is asked again soon", Pause{}, mailsync.Unavailable, 0, 0, 7500 * time.Millisecond, 1},
		{"what is said during a pause is no further try, and does not shorten it", lasting, mailsync.Throttled, 0, 0, 10 * time.Minute, 3},
		{"but a longer hint prolongs it", lasting, mailsync.Throttled, time.Hour, 0, time.Hour, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Next(tt.prior, mailsync.BusyError{Strain: tt.strain, Wait: tt.hint, Err: words}, noon, tt.random)
			if wait := got.Until.Sub(noon).Round(time.Millisecond); wait != tt.wait || got.Tries != tt.tries {
				t.Errorf("%s, try %d; want %s, try %d", wait, got.Tries, tt.wait, tt.tries)
			}
		})
	}
}
