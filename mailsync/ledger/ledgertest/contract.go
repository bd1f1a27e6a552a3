package ledgertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

// Opener opens the same ledger again and again: what one holds, the next
// shows. The ledgers it opens are closed by the suite.
type Opener func(t *testing.T) mailsync.Ledger

// Run checks a ledger against the contract. fresh returns an opener of a new, empty ledger.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	tests := map[string]func(*testing.T, Opener){
		"what was committed is there when it is opened again": keeps,
		"a row with an ID replaces, one without is added":     replaces,
		"an intent stays open until it is closed":             intents,
		"counts follow what is replaced and forgotten":        counts,
		"a settlement settles what was recorded before it":    settlements,
		"what is astray is found without the rest":            astray,
		"sightings belong to one folder at one UIDVALIDITY":   sightings,
		"the serial rises and the ID stays":                   heads,
		"a second pass is refused and the holder named":       leases,
		"a cancelled context commits nothing":                 cancelled,
		"hostile text survives":                               hostile,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func commit(t *testing.T, l mailsync.Ledger, c mailsync.Change) {
	t.Helper()
	if err := l.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func closeLedger(t *testing.T, l mailsync.Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(t *testing.T, l mailsync.Ledger, pair int64) []mailsync.Row {
	t.Helper()
	var out []mailsync.Row
	if err := l.Rows(context.Background(), pair, func(r mailsync.Row) error { out = append(out, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func example() (*mailsync.Pair, *mailsync.Row) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &mailsync.Pair{Source: mailsync.Side{Path: []string{"INBOX", "Été"}, Status: mailsync.Status{UIDValidity: 4294967295, UIDNext: 4294967295,
		Messages: 3, HighestModSeq: 1 << 62}}, Target: mailsync.Side{Path: []string{"Été"}}, Reason: "same name", Pending: 2, Absent: 1, Displaced: 4, LastArrival: at}
	r := &mailsync.Row{SourceUID: 4294967295, TargetUID: 7, SourceValidity: 1, TargetValidity: 2, TargetFolder: []string{"a/b", "c"},
		Digest: mailsync.Digest{1, 2}, Plain: mailsync.Digest{3}, Size: 1 << 40, Date: at, Flags: []string{"$X", `\Seen`}, Left: []string{`\Seen`}, Flux: []string{`\Flagged`},
		Outcome: mailsync.Copied, Origin: mailsync.FromSource, Settled: true, Reason: "why"}
	return p, r
}

func keeps(t *testing.T, open Opener) {
	l := open(t)
	p, r := example()
	commit(t, l, mailsync.Change{Pairs: []*mailsync.Pair{p}})
	r.Pair = p.ID
	bare := &mailsync.Row{Pair: p.ID, Outcome: mailsync.Excluded, Origin: mailsync.FromSource}
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{r, bare}})
	closeLedger(t, l)
	l = open(t)
	defer closeLedger(t, l)
	pairs, err := l.Pairs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mailsync.Pair{*p}, pairs); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff([]mailsync.Row{*r, *bare}, rowsOf(t, l, p.ID)); d != "" {
		t.Fatal(d)
	}
	counts, err := l.Counts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[mailsync.Outcome]int{mailsync.Copied: 1, mailsync.Excluded: 1}, counts); d != "" {
		t.Fatal(d)
	}
}

func replaces(t *testing.T, open Opener) {
	l := open(t)
	defer closeLedger(t, l)
	p, r := example()
	q, s := example()
	commit(t, l, mailsync.Change{Pairs: []*mailsync.Pair{p, q}})
	if p.ID == 0 || p.ID == q.ID {
		t.Fatalf("pair IDs %d and %d", p.ID, q.ID)
	}
	r.Pair, s.Pair = p.ID, p.ID
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{r, s}})
	r.Pair, r.Outcome, r.Flags = q.ID, mailsync.Moved, nil
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{r}})
	if left := rowsOf(t, l, p.ID); len(left) != 1 || left[0].ID != s.ID {
		t.Fatalf("a row that changed its pair stayed behind: %v", left)
	}
	if d := cmp.Diff([]mailsync.Row{*r}, rowsOf(t, l, q.ID)); d != "" {
		t.Fatal(d)
	}
	commit(t, l, mailsync.Change{Forget: []int64{s.ID}})
	if left := rowsOf(t, l, p.ID); len(left) != 0 {
		t.Fatalf("rows stayed behind: %v", left)
	}
}

func intents(t *testing.T, open Opener) {
	l := open(t)
	in := &mailsync.Intent{Pair: 1, At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Sources: []mailsync.UID{3, 1, 2}, SourceValidity: 5, Validity: 6, Next: 7}
	commit(t, l, mailsync.Change{Open: in})
	other := &mailsync.Intent{Pair: 1, Sources: []mailsync.UID{9}}
	commit(t, l, mailsync.Change{Open: other})
	move := &mailsync.Intent{Pair: 2, From: 1, Moved: 77, Sources: []mailsync.UID{4294967295}, Next: 4294967295}
	commit(t, l, mailsync.Change{Open: move})
	closeLedger(t, l)
	l = open(t)
	defer closeLedger(t, l)
	commit(t, l, mailsync.Change{Close: other.ID})
	got, err := l.Intents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mailsync.Intent{*in, *move}, got); d != "" {
		t.Fatal(d)
	}
}

func counts(t *testing.T, open Opener) {
	l := open(t)
	var rows []*mailsync.Row
	for n := range 250 {
		r := &mailsync.Row{Pair: int64(1 + n%2), SourceUID: mailsync.UID(n), Outcome: mailsync.Copied, Origin: mailsync.FromSource}
		rows = append(rows, r)
	}
	rows = append(rows, rows[7]) // named twice, recorded once
	commit(t, l, mailsync.Change{Rows: rows})
	rows[1].Outcome, rows[2].Outcome, rows[3].Pair = mailsync.Gone, mailsync.Rejected, 1
	commit(t, l, mailsync.Change{Rows: rows[1:5], Forget: []int64{rows[5].ID, rows[6].ID, 1 << 60}})
	closeLedger(t, l)
	l = open(t)
	defer closeLedger(t, l)
	got, err := l.Counts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[mailsync.Outcome]int{mailsync.Copied: 246, mailsync.Gone: 1, mailsync.Rejected: 1}, got); d != "" {
		t.Fatal(d)
	}
	if a, b := len(rowsOf(t, l, 1)), len(rowsOf(t, l, 2)); a != 125 || b != 123 {
		t.Fatalf("%d and %d rows", a, b)
	}
}

func settlements(t *testing.T, open Opener) {
	l := open(t)
	var rows []*mailsync.Row
	for n := range 5 {
		rows = append(rows, &mailsync.Row{Pair: 1, TargetUID: mailsync.UID(n + 1), TargetValidity: 3, Outcome: mailsync.Copied, Origin: mailsync.FromSource})
	}
	rows[1].TargetFolder = []string{"elsewhere"}
	rows[2].TargetValidity = 4
	commit(t, l, mailsync.Change{Rows: rows, Settled: []mailsync.Settlement{{Pair: 1, Validity: 3, Below: 5}, {Pair: 2, Validity: 4, Below: 9}}})
	late := &mailsync.Row{Pair: 1, TargetUID: 2, TargetValidity: 3, Outcome: mailsync.Copied, Origin: mailsync.FromSource}
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{late}, Settled: []mailsync.Settlement{{Pair: 1, Validity: 3, Below: 4}}})
	closeLedger(t, l)
	l = open(t)
	defer closeLedger(t, l)
	var got []bool
	for _, r := range rowsOf(t, l, 1) {
		got = append(got, r.Settled)
	}
	if d := cmp.Diff([]bool{true, false, false, true, false, false}, got); d != "" {
		t.Fatal(d)
	}
	late.Settled = true
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{late}})
	if r := rowsOf(t, l, 1); !r[5].Settled {
		t.Fatal("a row recorded as settled is not")
	}
}

func astray(t *testing.T, open Opener) {
	l := open(t)
	defer closeLedger(t, l)
	home := &mailsync.Row{Pair: 1, Outcome: mailsync.Copied, Origin: mailsync.FromSource}
	gone := &mailsync.Row{Pair: 1, Outcome: mailsync.Gone, Origin: mailsync.FromSource}
	filed := &mailsync.Row{Pair: 1, Outcome: mailsync.Copied, Origin: mailsync.FromSource, TargetFolder: []string{"A"}}
	other := &mailsync.Row{Pair: 2, Outcome: mailsync.Gone, Origin: mailsync.FromSource}
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{home, gone, filed, other}})
	var got []mailsync.Row
	err := l.Astray(context.Background(), 1, func(r mailsync.Row) error { got = append(got, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mailsync.Row{*gone, *filed}, got); d != "" {
		t.Fatal(d)
	}
}

func sightings(t *testing.T, open Opener) {
	l := open(t)
	defer closeLedger(t, l)
	print := mailsync.Print{Digest: mailsync.Digest{1}, Plain: mailsync.Digest{1}, Octets: 9}
	altered := mailsync.Print{Digest: mailsync.Digest{2}, Plain: mailsync.Digest{3}, Octets: 10}
	at := mailsync.Sighting{OnTarget: true, Folder: []string{"A"}, Validity: 3, UID: 4, Print: print}
	next := at
	next.UID, next.Print = 5, altered
	elsewhere, older := at, at
	elsewhere.Folder, older.Validity = []string{"B"}, 2
	commit(t, l, mailsync.Change{Sightings: []mailsync.Sighting{at, next, elsewhere, older}})
	got, err := l.Sightings(context.Background(), true, []string{"A"}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[mailsync.UID]mailsync.Print{4: print, 5: altered}, got); d != "" {
		t.Fatal(d)
	}
	if got, _ := l.Sightings(context.Background(), false, []string{"A"}, 3); len(got) != 0 {
		t.Fatalf("the target's sightings show on the source: %v", got)
	}
}

func heads(t *testing.T, open Opener) {
	l := open(t)
	a, err := l.Head(context.Background())
	if err != nil || a.ID == "" {
		t.Fatal(a, err)
	}
	commit(t, l, mailsync.Change{})
	closeLedger(t, l)
	l = open(t)
	defer closeLedger(t, l)
	b, err := l.Head(context.Background())
	if err != nil || b.ID != a.ID || b.Serial <= a.Serial {
		t.Fatal(a, b, err)
	}
}

func leases(t *testing.T, open Opener) {
	l, m := open(t), open(t)
	defer closeLedger(t, l)
	defer closeLedger(t, m)
	release, err := l.Lease(context.Background(), "host a, pid 1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Lease(context.Background(), "host b, pid 2")
	if !errors.Is(err, mailsync.ErrLeased) || !strings.Contains(err.Error(), "host a, pid 1") {
		t.Fatalf("second lease: %v", err)
	}
	commit(t, l, mailsync.Change{})
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = m.Lease(context.Background(), "host b, pid 2")
	if err != nil {
		t.Fatalf("lease after release: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func cancelled(t *testing.T, open Opener) {
	l := open(t)
	defer closeLedger(t, l)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, _ := example()
	if err := l.Commit(ctx, mailsync.Change{Pairs: []*mailsync.Pair{p}}); err == nil {
		t.Fatal("commit with a cancelled context succeeded")
	}
	if pairs, err := l.Pairs(context.Background()); err != nil || len(pairs) != 0 {
		t.Fatal(pairs, err)
	}
}

func hostile(t *testing.T, open Opener) {
	l := open(t)
	defer closeLedger(t, l)
	p, r := example()
	p.Source.Path = []string{"'; DROP TABLE messages; --", "\u202e\"\\", "emoji 📧", ""}
	p.Reason = "\x1b[2J"
	commit(t, l, mailsync.Change{Pairs: []*mailsync.Pair{p}})
	r.Pair, r.Reason, r.Date = p.ID, "NO \x07 'quoted'", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	commit(t, l, mailsync.Change{Rows: []*mailsync.Row{r}})
	pairs, err := l.Pairs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mailsync.Pair{*p}, pairs); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff([]mailsync.Row{*r}, rowsOf(t, l, p.ID)); d != "" {
		t.Fatal(d)
	}
}
