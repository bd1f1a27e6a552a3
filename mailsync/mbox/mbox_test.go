package mbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

func config(path string) Config {
	return Config{Path: path, Index: path + ".index", Clock: clock.Real{}, Random: rand.Reader}
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

func reader(t *testing.T, path string) mailsync.Source {
	t.Helper()
	s, err := OpenSource(t.Context(), config(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestMboxKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		dir := filepath.Join(t.TempDir(), "mail")
		return storetest.Fixture{
			Open:         func(t *testing.T) mailsync.Target { return target(t, dir) },
			OpenReadOnly: func(t *testing.T) mailsync.Source { return reader(t, dir) },
		}
	})
}

func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, s mailsync.Source, raw string) (out []string, metas []mailsync.Meta) {
	t.Helper()
	if _, err := s.Examine(t.Context(), mailsync.Folder{Raw: raw}); err != nil {
		t.Fatal(err)
	}
	if err := s.Scan(t.Context(), 0, func(m mailsync.Meta) error { metas = append(metas, m); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, m := range metas {
		missing, err := s.Fetch(t.Context(), []mailsync.UID{m.UID}, func(_ mailsync.Meta, octets int64, body io.Reader) error {
			b, err := io.ReadAll(body)
			if int64(len(b)) != octets || octets != m.Size {
				t.Errorf("UID %d: %d octets announced, %d listed, %d read", m.UID, octets, m.Size, len(b))
			}
			out = append(out, string(b))
			return err
		})
		if err != nil || len(missing) > 0 {
			t.Fatalf("missing %v, %v", missing, err)
		}
	}
	return out, metas
}

const fromLine = "From a@example.com Sun Jul 14 08:30:01 2019\n"

func TestReading(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"two messages": {fromLine + "A: 1\n\nx\n\n" + fromLine + "B: 2\n\ny\n", []string{"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
		"one level of quoting is taken off": {fromLine + "A: 1\n\n>From x\n>>From y\n>Fromage\n> From z\n\n",
			[]string{"A: 1\r\n\r\nFrom x\r\n>From y\r\n>Fromage\r\n> From z\r\n"}},
		"a line that begins with From and has no date is text": {fromLine + "A: 1\n\nx\n\nFrom here on it rains\n\n", []string{"A: 1\r\n\r\nx\r\n\r\nFrom here on it rains\r\n"}},
		"a From_ line needs a blank line before it":            {fromLine + "A: 1\n\nx\n" + fromLine + "y\n\n", []string{"A: 1\r\n\r\nx\r\n" + strings.TrimSuffix(fromLine, "\n") + "\r\ny\r\n"}},
		"a content length that fits is believed, and nothing unquoted": {fromLine + "A: 1\nContent-Length: " + "62\n\n" + "x\n\n" + fromLine + ">From y\nzzzzzz\n" + "\n" + fromLine + "B: 2\n\n\n",
			[]string{"A: 1\r\n\r\nx\r\n\r\n" + strings.TrimSuffix(fromLine, "\n") + "\r\n>From y\r\nzzzzzz\r\n", "B: 2\r\n\r\n"}},
		"a content length that leads nowhere is the message's own": {fromLine + "A: 1\nContent-Length: 9999\n\nx\n\n" + fromLine + "B: 2\n\n\n", []string{"A: 1\r\nContent-Length: 9999\r\n\r\nx\r\n", "B: 2\r\n\r\n"}},
		"flags are no part of a message":                           {fromLine + "A: 1\nStatus: RO\nX-Status: A\nX-UID: 4\n\nStatus: stays\n\n", []string{"A: 1\r\n\r\nStatus: stays\r\n"}},
		"lines of Windows":                                         {strings.ReplaceAll(fromLine+"A: 1\n\nx\n\n"+fromLine+"B: 2\n\ny\n\n", "\n", "\r\n"), []string{"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
		"a message without a header":                               {fromLine + "\nbody\n\n", []string{"\r\nbody\r\n"}},
		"a file without a date in its first line":                  {"From nobody\nA: 1\n\nx\n\nFrom nobody\nB: 2\n\ny\n", []string{"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
		"an end without a line end":                                {fromLine + "A: 1\n\nx", []string{"A: 1\r\n\r\nx"}},
		"an empty file":                                            {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t, map[string]string{"f.mbox": c.file})
			got, _ := read(t, reader(t, dir), "f.mbox")
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFlagsAndDatesOfOtherPrograms(t *testing.T) {
	dir := written(t, map[string]string{"f": "From - Sun Jul 14 08:30:01 +0200 2019\nStatus: RO\nX-Status: AFTD\nX-Keywords: projet bad\"word\n\nx\n\n" +
		"From - Sun Jul 14 08:30 2019\nX-Mozilla-Status: 1009\nX-Mozilla-Keys:  $label1 \n\nx\n\n"})
	_, metas := read(t, reader(t, dir), "f")
	if d := cmp.Diff([]string{"projet", `\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}, sortedPlain(metas[0].Flags)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"$Forwarded", "$label1", `\Deleted`, `\Seen`}, sortedPlain(metas[1].Flags)); d != "" {
		t.Error(d)
	}
	if !metas[0].Date.Equal(time.Date(2019, 7, 14, 6, 30, 1, 0, time.UTC)) || !metas[1].Date.Equal(time.Date(2019, 7, 14, 8, 30, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", metas[0].Date, metas[1].Date)
	}
}

func sortedPlain(in []string) []string {
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b string) int {
		return strings.Compare(strings.Replace(strings.ToLower(a), `\`, "~", 1), strings.Replace(strings.ToLower(b), `\`, "~", 1))
	})
	return out
}

func TestFolders(t *testing.T) {
	dir := written(t, map[string]string{"Inbox": fromLine + "\nx\n", "Sent.msf": "// mork", "Sent": fromLine + "\nx\n", "Sent.sbd/2024": fromLine + "\nx\n",
		"Clients/A%2FB.mbox": "", "Old.mbox/mbox": fromLine + "\nx\n", ".hidden": fromLine, "notes.txt": "From me to you"})
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "notes.txt")); err != nil {
		t.Fatal(err)
	}
	l, err := reader(t, dir).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range l.Folders {
		got[strings.Join(f.Path, "|")] = true
	}
	if d := cmp.Diff(map[string]bool{"INBOX": true, "Sent": true, "Sent|2024": true, "Clients|A/B": true, "Old": true}, got); d != "" || !slices.Equal(l.Foreign, []string{"out"}) {
		t.Errorf("%s\nforeign %v", d, l.Foreign)
	}
}

func TestOneFileIsAnInbox(t *testing.T) {
	dir := written(t, map[string]string{"mail": fromLine + "A: 1\n\nx\n", "other": fromLine + "\n\n"})
	l, err := reader(t, filepath.Join(dir, "mail")).List(t.Context())
	if err != nil || len(l.Folders) != 1 || l.Folders[0].Path[0] != "INBOX" || l.Folders[0].Status.Messages != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
}

func TestUIDsFollowTheOctets(t *testing.T) {
	one, two := fromLine+"A: 1\n\nx\n\n", fromLine+"B: 2\n\ny\n\n"
	dir := written(t, map[string]string{"f": one + two + one})
	_, before := read(t, reader(t, dir), "f")
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(strings.Replace(two, "B: 2\n", "B: 2\nStatus: RO\n", 1)+one), 0o600); err != nil {
		t.Fatal(err)
	}
	_, after := read(t, reader(t, dir), "f")
	if len(before) != 3 || len(after) != 2 || after[0].UID != 1 || after[1].UID != 2 || !slices.Equal(after[1].Flags, []string{`\Seen`}) {
		t.Fatalf("%+v, then %+v", before, after)
	}
}

// outgoing appends bodies.
func outgoing(t *testing.T, s mailsync.Target, f mailsync.Folder, bodies ...string) mailsync.Appended {
	t.Helper()
	left := slices.Clone(bodies)
	done, err := s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
		if len(left) == 0 {
			return nil, nil
		}
		b := left[0]
		left = left[1:]
		return &mailsync.Outgoing{Size: int64(len(b)), Date: time.Unix(1563085801, 0), Flags: []string{`\Seen`, "projet"}, Body: strings.NewReader(b)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// hostile are messages that other programs lose or change.
func hostile() []string {
	return []string{"A: 1\r\n\r\nx\r\n", "", "no end", "\r\n", "\n\n\n", "From here\r\n>From there\r\n>>From\r\n", "From a@b Sun Jul 14 08:30:01 2019\r\n\r\nFrom a@b Sun Jul 14 08:30:01 2019\r\n",
		"Status: RO\r\nX-Bascule: 1 octets=3 lines=lf date=1\r\nX-Keywords: mine\r\nContent-Length: 3\r\n\r\nabc\r\n", "a\rb\r\r\nc\r\n", "bare\nand not\r\n", "nul\x00\xff\r\n\r\n\r\n",
		strings.Repeat(">", 9000) + "From x\r\n", strings.Repeat("x", 70000) + "\r\n", strings.Repeat("x", 32<<10-1) + "\r\nFrom y\r\n", "A: 1\r\n\r\nx\r\n"}
}

func TestATargetGivesBackWhatItWasGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s := target(t, dir)
	f, err := s.Create(t.Context(), []string{"Été", "a/b: .mbox"}, "")
	if err != nil {
		t.Fatal(err)
	}
	all := hostile()
	first := outgoing(t, s, f, all[:5]...)
	second := outgoing(t, s, f, all[5:]...)
	if len(first.UIDs)+len(second.UIDs) != len(all) || second.UIDs[0] != 6 {
		t.Fatalf("%v %v", first, second)
	}
	got, metas := read(t, reader(t, dir), f.Raw)
	if d := cmp.Diff(all, got); d != "" {
		t.Fatal(d)
	}
	if !slices.Equal(metas[0].Flags, []string{`\Seen`, "projet"}) || metas[0].Date.Unix() != 1563085801 {
		t.Fatalf("%+v", metas[0])
	}
	if _, err := s.Select(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := s.AddFlags(t.Context(), first.UIDs, []string{`\Flagged`}); err != nil {
		t.Fatal(err)
	}
	got, metas = read(t, reader(t, dir), f.Raw)
	if d := cmp.Diff(all, got); d != "" || !slices.Contains(metas[0].Flags, `\Flagged`) || slices.Contains(metas[6].Flags, `\Flagged`) {
		t.Fatalf("%s %+v", d, metas)
	}
}

func TestWhatAKilledRunLeftIsNotAMessage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s := target(t, dir)
	f, err := s.Create(t.Context(), []string{"A"}, "")
	if err != nil {
		t.Fatal(err)
	}
	outgoing(t, s, f, "one\r\n", "two, which is longer\r\n")
	name := filepath.Join(dir, f.Raw)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	begins := bytes.LastIndex(whole, []byte("From MAILER-DAEMON"))
	for cut := begins; cut < len(whole)-2; cut++ {
		if err := os.WriteFile(name, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := target(t, dir)
		outgoing(t, s, f, "three\r\n")
		got, _ := read(t, s, f.Raw)
		_ = s.Close()
		// A cut inside the line in front leaves what any program would show
		// as a message: it may stay, but never in the place of another.
		if len(got) < 2 || got[0] != "one\r\n" || got[len(got)-1] != "three\r\n" {
			t.Fatalf("cut at %d: %q", cut-begins, got)
		}
	}
}

func TestAForeignLockIsRespected(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	s := target(t, dir)
	f, err := s.Create(t.Context(), []string{"A"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, f.Raw+".lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	_, err = s.Append(ctx, f, func() (*mailsync.Outgoing, error) {
		asked++
		cancel()
		return &mailsync.Outgoing{Size: 1, Body: strings.NewReader("x")}, nil
	})
	if err == nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	if b, err := os.ReadFile(filepath.Join(dir, f.Raw)); err != nil || len(b) > 0 {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestRefusals(t *testing.T) {
	s := target(t, filepath.Join(t.TempDir(), "mail"))
	if err := s.Expunge(t.Context(), nil); !errors.Is(err, mailsync.ErrNoUIDPlus) {
		t.Error(err)
	}
	for _, raw := range []string{"../x", "/etc/passwd", "a/../../x"} {
		if _, err := s.Examine(t.Context(), mailsync.Folder{Raw: raw}); !errors.Is(err, mailsync.ErrNoFolder) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if _, err := OpenSource(t.Context(), config(filepath.Join(t.TempDir(), "nothing"))); err == nil {
		t.Error("a missing path was read as an empty mailbox")
	}
}

func FuzzScan(f *testing.F) {
	f.Add(fromLine + "A: 1\n\n>From x\n\n" + fromLine + "Content-Length: 3\n\nabc\n\nFrom x\n")
	f.Add("From x\n" + noteHeader + "octets=3 lines=lf date=1\nStatus: O\nX-Status: \nX-Keywords: \nabc\n\n")
	f.Add(strings.ReplaceAll(fromLine+"A: 1\n b\nStatus: R\n c\n\nx\n", "\n", "\r\n"))
	f.Fuzz(func(t *testing.T, text string) {
		all := file{strings.NewReader(text), int64(len(text))}
		items, err := all.scan(0)
		if err != nil {
			return
		}
		end := int64(0)
		for _, it := range items {
			if it.at < end || it.start < it.at || it.end < it.start || it.end > all.size {
				t.Fatalf("%+v after %d of %d", it, end, all.size)
			}
			end = it.end
			b, err := io.ReadAll(all.read(it))
			if err != nil || len(b) > 2*len(text) {
				t.Fatalf("%d octets of %d, %v", len(b), len(text), err)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, m := range hostile() {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m string) {
		var ends lineEnds
		_, _ = ends.Write([]byte(m))
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		when := time.Unix(1563085801, 0)
		for range 2 {
			_, _ = w.WriteString(front(when, note{int64(len(m)), !ends.bare, when.Unix()}, nil))
			if err := (&quoter{w: w, lf: !ends.bare}).copyFrom(strings.NewReader(m)); err != nil {
				t.Fatal(err)
			}
			if !ends.ended && m != "" {
				_, _ = w.WriteString("\n")
			}
			_, _ = w.WriteString("\n")
		}
		_ = w.Flush()
		all := file{bytes.NewReader(out.Bytes()), int64(out.Len())}
		items, err := all.scan(0)
		if err != nil || len(items) != 2 {
			t.Fatalf("%d messages, %v:\n%q", len(items), err, out.String())
		}
		for _, it := range items {
			if b, err := io.ReadAll(all.read(it)); err != nil || string(b) != m {
				t.Fatalf("%q came back as %q, %v", m, b, err)
			}
		}
	})
}
