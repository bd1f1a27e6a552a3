package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// letter is a flag in the info part of a file name.
type letter struct {
	letter byte
	flag   string
}

// standard letters, in the order in which they stand in a name.
func standard() []letter {
	return []letter{{'D', `\Draft`}, {'F', `\Flagged`}, {'P', "$Forwarded"}, {'R', `\Answered`}, {'S', `\Seen`}, {'T', `\Deleted`}}
}

// keywords are the letters a to z of one folder, as dovecot-keywords has them.
type keywords []string

const (
	keywordFile = "dovecot-keywords"
	maxKeywords = 26
	// maxSmallFile bounds what is read of files beside the mail.
	maxSmallFile = 8 << 20
)

func parseKeywords(b []byte) keywords {
	var out keywords
	for line := range strings.Lines(string(b)) {
		var index int
		name, ok := "", false
		if number, rest, found := strings.Cut(strings.TrimRight(line, "\r\n"), " "); found {
			_, err := fmt.Sscanf(number, "%d", &index)
			name, ok = rest, err == nil
		}
		if !ok || index < 0 || index >= maxKeywords || !isAtom(name) {
			continue
		}
		for len(out) <= index {
			out = append(out, "")
		}
		out[index] = name
	}
	return out
}

func (k keywords) format() []byte {
	var b bytes.Buffer
	for i, name := range k {
		if name != "" {
			fmt.Fprintf(&b, "%d %s\n", i, name)
		}
	}
	return b.Bytes()
}

// isAtom reports whether a keyword is one that IMAP can say (RFC 3501 §9).
func isAtom(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}

func (k keywords) index(name string) int {
	return slices.IndexFunc(k, func(have string) bool { return strings.EqualFold(have, name) })
}

// with adds the keywords among flags that have no letter yet, while there are letters.
func (k keywords) with(flags []string) keywords {
	out := slices.Clone(k)
	for _, f := range flags {
		if letterOf(f) != 0 || !isAtom(f) || out.index(f) >= 0 {
			continue
		}
		if free := slices.Index(out, ""); free >= 0 {
			out[free] = f
		} else if len(out) < maxKeywords {
			out = append(out, f)
		}
	}
	return out
}

func (k keywords) used() int {
	n := 0
	for _, name := range k {
		if name != "" {
			n++
		}
	}
	return n
}

func letterOf(flag string) byte {
	for _, s := range standard() {
		if strings.EqualFold(s.flag, flag) {
			return s.letter
		}
	}
	return 0
}

// letters writes flags as they stand in a name; what has no letter is left out.
func (k keywords) letters(flags []string) string {
	var out []byte
	for _, f := range flags {
		if l := letterOf(f); l != 0 {
			out = append(out, l)
		} else if i := k.index(f); i >= 0 {
			out = append(out, byte('a'+i))
		}
	}
	slices.Sort(out)
	return string(slices.Compact(out))
}

// flags reads letters. Letters without a meaning are none of ours: they are
// not shown, and kept when a name changes.
func (k keywords) flags(letters string) []string {
	var out []string
	for _, s := range standard() {
		if strings.IndexByte(letters, s.letter) >= 0 {
			out = append(out, s.flag)
		}
	}
	for i, name := range k {
		if name != "" && strings.IndexByte(letters, byte('a'+i)) >= 0 {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return out
}

// change adds or removes letters in a name's.
func change(old, letters string, add bool) string {
	var out []byte
	for _, c := range []byte(old) {
		if add || strings.IndexByte(letters, c) < 0 {
			out = append(out, c)
		}
	}
	if add {
		out = append(out, letters...)
	}
	slices.Sort(out)
	return string(slices.Compact(out))
}

// small reads a file beside the mail; one that is missing is empty.
func small(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSmallFile {
		return nil, fmt.Errorf("%s is not a file of the size it should have", name)
	}
	return root.ReadFile(name)
}
