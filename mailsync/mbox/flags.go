package mbox

import (
	"slices"
	"strconv"
	"strings"
)

// flagWords gathers flags from the headers that hold them.
type flagWords struct{ set []string }

func (w *flagWords) read(name, value string) {
	switch name {
	case "status":
		w.letters(value, map[rune]string{'R': `\Seen`})
	case "x-status":
		w.letters(value, map[rune]string{'A': `\Answered`, 'F': `\Flagged`, 'T': `\Draft`, 'D': `\Deleted`})
	case "x-keywords", "x-mozilla-keys":
		for _, k := range strings.Fields(value) {
			if isAtom(k) && len(w.set) < maxStrip {
				w.set = append(w.set, k)
			}
		}
	case "x-mozilla-status":
		w.mozilla(value)
	}
}

func (w *flagWords) letters(value string, meaning map[rune]string) {
	for _, r := range value {
		if f, ok := meaning[r]; ok {
			w.set = append(w.set, f)
		}
	}
}

// mozilla reads the bits of nsMsgMessageFlags.
func (w *flagWords) mozilla(value string) {
	bits, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return
	}
	for _, f := range []struct {
		bit  uint64
		flag string
	}{{1, `\Seen`}, {2, `\Answered`}, {4, `\Flagged`}, {8, `\Deleted`}, {0x1000, "$Forwarded"}} {
		if bits&f.bit != 0 {
			w.set = append(w.set, f.flag)
		}
	}
}

// flags returns what was gathered, sorted, each once.
func (w *flagWords) flags() []string {
	out := slices.Clone(w.set)
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(out, strings.EqualFold)
}

// isAtom reports whether a keyword is one that IMAP can say (RFC 3501 §9).
func isAtom(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}

// systemFlags are those with a letter.
func systemFlags() []string { return []string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`} }

// flagLines writes flags as the three lines behind our own.
func flagLines(flags []string) string {
	has := func(f string) bool {
		return slices.ContainsFunc(flags, func(g string) bool { return strings.EqualFold(f, g) })
	}
	status, x := "O", ""
	if has(`\Seen`) {
		status = "RO"
	}
	for _, l := range []struct{ flag, letter string }{{`\Answered`, "A"}, {`\Flagged`, "F"}, {`\Draft`, "T"}, {`\Deleted`, "D"}} {
		if has(l.flag) {
			x += l.letter
		}
	}
	var words []string
	for _, f := range flags {
		if isAtom(f) {
			words = append(words, f)
		}
	}
	return "Status: " + status + "\nX-Status: " + x + "\nX-Keywords: " + strings.Join(words, " ") + "\n"
}
