package mailsync_test

import (
	"errors"
	"testing"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// TestProgressNeverGoesBack: when a connection is lost, what is shown goes on
// from where it was.
func TestProgressNeverGoesBack(t *testing.T) {
	w := newWorld(t, storetest.Personality{SingleAppend: true})
	w.o.BatchMessages = 2
	w.fill()
	appends := 0
	w.target.Before = func(command string) error {
		if command != "APPEND" {
			return nil
		}
		if appends++; appends == 12 {
			return retry.Temporary(errors.New("connection reset"))
		}
		return nil
	}
	kinds := map[string]int{}
	done, total := 0, 0
	w.o.Progress = func(e mailsync.Event) {
		if kinds[e.Kind]++; e.Done < done || e.Total < total {
			t.Errorf("%s: %d of %d after %d of %d", e.Kind, e.Done, e.Total, done, total)
		}
		done, total = e.Done, e.Total
	}
	r := w.complete()
	if n := r.Outcomes[mailsync.Copied]; r.Reconnects == 0 || done != n || total != n {
		t.Errorf("%d reconnects, %d of %d at the end, %d copied", r.Reconnects, done, total, n)
	}
	for _, k := range []string{"look", "folder", "copied", "reconnect"} {
		if kinds[k] == 0 {
			t.Errorf("no event %q in %v", k, kinds)
		}
	}
}
