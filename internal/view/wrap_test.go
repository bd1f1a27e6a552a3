package view

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func texts(lines []line) []string {
	var out []string
	for _, l := range lines {
		s := ""
		for _, sp := range l {
			s += sp.text
		}
		out = append(out, strings.TrimRight(s, " "))
	}
	return out
}

func TestWrap(t *testing.T) {
	for name, c := range map[string]struct {
		in   line
		n    int
		want []string
	}{
		"breaks between words":                     {words(plain, "one two three"), 8, []string{"one two", "three"}},
		"cuts a word that is too long":             {words(plain, "abcdefghij"), 4, []string{"abcd", "efgh", "ij"}},
		"keeps pieces in other tones together":     {line{say(plain, "say "), say(bad, "ab"), say(plain, "cd.")}, 6, []string{"say", "abcd."}},
		"counts two cells for a wide character":    {words(plain, "経理部 経理"), 6, []string{"経理部", "経理"}},
		"counts none for a combining mark":         {words(plain, "e\u0301e\u0301 e\u0301"), 2, []string{"e\u0301e\u0301", "e\u0301"}},
		"keeps blanks inside a line":               {words(plain, "a  b"), 9, []string{"a  b"}},
		"makes one empty line of nothing":          {nil, 9, []string{""}},
		"shows one wide character where none fits": {words(plain, "経"), 1, []string{"経"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, texts(wrap(c.in, c.n))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzWrap: no line is too wide, and nothing but blanks is lost.
func FuzzWrap(f *testing.F) {
	f.Add("one two", "three経", 5)
	f.Add("\x1b[31m", "\u202e", 3)
	f.Fuzz(func(t *testing.T, a, b string, n int) {
		n = 2 + (n&0xff)%100
		in := line{say(plain, a), say(bad, b)}
		var got strings.Builder
		for _, l := range wrap(in, n) {
			if l.cells() > n {
				t.Fatalf("%d cells instead of %d", l.cells(), n)
			}
			for _, s := range l {
				got.WriteString(s.text)
			}
		}
		bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if bare(got.String()) != bare(in[0].text+in[1].text) {
			t.Fatalf("%q became %q", a+b, got.String())
		}
	})
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "-1,234,567"}, {count(-100), "-100"},
		{octets(999), "999 B"}, {octets(1000), "1.0 kB"}, {octets(999_960), "1.0 MB"}, {octets(9_123_456_789), "9.1 GB"}, {octets(5e15), "5000.0 TB"},
		{length(45 * time.Second), "45s"}, {length(5 * time.Minute), "5m"}, {length(90 * time.Second), "1m30s"}, {length(11*time.Minute + time.Second), "11m"}, {length(2 * time.Hour), "2h"}, {length(2*time.Hour + 3*time.Minute), "2h03m"}, {length(48 * time.Hour), "2d"}, {length(187 * time.Hour), "7d19h"},
	} {
		if c.got != c.want {
			t.Errorf("%q instead of %q", c.got, c.want)
		}
	}
}

func TestTimesAreShownInTheZoneAndInUTC(t *testing.T) {
	at := time.Date(2027, 3, 16, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		zone *time.Location
		want string
	}{
		{time.FixedZone("CET", 3600), "Wed 2027-03-17 00:30 CET (Tue 23:30 UTC)"},
		{time.FixedZone("EST", -5*3600), "Tue 2027-03-16 18:30 EST (23:30 UTC)"},
		{nil, "Tue 2027-03-16 23:30 UTC"},
	} {
		if got := (Style{Zone: c.zone}).both(at); got != c.want {
			t.Errorf("%q instead of %q", got, c.want)
		}
	}
}

func TestRatesAreThoseOfTheLastSeconds(t *testing.T) {
	m := &meter{}
	at := time.Date(2027, 3, 5, 0, 0, 0, 0, time.UTC)
	// A fast minute, then a slow one: what is left is estimated by the slow one.
	done := int64(0)
	for i := range 120 {
		if i < 60 {
			done += 100
		} else {
			done += 10
		}
		m.add(ProgressUpdate{At: at.Add(time.Duration(i) * time.Second), Done: done, Total: done + 600})
	}
	if rate, _ := m.rates(); rate != 10 {
		t.Errorf("%.1f messages a second", rate)
	}
	if left, ok := m.left(); !ok || left != time.Minute {
		t.Errorf("%s left", left)
	}
}
