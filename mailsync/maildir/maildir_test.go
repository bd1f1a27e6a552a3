package maildir

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

var now = time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)

func config(dir string) Config {
	return Config{Path: dir, Index: dir + ".index", Clock: clock.NewVirtual(now), Random: rand.Reader, Host: "host/../x.example", PID: 7}
}

func target(t *testing.T, dir string) mailsync.Target {
	t.Helper()
	s, err := OpenTarget(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func reader(t *testing.T, dir string) mailsync.Source {
	t.Helper()
	s, err := OpenSource(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestMaildirKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		dir := filepath.Join(t.TempDir(), "mail")
		return storetest.Fixture{
			Open:         func(t *testing.T) mailsync.Target { return target(t, dir) },
			OpenReadOnly: func(t *testing.T) mailsync.Source { return reader(t, dir) },
		}
	})
}

// fresh makes a Maildir as another program would, with these files.
func fresh(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mail")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns what a source shows of a folder, in the order of UIDs.
func read(t *testing.T, s mailsync.Source, raw string) (out []string, metas []mailsync.Meta) {
	t.Helper()
	if _, err := s.Examine(t.Context(), mailsync.Folder{Raw: raw}); err != nil {
		t.Fatal(err)
	}
	if err := s.Scan(t.Context(), 0, func(m mailsync.Meta) error { metas = append(metas, m); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, m := range metas {
		_, err := s.Fetch(t.Context(), []mailsync.UID{m.UID}, func(got mailsync.Meta, octets int64, body io.Reader) error {
			b, err := io.ReadAll(body)
			if int64(len(b)) != octets || m.Size != octets {
				t.Errorf("UID %d: %d octets announced, %d listed, %d read", m.UID, octets, m.Size, len(b))
			}
			out = append(out, string(b))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out, metas
}

// tree is everything below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			out[path] = ""
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestASourceReadsFilesOfOtherProgramsAndWritesNothing(t *testing.T) {
	dir := fresh(t, map[string]string{
		"cur/200.b,S=5,W=6:2,RSa":         "a: b\n",
		"new/100.a":                       "first\n\nx\r\n\rlone\n",
		"cur/300.c,X=1:2,ZP":              "kept\nas it\r\nis",
		"dovecot-keywords":                "0 projet\n99 far\nx\n1 two words\n",
		".Projets.&AMk-t&AOk-/cur/1.x:2,": "y\r\n",
		"subscriptions":                   "V\t2\n\nProjets\t&AMk-t&AOk-\n",
		"cur/.hidden":                     "no",
	})
	for _, sub := range []string{"new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, ".Projets.&AMk-t&AOk-", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, dir)
	s := reader(t, dir)
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Folders) != 2 || !slices.Equal(l.Folders[1].Path, []string{"Projets", "Été"}) || !l.Folders[1].Subscribed || l.Folders[0].Status.Messages != 3 {
		t.Fatalf("%+v", l.Folders)
	}
	bodies, metas := read(t, s, ".")
	want := []string{"first\r\n\r\nx\r\n\rlone\r\n", "a: b\r\n", "kept\nas it\r\nis"}
	if d := cmp.Diff(want, bodies); d != "" {
		t.Fatal(d)
	}
	flags := [][]string{metas[0].Flags, metas[1].Flags, metas[2].Flags}
	if d := cmp.Diff([][]string{nil, {`\Answered`, `\Seen`, "projet"}, {"$Forwarded"}}, flags); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff(before, tree(t, dir)); d != "" {
		t.Fatalf("the source was written:\n%s", d)
	}
}

func TestUIDsSurviveRenamesAndASecondConnection(t *testing.T) {
	dir := fresh(t, map[string]string{"new/100.a": "a", "cur/200.b:2,": "b"})
	_, before := read(t, reader(t, dir), ".")
	if err := os.Rename(filepath.Join(dir, "new/100.a"), filepath.Join(dir, "cur/100.a:2,S")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cur/050.c:2,"), []byte("c"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, after := read(t, reader(t, dir), ".")
	if len(after) != 3 || after[0].UID != before[0].UID || after[1].UID != before[1].UID || after[2].UID <= before[1].UID || !slices.Equal(after[0].Flags, []string{`\Seen`}) {
		t.Fatalf("%+v, then %+v", before, after)
	}
}

func TestAFlagChangedWhileReadingDoesNotHideTheMessage(t *testing.T) {
	dir := fresh(t, map[string]string{"cur/100.a:2,": "a"})
	s := reader(t, dir)
	_, metas := read(t, s, ".")
	if err := os.Rename(filepath.Join(dir, "cur/100.a:2,"), filepath.Join(dir, "cur/100.a:2,FS")); err != nil {
		t.Fatal(err)
	}
	missing, err := s.Fetch(t.Context(), []mailsync.UID{metas[0].UID}, func(_ mailsync.Meta, _ int64, b io.Reader) error { _, err := io.ReadAll(b); return err })
	if err != nil || len(missing) > 0 {
		t.Fatalf("missing %v, %v", missing, err)
	}
}

func TestLinksAndPipesAreNotFollowed(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := fresh(t, map[string]string{"cur/100.a:2,": "a"})
	for link, to := range map[string]string{"cur/200.link:2,": outside, ".Out": filepath.Dir(outside)} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := reader(t, dir)
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bodies, _ := read(t, s, ".")
	if d := cmp.Diff([]string{"a"}, bodies); d != "" || len(l.Folders) != 1 || !slices.Equal(l.Foreign, []string{".Out"}) {
		t.Fatalf("%s\n%+v", d, l)
	}
	for _, raw := range []string{"../mail", ".Out", "..", "./..", ".A/../..", ""} {
		if _, err := s.Examine(t.Context(), mailsync.Folder{Raw: raw}); !errors.Is(err, mailsync.ErrNoFolder) && err == nil {
			t.Errorf("%q was opened", raw)
		}
	}
}

func TestATargetStoresOctetsAsGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s := target(t, dir)
	f, err := s.Create(t.Context(), []string{"INBOX"}, "")
	if err != nil {
		t.Fatal(err)
	}
	sent := []string{"a\r\nb\r\n", "bare\nlines\n", "\r\r\n\n", "", "nul \x00 and \xff", "no end"}
	left := slices.Clone(sent)
	done, err := s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
		if len(left) == 0 {
			return nil, nil
		}
		b := left[0]
		left = left[1:]
		return &mailsync.Outgoing{Size: int64(len(b)), Date: now.Add(-time.Hour), Flags: []string{`\Seen`, "Projet", `\Recent`, "bad word"}, Body: iotest.OneByteReader(strings.NewReader(b))}, nil
	})
	if err != nil || len(done.UIDs) != len(sent) {
		t.Fatalf("%+v, %v", done, err)
	}
	got, metas := read(t, reader(t, dir), ".")
	if d := cmp.Diff(sent, got); d != "" {
		t.Fatal(d)
	}
	if !metas[0].Date.Equal(now.Add(-time.Hour)) || !slices.Equal(metas[0].Flags, []string{`\Seen`, "Projet"}) {
		t.Fatalf("%+v", metas[0])
	}
	for name := range tree(t, dir) {
		if base := filepath.Base(name); strings.ContainsAny(base, "/ ") || strings.Contains(base, "..") {
			t.Errorf("file %q", name)
		}
	}
}

func TestKeywordsBeyondTheLettersAreNotPromised(t *testing.T) {
	s := target(t, filepath.Join(t.TempDir(), "mail"))
	f, err := s.Create(t.Context(), []string{"Many"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i := range 30 {
		words = append(words, "word"+string(rune('a'+i)))
	}
	if _, err := s.Select(t.Context(), f); err != nil || !s.Accepts().NewKeywords {
		t.Fatalf("%v, %+v", err, s.Accepts())
	}
	sent := false
	_, err = s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
		if sent {
			return nil, nil
		}
		sent = true
		return &mailsync.Outgoing{Size: 1, Date: now, Flags: words, Body: strings.NewReader("x")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Select(t.Context(), f); err != nil || s.Accepts().NewKeywords {
		t.Fatalf("%v, %+v", err, s.Accepts())
	}
	_, metas := read(t, s, f.Raw)
	if len(metas[0].Flags) != maxKeywords {
		t.Fatalf("%d keywords are kept", len(metas[0].Flags))
	}
}

func TestAMoveTakesKeywordsAlong(t *testing.T) {
	s := target(t, filepath.Join(t.TempDir(), "mail"))
	var folders []mailsync.Folder
	for _, name := range []string{"A", "B"} {
		f, err := s.Create(t.Context(), []string{name}, "")
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
		sent := false
		_, err = s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
			if sent {
				return nil, nil
			}
			sent = true
			return &mailsync.Outgoing{Size: 1, Date: now, Flags: []string{"word-of-" + name}, Body: strings.NewReader("x")}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, metas := read(t, s, folders[0].Raw)
	if _, err := s.Move(t.Context(), []mailsync.UID{metas[0].UID}, folders[1]); err != nil {
		t.Fatal(err)
	}
	_, metas = read(t, s, folders[1].Raw)
	if len(metas) != 2 || !slices.Equal(metas[1].Flags, []string{"word-of-A"}) {
		t.Fatalf("%+v", metas)
	}
}

func TestTheRemainsOfAKilledRunGoAfterADayAndAHalf(t *testing.T) {
	dir := fresh(t, map[string]string{"tmp/1700000000.old": "x", "tmp/1803888000.young": "x"})
	old := now.Add(-48 * time.Hour)
	for _, f := range []string{"tmp/1700000000.old", "tmp/1803888000.young"} {
		if err := os.Chtimes(filepath.Join(dir, f), old, old); err != nil {
			t.Fatal(err)
		}
	}
	target(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], "young") {
		t.Fatalf("left: %v, %v", left, err)
	}
}

func TestWhatIsNoMaildirIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenSource(t.Context(), config(dir)); err == nil {
		t.Error("an empty directory was read as a mailbox without mail")
	}
	if err := os.WriteFile(filepath.Join(dir, "thesis.doc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTarget(t.Context(), config(dir)); err == nil {
		t.Error("a directory of something else was made a Maildir")
	}
}

func TestAnotherDirectoryInItsPlaceIsNoticed(t *testing.T) {
	dir := fresh(t, nil)
	cfg := config(dir)
	pinned := reader(t, dir).Identity()
	cfg.ExpectIdentity = &pinned
	if s, err := OpenSource(t.Context(), cfg); err != nil {
		t.Fatal(err)
	} else {
		_ = s.Close()
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh(t, nil), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSource(t.Context(), cfg); !errors.Is(err, mailsync.ErrIdentity) {
		t.Fatalf("got %v", err)
	}
}

func TestLetters(t *testing.T) {
	words := keywords{"Junk", "", "projet"}
	for name, c := range map[string]struct {
		flags   []string
		letters string
	}{
		"none":                              {nil, ""},
		"all of the system's":               {[]string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}, "DFRST"},
		"forwarded has a letter of its own": {[]string{"$Forwarded"}, "P"},
		"keywords of the folder":            {[]string{"Junk", "projet"}, "ac"},
		"both":                              {[]string{`\Seen`, "Junk"}, "Sa"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := words.letters(c.flags); got != c.letters {
				t.Errorf("written as %q, want %q", got, c.letters)
			}
			if d := cmp.Diff(c.flags, words.flags(c.letters)); d != "" {
				t.Error(d)
			}
		})
	}
	if got := change("SZ", "F", true); got != "FSZ" {
		t.Errorf("a letter that nobody knows was lost: %q", got)
	}
	if got := change("FSZ", "F", false); got != "SZ" {
		t.Errorf("removed: %q", got)
	}
}

func TestDirectoryNames(t *testing.T) {
	for dir, path := range map[string][]string{
		".":                    {"INBOX"},
		".Projets.&AMk-t&AOk-": {"Projets", "Été"},
		".R&-D":                {"R&D"},
		".&AC4ALg-":            {".."},
		".a&AC8-b":             {"a/b"},
		".INBOX.Sub":           {"INBOX", "Sub"},
		".&ZeVnLIqe-":          {"日本語"},
		".&2D3eAA-":            {"😀"},
		".&-AOk-":              {"&AOk-"},
		".x&AAAACQ-":           {"x\x00\t"},
	} {
		if got := dirOf(path); got != dir {
			t.Errorf("%q becomes %q, want %q", path, got, dir)
		}
		if d := cmp.Diff(path, pathOf(dir)); d != "" {
			t.Errorf("%q: %s", dir, d)
		}
	}
	if got := pathOf(".\xe9t&"); !slices.Equal(got, []string{"\uFFFDt&"}) {
		t.Errorf("a name that is no modified UTF-7: %q", got)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"Été", "a.b/c", "&", "&-", "日", "\x00", "&AOk-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		raw := encodeName(name)
		if strings.ContainsAny(raw, "./\x00") {
			t.Fatalf("%q became %q", name, raw)
		}
		if got := decodeName(raw); got != strings.ToValidUTF8(name, "\uFFFD") && got != string([]rune(name)) {
			t.Fatalf("%q came back as %q", name, got)
		}
		_ = decodeName(name)
	})
}

func FuzzLineEnds(f *testing.F) {
	f.Add("a\nb\r\n\r", 1)
	f.Add("\n\n\r\n", 2)
	f.Fuzz(func(t *testing.T, s string, chunk int) {
		got, err := io.ReadAll(newCRLF(&pieces{s, max(1, chunk%7)}))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
		if string(got) != want {
			t.Fatalf("%q became %q, want %q", s, got, want)
		}
		var ends lineEnds
		for p := (&pieces{s, max(1, chunk%7)}); ; {
			b := make([]byte, 8)
			n, err := p.Read(b)
			_, _ = ends.Write(b[:n])
			if err != nil {
				break
			}
		}
		if ends.bare != (want != s) {
			t.Fatalf("%q: bare is %v", s, ends.bare)
		}
	})
}

// pieces reads n octets at a time.
type pieces struct {
	rest string
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func TestASourceHasNoWriteMethods(t *testing.T) {
	if _, ok := reader(t, fresh(t, nil)).(mailsync.Target); ok {
		t.Fatal("what OpenSource returns can write")
	}
}
