package export

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

var day = time.Date(2027, 1, 3, 12, 0, 0, 0, time.UTC)

// hostile is a folder's name that no file may be named after.
const hostile = "..\x1b[31m\u202egnp"

// world is a target that refused three messages, in two folders.
type world struct {
	t      *testing.T
	source *storetest.Server
	ledger mailsync.Ledger
	dir    string
	opened int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, source: storetest.New(storetest.Personality{}), ledger: ledgertest.NewMemory("first"), dir: filepath.Join(t.TempDir(), "refused")}
	w.source.Make(hostile, "")
	w.source.Put("INBOX", "virus one\r\n", day, `\Seen`)
	w.source.Put("INBOX", "fine\r\n", day)
	w.source.Put("INBOX", "virus \x00two\n", day)
	w.source.Put(hostile, "virus three\r\n", day)
	target := storetest.New(storetest.Personality{Refuse: func(b []byte, _ []string) error {
		if bytes.HasPrefix(b, []byte("virus")) {
			return &mailsync.ServerError{Command: "APPEND", Status: "NO", Code: "LIMIT", Text: "a virus \x1b[2J"}
		}
		return nil
	}})
	_, err := mailsync.Pass(t.Context(), mailsync.Options{OpenSource: w.source.OpenSource, OpenTarget: target.OpenTarget, Ledger: w.ledger, Owner: "test", Clock: clock.NewVirtual(day)})
	if err != nil {
		t.Fatal(err)
	}
	w.source.Opened()
	return w
}

func (w *world) export() (Index, error) {
	return Refused(w.t.Context(), Options{Dir: w.dir, Ledger: w.ledger, Mailbox: "alice@example.org", Now: day,
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			w.opened++
			return w.source.OpenSource(ctx)
		}})
}

func (w *world) good() Index {
	w.t.Helper()
	x, err := w.export()
	if err != nil || len(x.Messages) != 3 || x.Problems() > 0 {
		w.t.Fatalf("%v, %+v", err, x)
	}
	return x
}

func TestRefusedMessagesAreExportedAsTheyAre(t *testing.T) {
	w := newWorld(t)
	x := w.good()
	want := map[string]string{"virus one\r\n": "", "virus \x00two\n": "", "virus three\r\n": ""}
	for _, e := range x.Messages {
		b, err := os.ReadFile(filepath.Join(w.dir, e.File))
		if _, ok := want[string(b)]; err != nil || !ok {
			t.Errorf("%s holds %q, %v", e.File, b, err)
		}
		delete(want, string(b))
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9]+-[0-9]+\.eml$`).MatchString(e.File) {
			t.Errorf("%q is a name that came from somewhere", e.File)
		}
		if info, err := os.Stat(filepath.Join(w.dir, e.File)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.File, info.Mode(), err)
		}
	}
	if info, err := os.Stat(w.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "index.txt"))
	if err != nil || strings.ContainsAny(string(text), "\x1b\u202e") {
		t.Errorf("the index is not harmless: %q, %v", text, err)
	}
	for _, want := range []string{"INBOX ", "[LIMIT] a virus \\x1b[2J", "sha256", "2027-01-03T12:00:00Z", "alice@example.org"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the index does not say %q:\n%s", want, text)
		}
	}
}

func TestASecondExportFetchesOnlyWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	x := w.good()
	w.good()
	if w.opened != 1 {
		t.Errorf("connected %d times", w.opened)
	}
	spoilt := filepath.Join(w.dir, x.Messages[0].File)
	if err := os.WriteFile(spoilt, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, x.Messages[1].File+".part"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.good()
	if b, err := os.ReadFile(spoilt); err != nil || string(b) == "half" || w.opened != 2 {
		t.Errorf("%q, %v, connected %d times", b, err, w.opened)
	}
}

func TestWhatTheSourceNoLongerGivesIsSaid(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*storetest.Server)
		want   []string
	}{
		"expunged":         {func(s *storetest.Server) { s.Expunge("INBOX", 1) }, []string{"the source no longer gives it"}},
		"renumbered":       {func(s *storetest.Server) { s.Renumber("INBOX") }, []string{"the source no longer gives it", "the source no longer gives it"}},
		"a folder deleted": {func(s *storetest.Server) { s.Delete(hostile) }, []string{"the source no longer gives it"}},
		"other octets":     {func(s *storetest.Server) { s.Alter("INBOX", 1, "virus 1") }, []string{"other octets"}},
		"not delivered":    {func(s *storetest.Server) { s.Spoil("INBOX", 3) }, []string{"the source no longer gives it"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w.source)
			x, err := w.export()
			var got []string
			for _, e := range x.Messages {
				if e.Problem != "" {
					got = append(got, e.Problem)
				}
			}
			if err != nil || len(x.Messages) != 3 || len(got) != len(tt.want) || x.Problems() != len(got) {
				t.Fatalf("%v, %+v", err, x)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("%q", got)
				}
			}
		})
	}
}

func TestADirectoryThatOthersMayReadIsRefused(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(w.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := w.export(); !errors.Is(err, ErrReadable) || w.opened > 0 {
		t.Fatalf("%v, connected %d times", err, w.opened)
	}
}

func TestAnExportThatIsCutOffLeavesNoHalfMessage(t *testing.T) {
	w := newWorld(t)
	w.source.Poison("INBOX", 1)
	if _, err := w.export(); err == nil {
		t.Fatal("no error")
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*.part"))
	if err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}
