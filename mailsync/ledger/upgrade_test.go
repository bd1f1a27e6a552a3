package ledger_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
	"bascule/mailsync/ledger"
)

// fixture makes a file of an older format.
func fixture(t *testing.T, name string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "l.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(string(script)); err != nil {
		t.Fatal(err)
	}
	return path
}

func full(b byte) (d mailsync.Digest) {
	for i := range d {
		d[i] = b
	}
	return d
}

func TestFormat1IsBroughtUp(t *testing.T) {
	path := fixture(t, "format1.sql")
	ctx := context.Background()
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var l *ledger.Ledger
	for range 2 { // the second time it is of the new format already
		l = open(t, path)
		defer l.Close()
	}
	if h, err := l.Head(ctx); err != nil || h != (mailsync.Head{ID: "00112233445566778899aabbccddeeff", Serial: 41}) {
		t.Fatal(h, err)
	}
	var rows []mailsync.Row
	for pair := range int64(3) {
		if err := l.Rows(ctx, pair, func(r mailsync.Row) error { r.ID = 0; rows = append(rows, r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	want := []mailsync.Row{
		{Pair: 1, SourceUID: 1, SourceValidity: 17, TargetUID: 3, TargetValidity: 18, Digest: full(1), Size: 2048, Date: at,
			Flags: []string{"$X", `\Seen`}, Left: []string{"$X", `\Seen`}, Outcome: mailsync.Copied, Origin: mailsync.FromSource, Settled: true},
		{Pair: 1, SourceUID: 2, SourceValidity: 17, TargetUID: 4, TargetValidity: 18, Digest: full(2), Plain: full(3), Size: 1 << 40,
			Date: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Flags: []string{`\Flagged`}, Outcome: mailsync.Copied, Origin: mailsync.FromSource},
		{Pair: 1, SourceUID: 3, SourceValidity: 17, TargetUID: 7, TargetValidity: 19, TargetFolder: []string{"Perso", "2027"}, Digest: full(4), Size: 7,
			Date: at, Left: []string{`\Seen`}, Outcome: mailsync.Adopted, Origin: mailsync.FromTarget, Settled: true},
		{Pair: 1, SourceUID: 4, SourceValidity: 17, TargetValidity: 18, Digest: full(5), Size: 7, Date: at, Flags: []string{`\Seen`},
			Left: []string{`\Seen`}, Outcome: mailsync.Gone, Origin: mailsync.FromSource, Settled: true, Reason: "it's gone"},
		{Pair: 2, SourceUID: 4294967295, SourceValidity: 21, Size: 99, Outcome: mailsync.Excluded, Origin: mailsync.FromSource, Settled: true,
			Reason: "excluded by rule"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Fatal(d)
	}
	counts, err := l.Counts(ctx)
	if d := cmp.Diff(map[mailsync.Outcome]int{mailsync.Copied: 2, mailsync.Adopted: 1, mailsync.Gone: 1, mailsync.Excluded: 1}, counts); d != "" || err != nil {
		t.Fatal(d, err)
	}
	intents, err := l.Intents(ctx)
	if d := cmp.Diff([]mailsync.Intent{{ID: 9, Pair: 1, At: at, Sources: []mailsync.UID{5, 6, 7, 3}, SourceValidity: 17, Validity: 18, Next: 8}}, intents); d != "" || err != nil {
		t.Fatal(d, err)
	}
	if pairs, err := l.Pairs(ctx); err != nil || len(pairs) != 2 || pairs[1].Source.Path[1] != "Été" || !pairs[1].Excluded {
		t.Fatal(pairs, err)
	}
	prints, err := l.Sightings(ctx, true, []string{"INBOX"}, 18)
	if err != nil || prints[2].Digest != full(6) {
		t.Fatal(prints, err)
	}
}

// TestARowTakesFewOctets keeps a mailbox of a million messages in 200 MB.
func TestARowTakesFewOctets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l := open(t, path)
	const batches = 200
	for b := range batches {
		var rows []*mailsync.Row
		for i := range 100 {
			n := mailsync.UID(b*100 + i + 1)
			flags := []string{`\Seen`, fmt.Sprintf("tag%d", n%7)}
			rows = append(rows, &mailsync.Row{Pair: 1, SourceUID: 1<<20 + n, TargetUID: 1<<20 + n, SourceValidity: 1 << 31, TargetValidity: 1<<31 + 1,
				Digest: full(byte(n)), Size: 1 << 17, Date: time.Unix(1<<31, 0), Flags: flags, Left: flags, Outcome: mailsync.Copied, Origin: mailsync.FromSource})
		}
		if err := l.Commit(context.Background(), mailsync.Change{Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if per := info.Size() / (batches * 100); per > 100 {
		t.Errorf("%d octets for each message", per)
	}
}
