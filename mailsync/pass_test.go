package mailsync_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

var day = time.Date(2027, 1, 3, 12, 0, 0, 0, time.UTC)

// world is a source, a target, a ledger and the passes between them.
type world struct {
	t              testing.TB
	source, target *storetest.Server
	ledger         mailsync.Ledger
	o              mailsync.Options
	gentle         bool // nobody expunges after a killed pass
}

func newWorld(t testing.TB, p storetest.Personality) *world {
	w := &world{t: t, source: storetest.New(storetest.Personality{}), target: storetest.New(p), ledger: ledgertest.NewMemory("first")}
	w.o = mailsync.Options{Owner: "test", Clock: clock.NewVirtual(day.Add(24 * time.Hour)), MaxDelete: 10}
	return w
}

func (w *world) pass() mailsync.Report {
	w.t.Helper()
	r, err := w.try()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) try() (mailsync.Report, error) {
	o := w.o
	o.OpenSource, o.OpenTarget, o.Ledger = w.source.OpenSource, w.target.OpenTarget, w.ledger
	return mailsync.Pass(context.Background(), o)
}

// complete runs a pass that must leave nothing open.
func (w *world) complete() mailsync.Report {
	w.t.Helper()
	r := w.pass()
	if !r.Complete {
		w.t.Fatalf("pass is not complete: %+v", r)
	}
	return r
}

// quiet runs a pass that must not write.
func (w *world) quiet() {
	w.t.Helper()
	w.target.Writes()
	w.complete()
	if wrote := w.target.Writes(); len(wrote) > 0 {
		w.t.Fatalf("a pass with nothing to do wrote: %v", wrote)
	}
}

// contents lists folder, digest of the octets, date and flags of every message, sorted.
func contents(s *storetest.Server) []string {
	var out []string
	for folder, list := range s.Snapshot() {
		for _, m := range list {
			out = append(out, fmt.Sprintf("%s %x %s %s", folder, sha256.Sum256(m.Body), m.Date.UTC().Format(time.RFC3339), strings.Join(m.Flags, " ")))
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) same() {
	w.t.Helper()
	if d := cmp.Diff(contents(w.source), contents(w.target)); d != "" {
		w.t.Fatalf("target differs from source (-source +target):\n%s", d)
	}
}

func body(n int) string {
	return fmt.Sprintf("From: a@example.com\r\nMessage-ID: <%d@example.com>\r\n\r\n%s\r\n", n, strings.Repeat("x", n*37%900))
}

func (w *world) fill() {
	for i := range 30 {
		w.source.Put([]string{"INBOX", "Clients", "Clients/Grands", "Sent"}[i%4], body(i), day.Add(time.Duration(i)*time.Minute))
	}
	w.source.Put("INBOX", body(1000), day, `\Seen`, `\Flagged`, "$Forwarded", "projet")
	w.source.Put("INBOX", body(1001), day)
	w.source.Put("INBOX", body(1001), day)
	w.source.Put("INBOX", "", day)
	w.source.Put("INBOX", "no header\n at all \x00\r\r\n", day, `\Deleted`)
}

func TestAFirstPassCopiesEverythingAndASecondWritesNothing(t *testing.T) {
	for name, p := range personalities() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			w.fill()
			r := w.complete()
			w.same()
			if r.Totals[mailsync.Copied] != 35 {
				t.Fatal(r.Totals)
			}
			w.quiet()
			w.target.Opened()
			w.complete()
			if opened := w.target.Opened(); !p.NoCondStore && len(opened) > 0 {
				t.Fatalf("unchanged folders were opened: %v", opened)
			}
		})
	}
}

func personalities() map[string]storetest.Personality {
	return map[string]storetest.Personality{
		"a complete server":     {},
		"no UIDPLUS":            {NoUIDPlus: true},
		"no CONDSTORE":          {NoCondStore: true},
		"single appends":        {SingleAppend: true},
		"flagged is dropped":    {DropFlagged: true},
		"no UIDPLUS and single": {NoUIDPlus: true, SingleAppend: true, NoCondStore: true},
	}
}

var errKilled = errors.New("killed")

// killAt runs a pass that is killed at its n-th point. It reports whether it was.
func (w *world) killAt(n int) (killed bool) {
	w.t.Helper()
	defer func() {
		if v := recover(); v == errKilled {
			killed = true
		} else if v != nil {
			panic(v)
		}
	}()
	seen := 0
	o := w.o.Tap
	w.o.Tap = func(string) {
		if seen++; seen == n {
			panic(errKilled)
		}
	}
	defer func() { w.o.Tap = o }()
	w.pass()
	return false
}

func sorted(in []string) []string { slices.Sort(in); return in }
