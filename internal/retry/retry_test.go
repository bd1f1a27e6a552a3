package retry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Policy{Tries: 4, First: time.Second, Most: 3 * time.Second}
		boom := errors.New("boom")
		calls := 0
		start := time.Now()
		err := p.Do(t.Context(), func(context.Context) error { calls++; return Temporary(boom) })
		if !errors.Is(err, boom) || calls != 4 {
			t.Fatalf("%v after %d calls", err, calls)
		}
		if took := time.Since(start); took != 6*time.Second { // 1 + 2 + 3
			t.Fatal(took)
		}
		calls = 0
		if err := p.Do(t.Context(), func(context.Context) error { calls++; return boom }); !errors.Is(err, boom) || calls != 1 {
			t.Fatalf("a permanent error was tried %d times", calls)
		}
		start = time.Now()
		calls = 0
		_ = p.Do(t.Context(), func(context.Context) error {
			if calls++; calls == 1 {
				return After(boom, time.Minute)
			}
			return nil
		})
		if time.Since(start) != time.Minute {
			t.Fatal("the server's hint was not obeyed")
		}
	})
}
