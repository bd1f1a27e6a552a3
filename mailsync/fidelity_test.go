package mailsync_test

import (
	"slices"
	"strings"
	"testing"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// takesOnly refuses messages with some keywords at APPEND and says nothing of it before.
func takesOnly(bad ...string) func([]byte, []string) error {
	return func(_ []byte, flags []string) error {
		for _, f := range flags {
			if slices.Contains(bad, f) {
				return &mailsync.ServerError{Command: "APPEND", Status: "NO", Text: "invalid keyword " + f}
			}
		}
		return nil
	}
}

func TestOneRefusedKeywordCostsNoOther(t *testing.T) {
	w := newWorld(t, storetest.Personality{Refuse: takesOnly("bad")})
	for n := range 40 {
		w.source.Put("INBOX", body(n), day, `\Seen`, "bad", "good", "zeal")
	}
	appended := map[string]int{}
	w.target.Before = func(command string) error {
		appended[command]++
		return nil
	}
	r := w.complete()
	if r.Totals[mailsync.Copied] != 40 || r.Totals[mailsync.Rejected] > 0 {
		t.Fatal(r.Totals)
	}
	for _, m := range w.target.Snapshot()["INBOX"] {
		if got := strings.Join(m.Flags, " "); got != `\Seen bad good zeal` {
			t.Fatalf("flags are %q", got)
		}
	}
	// Once it is known which, nothing is refused for it any more.
	if appended["APPEND"] > 60 {
		t.Fatalf("%d APPENDs for 40 messages", appended["APPEND"])
	}
	w.quiet()
}

func TestARefusedFolderNameIsMapped(t *testing.T) {
	refuse := func(path []string) error {
		if slices.ContainsFunc(path, func(c string) bool { return strings.ContainsAny(c, "?é") }) {
			return &mailsync.ServerError{Command: "CREATE", Status: "NO", Code: "CANNOT", Text: "Invalid mailbox name"}
		}
		return nil
	}
	w := newWorld(t, storetest.Personality{RefuseFolder: refuse})
	w.fill()
	w.source.Put("Été?", body(1), day)
	w.source.Put("Été?/Quoi?", body(2), day)
	w.source.Put("Été!/Quoi?", body(3), day)
	r := w.complete()
	var named []string
	for _, x := range r.Exceptions {
		if x.Kind != mailsync.FolderRenamed || !strings.Contains(x.Text, "Invalid mailbox name") || len(x.Examples) != 1 {
			t.Fatalf("%+v", x)
		}
		named = append(named, x.What)
	}
	if len(named) != 4 || total(w.target) != 38 { // the empty parent too
		t.Fatalf("%v, %d messages", named, total(w.target))
	}
	w.quiet()
	w.source.Put("Été?/Quoi?", body(4), day)
	w.complete()
	w.quiet()
	if v := w.verifyAs(mailsync.Full, mailsync.Personality{}); v.Err() != nil {
		t.Fatal(v.Err())
	}
}
