package view_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	eastasian "golang.org/x/text/width"

	"bascule/internal/view"
)

var update = flag.Bool("update", false, "write the golden files")

// zone is Central European Time as it was in March 2027, without asking the
// machine for time zone data.
var zone = time.FixedZone("CET", 3600)

var now = time.Date(2027, 3, 5, 9, 12, 0, 0, time.UTC)

func style(width int, color bool) view.Style {
	return view.Style{Width: width, Color: color, Zone: zone, Now: now}
}

// golden renders at both widths, with and without colour, and compares.
func golden(t *testing.T, name string, render func(*bytes.Buffer, view.Style) error) {
	t.Helper()
	for _, width := range []int{80, 140} {
		var bare string
		for _, color := range []bool{false, true} {
			s := style(width, color)
			var buf bytes.Buffer
			if err := render(&buf, s); err != nil {
				t.Fatal(err)
			}
			got := buf.String()
			harmless(t, got, color)
			narrow(t, got, width)
			if !color {
				bare = got
			} else if stripped := sgr.ReplaceAllString(got, ""); stripped != bare {
				t.Errorf("%s: colour changes the text:\n%s", name, cmp.Diff(bare, stripped))
			}
			file := filepath.Join("testdata", fmt.Sprintf("%s.%d%s.golden", name, width, map[bool]string{true: ".color"}[color]))
			compare(t, file, got)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// harmless fails on everything a terminal would obey, colours aside.
func harmless(t *testing.T, out string, color bool) {
	t.Helper()
	if color {
		out = sgr.ReplaceAllString(out, "")
	}
	for i, r := range out {
		if r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029') {
			t.Fatalf("control character %U at %d: %q", r, i, out[max(0, i-40):min(len(out), i+40)])
		}
	}
}

// cellsOf counts wide characters twice and combining marks not at all.
func cellsOf(s string) int {
	n := 0
	for _, r := range s {
		switch k := eastasian.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case k == eastasian.EastAsianWide || k == eastasian.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// narrow fails on lines that are wider than asked for, or end in blanks.
func narrow(t *testing.T, out string, width int) {
	t.Helper()
	for _, l := range strings.Split(sgr.ReplaceAllString(out, ""), "\n") {
		if n := cellsOf(l); n > width {
			t.Errorf("%d cells instead of %d: %s", n, width, l)
		}
		if strings.TrimRight(l, " ") != l {
			t.Errorf("blanks at the end: %q", l)
		}
	}
}
