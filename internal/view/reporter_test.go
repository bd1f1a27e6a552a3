package view_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/internal/view"
	"bascule/migration"
)

// tell plays a short apply to a reporter.
func tell(r view.Reporter) {
	at := day(5, 9, 12)
	event := func(seconds int, level view.Level, name, step string, a migration.Address, text string) {
		r.Event(view.Event{At: at.Add(time.Duration(seconds) * time.Second), Level: level, Name: name, StepID: step, Address: a, Text: text, Fields: map[string]string{"phase": "sync"}})
	}
	event(0, view.Info, "apply_start", "s05", mailbox("alice"), "sync: every message of the source")
	for i := range int64(8) {
		r.Progress(view.ProgressUpdate{At: at.Add(time.Duration(i) * 10 * time.Second), Mailbox: mailbox("alice"), Folder: "Éléments envoyés", Done: i * 1000, Total: 10000, Bytes: i * 90_000_000})
	}
	event(71, view.Warn, "retry", "s05", mailbox("alice"), "NO [THROTTLED] slow down; tried again in 30s")
	event(72, view.Error, "apply_errored", "s08", mailbox("bob"), "LOGIN: NO "+hostile)
	r.Progress(view.ProgressUpdate{At: at.Add(73 * time.Second), Mailbox: mailbox(hostile), Folder: hostile, Done: 1})
	r.Progress(view.ProgressUpdate{At: at.Add(74 * time.Second), Mailbox: mailbox("carol")})
	r.Progress(view.ProgressUpdate{At: at.Add(80 * time.Second), Mailbox: mailbox("alice"), Done: 10000, Total: 10000, Bytes: 900_000_000, Ended: true})
	event(81, view.Info, "paused", "", "", "paused at gate window until Sat 2027-03-13 06:00 CET")
	r.Close()
}

func TestLines(t *testing.T) {
	for _, color := range []bool{false, true} {
		var b bytes.Buffer
		tell(view.NewReporter(&b, style(80, color)))
		harmless(t, b.String(), color)
		compare(t, filepath.Join("testdata", fmt.Sprintf("lines%s.golden", map[bool]string{true: ".color"}[color])), b.String())
	}
}

func TestQuietReportersSayOnlyWhatIsWrong(t *testing.T) {
	for _, live := range []bool{false, true} {
		s := style(80, false)
		s.Quiet, s.Live = true, live
		var b bytes.Buffer
		tell(view.NewReporter(&b, s))
		if n := strings.Count(b.String(), "\n"); strings.Contains(b.String(), "paused") || !strings.Contains(b.String(), "THROTTLED") || n != 2+strings.Count(b.String(), "\n           ") {
			t.Errorf("live %v: %q", live, b.String())
		}
	}
}

// screen plays what a terminal does with line feeds, cursor up and erase down.
func screen(t *testing.T, out string, width int) []string {
	t.Helper()
	lines, y := []string{""}, 0
	control := regexp.MustCompile(`^\x1b\[(\d*)([A-Z])`)
	for out != "" {
		if m := control.FindStringSubmatch(out); m != nil {
			switch n := 0; m[2] {
			case "A":
				fmt.Sscan(m[1], &n)
				if y -= n; y < 0 {
					t.Fatal("the cursor left the screen")
				}
			case "J":
				lines = append(lines[:y:y], "")
			default:
				t.Fatalf("unexpected sequence %q", m[0])
			}
			out = out[len(m[0]):]
			continue
		}
		l, rest, _ := strings.Cut(out, "\n")
		if i := strings.IndexByte(l, 0x1b); i >= 0 {
			t.Fatalf("a sequence in the middle of a line: %q", l)
		}
		if cellsOf(l) > width {
			t.Fatalf("a line that wraps: %q", l)
		}
		harmless(t, l, false)
		lines[y] = l
		if y++; y == len(lines) {
			lines = append(lines, "")
		}
		out = rest
	}
	return lines
}

func TestTerminalRedrawsProgressBelowTheEvents(t *testing.T) {
	for _, width := range []int{80, 140} {
		s := style(width, false)
		s.Live = true
		var b bytes.Buffer
		r := view.NewReporter(&b, s)
		tell(unclosed{r})
		compare(t, filepath.Join("testdata", fmt.Sprintf("terminal.%d.golden", width)), strings.Join(screen(t, b.String(), width), "\n"))
		r.Close()
		compare(t, filepath.Join("testdata", fmt.Sprintf("terminal_closed.%d.golden", width)), strings.Join(screen(t, b.String(), width), "\n"))
	}
}

// unclosed keeps the picture as it is before the end.
type unclosed struct{ view.Reporter }

func (unclosed) Close() {}

func TestTerminalDrawsNoMoreLinesThanATerminalHas(t *testing.T) {
	s := style(80, false)
	s.Live = true
	var b bytes.Buffer
	r := view.NewTerminal(&b, s)
	for i := range 100 {
		r.Progress(view.ProgressUpdate{At: now.Add(time.Duration(i) * time.Second), Mailbox: mailbox(fmt.Sprint(i)), Done: 1, Total: 2})
	}
	lines := screen(t, b.String(), 80)
	if len(lines) != 10 || !strings.Contains(lines[8], "92 more") {
		t.Errorf("%d lines, last %q", len(lines), lines[len(lines)-2])
	}
}

func TestTerminalDoesNotRedrawForEveryMessage(t *testing.T) {
	s := style(80, false)
	s.Live = true
	var b bytes.Buffer
	r := view.NewTerminal(&b, s)
	for i := range int64(1000) {
		r.Progress(view.ProgressUpdate{At: now.Add(time.Duration(i) * time.Millisecond), Mailbox: mailbox("a"), Done: i, Total: 1000})
	}
	if n := strings.Count(b.String(), "\n"); n > 11 {
		t.Errorf("%d lines in one second", n)
	}
}

func TestJSONStream(t *testing.T) {
	var b bytes.Buffer
	tell(view.NewJSON(&b, "0.1.0", now))
	harmless(t, b.String(), false)
	compare(t, filepath.Join("testdata", "stream.golden"), b.String())
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		for _, key := range []string{"@level", "@message", "@module", "@timestamp", "type"} {
			if _, ok := m[key].(string); !ok {
				t.Errorf("no %s in %s", key, l)
			}
		}
	}
}

func TestJSONStreamKeepsHostileTextExactly(t *testing.T) {
	for _, text := range []string{"a\u202eb\x1b[2J\u009b", "tag \U000E0041", "\u007f", "Éléments 経理部"} {
		var b bytes.Buffer
		view.NewJSON(&b, "0.1.0", now).Event(view.Event{At: now, Text: text})
		harmless(t, b.String(), false)
		_, l, _ := strings.Cut(b.String(), "\n")
		var m map[string]any
		if err := json.Unmarshal([]byte(l), &m); err != nil || m["@message"] != text {
			t.Errorf("%v: %q instead of %q", err, m["@message"], text)
		}
	}
}

func TestReportersMayBeCalledFromManyGoroutines(t *testing.T) {
	live := style(80, true)
	live.Live = true
	for _, r := range []view.Reporter{view.NewTerminal(broken{}, live), view.NewLines(broken{}, live), view.NewJSON(broken{}, "0", now)} {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range int64(50) {
					r.Progress(view.ProgressUpdate{At: now.Add(time.Duration(n) * time.Second), Mailbox: mailbox(fmt.Sprint(i)), Done: n, Total: 50, Ended: n == 49})
					r.Event(view.Event{At: now, Level: view.Info, Text: "x"})
				}
			})
		}
		wg.Wait()
		r.Close()
	}
}

// broken is a pipe nobody reads.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
