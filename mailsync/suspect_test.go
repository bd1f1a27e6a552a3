package mailsync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// TestANameThatEndsConnectionsStopsNothing: each of them in a mailbox is made
// under another name, or named as a failure; the rest arrives.
func TestANameThatEndsConnectionsStopsNothing(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain %v", plain), func(t *testing.T) {
			w := newWorld(t, storetest.Personality{Plain: plain, RefuseFolder: func(path []string) error {
				if strings.ContainsAny(path[0], "{!") || path[0] == "accursed" {
					return storetest.Cutoff()
				}
				return nil
			}})
			w.fill()
			for _, name := range []string{"{5}", "{6}", "salut!", "accursed"} {
				w.source.Put(name, body(len(name)), day)
			}
			r := w.pass()
			got := w.target.Snapshot()
			for name := range w.source.Snapshot() {
				arrived := slices.ContainsFunc(r.Folders, func(f mailsync.FolderReport) bool {
					return strings.Join(f.Source, "/") == name && len(got[strings.Join(f.Target, "/")]) > 0 && (f.Renamed || strings.Join(f.Target, "/") == name)
				})
				if !arrived {
					t.Errorf("%q did not arrive: %+v", name, r.Failures)
				}
			}
			w.quiet()
		})
	}
}

// TestAMessageThatEndsConnectionsIsFound, though nothing says at which message
// the connection ended, and the connection ends each time.
func TestAMessageThatEndsConnectionsIsFound(t *testing.T) {
	for _, word := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a word %v", word), func(t *testing.T) {
			deaf := false
			w := newWorld(t, storetest.Personality{Refuse: func(b []byte, _ []string) error {
				switch {
				case !strings.Contains(string(b), "message 33\r\n"):
					return nil
				case word:
					deaf = true
					return &mailsync.ServerError{Command: "APPEND", Status: "BAD", Text: "syntax error"}
				}
				return storetest.Cutoff()
			}})
			w.target.Before = func(string) error {
				if deaf {
					deaf = false
					return storetest.Cutoff()
				}
				return nil
			}
			for n := range 60 {
				w.source.Put([]string{"INBOX", "Clients"}[n%2], fmt.Sprintf("Subject: message %d\r\n\r\nmessage %d\r\n", n, n), day)
			}
			r, err := w.try()
			if err != nil {
				t.Fatal(err)
			}
			if r.Totals[mailsync.Copied] != 59 || len(r.Failures) != 1 && r.Totals[mailsync.Rejected] != 1 {
				t.Errorf("%v, %+v", r.Totals, r.Failures)
			}
		})
	}
}

// TestANameRefusedTwiceIsNotAskedForAgain, unless somebody wants that.
func TestANameRefusedTwiceIsNotAskedForAgain(t *testing.T) {
	asked := 0
	w := newWorld(t, storetest.Personality{RefuseFolder: func(path []string) error {
		if !strings.HasPrefix(path[0], "reserved") {
			return nil
		}
		asked++
		return &mailsync.ServerError{Command: "CREATE", Status: "NO", Code: "CANNOT", Text: "reserved name"}
	}})
	w.fill()
	w.source.Put("reserved", body(1), day)
	for n, want := range []int{3, 0, 2} { // together with the others, alone, and under another name
		asked = 0
		w.o.RetryRejected = n == 2
		r := w.pass()
		if len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Text, "reserved name") || r.Complete {
			t.Errorf("pass %d: %+v", n+1, r.Failures)
		}
		if asked > want || want > 0 && asked == 0 {
			t.Errorf("pass %d asked %d times", n+1, asked)
		}
	}
}

// TestAReservedNameIsTriedWithASuffix, and stays what it became.
func TestAReservedNameIsTriedWithASuffix(t *testing.T) {
	w := newWorld(t, storetest.Personality{RefuseFolder: func(path []string) error {
		if path[len(path)-1] == "reserved" {
			return &mailsync.ServerError{Command: "CREATE", Status: "NO", Code: "CANNOT", Text: "reserved name"}
		}
		return nil
	}})
	w.source.Put("Clients", body(2), day)
	w.source.Put("Clients/reserved", body(1), day)
	for range 2 {
		r := w.complete()
		for _, f := range r.Folders {
			if got := strings.Join(f.Target, "/"); f.Source[len(f.Source)-1] == "reserved" &&
				(!f.Renamed || !strings.HasPrefix(got, "Clients/reserved-") || !strings.Contains(f.Reason, "reserved name")) {
				t.Errorf("%+v", f)
			}
		}
	}
	w.quiet()
}
