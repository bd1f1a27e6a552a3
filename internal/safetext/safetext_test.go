package safetext

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"Éléments envoyés": "Éléments envoyés",
		"a\x1b[2Jb":        `a\x1b[2Jb`,
		"x\u202ey":         `x\u202ey`,
		"l1\nl2":           `l1\x0al2`,
		"\xff":             `\xff`,
		"\u009b31m":        `\u009b31m`,
		"a\u200bb":         `a\u200bb`,
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Block("a\nb\x07"); got != "a\nb\\x07" {
		t.Error(got)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b]52;c;x\x07")
	f.Fuzz(func(t *testing.T, s string) {
		out := Line(s)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < 0x20 || r == 0x7f || dangerous(r) }) {
			t.Fatalf("%q -> %q", s, out)
		}
	})
}
