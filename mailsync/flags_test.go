package mailsync

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsAMessageIsSentWith(t *testing.T) {
	noBracket := func(f string) bool { return !strings.Contains(f, "]") }
	flags := []string{`\Seen`, "Work", "[tag]"}
	tests := []struct {
		name          string
		accepts       Accepts
		keep, refused []string
	}{
		{"a server that keeps any", Accepts{Flags: []string{`\Seen`}, NewKeywords: true}, flags, nil},
		{"no new keywords", Accepts{Flags: []string{`\Seen`}}, []string{`\Seen`}, []string{"Work", "[tag]"}},
		{"a keyword that no command can carry", Accepts{Flags: []string{`\Seen`}, NewKeywords: true, Writes: noBracket}, []string{`\Seen`, "Work"}, []string{"[tag]"}},
		{"even where the server shows it", Accepts{Flags: flags, Writes: noBracket}, []string{`\Seen`, "Work"}, []string{"[tag]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keep, refused := permitted(flags, tt.accepts)
			if d := cmp.Diff([][]string{tt.keep, tt.refused}, [][]string{keep, refused}); d != "" {
				t.Error(d)
			}
		})
	}
}
