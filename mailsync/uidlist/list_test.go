package uidlist

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func file(t *testing.T) (*File, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &File{Root: root, Name: "list", Random: rand.Reader}, filepath.Join(dir, "list")
}

func reconcile(t *testing.T, f *File, keys ...string) *List {
	t.Helper()
	l, err := f.Update(t.Context(), func(l *List) error { l.Reconcile(keys); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestUIDsStayWithTheirKeysAndAreNeverGivenAgain(t *testing.T) {
	f, _ := file(t)
	first := reconcile(t, f, "a", "b", "c")
	second := reconcile(t, f, "c", "a", "a", "new \"\n key")
	want := []Entry{{1, Unmeasured, "a"}, {3, Unmeasured, "c"}, {4, Unmeasured, "new \"\n key"}}
	if d := cmp.Diff(want, second.Entries); d != "" || second.Next != 5 || second.Validity != first.Validity {
		t.Fatalf("next %d, validity %d after %d\n%s", second.Next, second.Validity, first.Validity, d)
	}
	if third := reconcile(t, f); third.Next != 5 || len(third.Entries) != 0 {
		t.Fatalf("an empty folder is %+v", third)
	}
	if last := reconcile(t, f, "a"); last.Entries[0].UID != 5 {
		t.Fatalf("a message that came back got UID %d", last.Entries[0].UID)
	}
}

func TestADamagedListIsBegunAnewUnderAnotherValidity(t *testing.T) {
	f, name := file(t)
	before := reconcile(t, f, "a", "b").Validity
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"", "x", strings.Replace(string(whole), "2 -1", "1 -1", 1), strings.Replace(string(whole), "next 3", "next x", 1)} {
		if err := os.WriteFile(name, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if now := reconcile(t, f, "a", "b").Validity; now == before {
			t.Errorf("%q was read as a list", damage)
		}
	}
}

func TestAnInterruptedAdditionIsForgotten(t *testing.T) {
	f, name := file(t)
	before := reconcile(t, f, "a", "b")
	whole, _ := os.ReadFile(name)
	if err := os.WriteFile(name, append(whole, "3 -1 \"c"...), 0o600); err != nil {
		t.Fatal(err)
	}
	after := reconcile(t, f, "a", "b", "d")
	if after.Validity != before.Validity || after.Entries[2] != (Entry{3, Unmeasured, "d"}) {
		t.Fatalf("%+v", after)
	}
	if again := reconcile(t, &File{Root: f.Root, Name: f.Name, Random: f.Random}, "a", "b", "d"); again.Validity != before.Validity {
		t.Fatal("the file was left damaged")
	}
}

func TestAFailedChangeLeavesTheFile(t *testing.T) {
	f, name := file(t)
	reconcile(t, f, "a")
	before, _ := os.ReadFile(name)
	boom := errors.New("boom")
	if _, err := f.Update(t.Context(), func(l *List) error { l.Add("b", 1); return boom }); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if after, _ := os.ReadFile(name); string(after) != string(before) {
		t.Fatalf("the file is\n%s", after)
	}
}

func TestManyWritersNeverShareAUID(t *testing.T) {
	f, _ := file(t)
	var all sync.WaitGroup
	for n := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			f := &File{Root: f.Root, Name: f.Name, Random: f.Random}
			for i := range 5 {
				if _, err := f.Update(t.Context(), func(l *List) error { l.Add(fmt.Sprint(n, i), 0); return nil }); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	l, err := f.Update(t.Context(), func(*List) error { return nil })
	if err != nil || len(l.Entries) != 40 || l.Next != 41 {
		t.Fatalf("%d entries, next %d, %v", len(l.Entries), l.Next, err)
	}
}

func TestALinkOutOfTheDirectoryIsNotFollowed(t *testing.T) {
	f, name := file(t)
	outside := filepath.Join(t.TempDir(), "list")
	if err := os.Symlink(outside, name+".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Update(t.Context(), func(*List) error { return nil }); err == nil {
		t.Fatal("the lock was made outside")
	}
}

func FuzzParse(f *testing.F) {
	f.Add((&List{Validity: 7, Next: 9, Entries: []Entry{{1, 10, "a"}, {8, Unmeasured, "b \n"}}}).format())
	f.Add([]byte("bascule-uidlist 1\nvalidity 1 next 1\nend 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parse(b)
		if err != nil {
			return
		}
		again, err := parse(l.format())
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if d := cmp.Diff(l, again, cmpopts.IgnoreUnexported(List{})); d != "" {
			t.Fatal(d)
		}
	})
}
