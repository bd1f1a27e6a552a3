package folders

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// labelled marks the folders of a server whose folders are labels.
func labelled(names ...string) []Folder {
	out := list(names...)
	for i, f := range out {
		out[i].Rest, out[i].View = f.Use == `\All`, f.Use == `\Flagged` || f.Use == `\Important`
	}
	return out
}

// list reads "A/B" or "Sent \Sent".
func list(names ...string) []Folder {
	var out []Folder
	for _, n := range names {
		f := Folder{}
		if i := strings.LastIndex(n, ` \`); i > 0 {
			n, f.Use = n[:i], n[i+1:]
		}
		f.Path = split(n)
		out = append(out, f)
	}
	return out
}

func mapped(t *testing.T, source, target []Folder, h Habits, r Rules, known ...Known) map[string]string {
	t.Helper()
	rows, err := Map(source, target, h, r, known)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, row := range rows {
		to := Show(row.Target)
		if row.Target == nil {
			to = "–"
		}
		if row.Renamed {
			to += " (!)"
		}
		out[Show(row.Source)] = to
	}
	return out
}

func TestMap(t *testing.T) {
	cases := map[string]struct {
		source, target []Folder
		habits         Habits
		rules          Rules
		known          []Known
		want           map[string]string
	}{
		"plain names stay": {
			source: list("INBOX", "Clients", "Clients/Été"), target: list("INBOX"),
			want: map[string]string{"INBOX": "INBOX", "Clients": "Clients", "Clients/Été": "Clients/Été"},
		},
		"inbox is one whatever its spelling": {
			source: list("Inbox"), target: list("INBOX"), want: map[string]string{"Inbox": "INBOX"},
		},
		"special use goes to special use": {
			source: list("Envoyés \\Sent", "Éléments supprimés", "Brouillons", "Courrier indésirable"),
			target: list("Sent \\Sent", "Trash \\Trash", "Drafts \\Drafts", "Spam \\Junk"),
			want:   map[string]string{"Envoyés": "Sent", "Éléments supprimés": "Trash", "Brouillons": "Drafts", "Courrier indésirable": "Spam"},
		},
		"names are enough on both sides": {
			source: list("Gesendete Elemente", "Entwürfe", "Papierkorb", "Posta indesiderata"), target: list("Sent", "Drafts", "Trash", "Junk"),
			want: map[string]string{"Gesendete Elemente": "Sent", "Entwürfe": "Drafts", "Papierkorb": "Trash", "Posta indesiderata": "Junk"},
		},
		"a name in NFD is the same name": {
			source: list(norm.NFD.String("Éléments envoyés")), target: list("Sent \\Sent"),
			want: map[string]string{norm.NFD.String("Éléments envoyés"): "Sent"},
		},
		"two sent folders are never merged": {
			source: list("Sent", "Sent Items \\Sent"), target: list("Sent \\Sent"),
			want: map[string]string{"Sent Items": "Sent", "Sent": "Sent (2) (!)"},
		},
		"a user's folder below another is not special": {
			source: list("Projets/Sent"), target: list("Sent \\Sent"), want: map[string]string{"Projets/Sent": "Projets/Sent"},
		},
		"the source's INBOX prefix falls away": {
			source: list("INBOX", "INBOX/Clients", "INBOX/Sent"), target: list("INBOX", "Sent \\Sent", "Autre"),
			want: map[string]string{"INBOX": "INBOX", "INBOX/Clients": "Clients", "INBOX/Sent": "Sent"},
		},
		"the target's INBOX prefix is put in front": {
			source: list("INBOX", "Clients"), target: list("INBOX", "INBOX/Sent"), habits: Habits{Prefix: []string{"INBOX"}, Delim: '.'},
			want: map[string]string{"INBOX": "INBOX", "Clients": "INBOX/Clients"},
		},
		"children of INBOX stay there where both sides allow others": {
			source: list("INBOX", "INBOX/A", "B"), target: list("INBOX"), want: map[string]string{"INBOX": "INBOX", "INBOX/A": "INBOX/A", "B": "B"},
		},
		"the target's delimiter inside a name is replaced visibly": {
			source: list("v1.2", "a\\/b"), target: list("INBOX"), habits: Habits{Delim: '.'},
			want: map[string]string{"v1.2": "v1-2 (!)", "a\\/b": "a\\/b"},
		},
		"replacing never merges": {
			source: list("v1.2", "v1-2"), target: list("INBOX"), habits: Habits{Delim: '.'},
			want: map[string]string{"v1-2": "v1-2", "v1.2": "v1-2 (2) (!)"},
		},
		"names that differ in case only are kept apart": {
			source: list("Projets", "projets"), target: list("INBOX"), want: map[string]string{"Projets": "Projets", "projets": "projets (2) (!)"},
		},
		"names that differ in normalisation only are kept apart": {
			source: list(norm.NFC.String("été"), norm.NFD.String("été")), target: list("INBOX"),
			want: map[string]string{norm.NFC.String("été"): "été", norm.NFD.String("été"): "été (2) (!)"},
		},
		"blanks and controls": {
			source: list(" a ", "b\tc", "..", "100%"), target: list("INBOX"),
			want: map[string]string{" a ": "a (!)", "b\tc": "b_c (!)", "..": "_.. (!)", "100%": "100_ (!)"},
		},
		"too long and too deep": {
			source: list("abcdefghij", "a/b/c/d"), target: list("INBOX"), habits: Habits{MaxName: 8, MaxDepth: 3},
			want: map[string]string{"abcdefghij": "abcdefgh (!)", "a/b/c/d": "a/b/c-d (!)"},
		},
		"existing spelling is used": {
			source: list("clients"), target: list("Clients"), want: map[string]string{"clients": "Clients"},
		},
		"what was decided stays": {
			source: list("Sent"), target: list("Sent \\Sent"), known: []Known{{Source: []string{"Sent"}, Target: []string{"Old name"}}},
			want: map[string]string{"Sent": "Old name (!)"},
		},
		"a decided name is not given to another": {
			source: list("A", "B"), target: list("INBOX"), known: []Known{{Source: []string{"A"}, Target: []string{"B"}}},
			want: map[string]string{"A": "B (!)", "B": "B (2) (!)"},
		},
		"rules": {
			source: list("INBOX", "Old", "Old/Deep", "Newsletters/x", "Keep"), target: list("INBOX"),
			rules: Rules{Rename: []Rename{{"Old", "Archive/2026"}}, Exclude: []string{"Newsletters"}},
			want:  map[string]string{"INBOX": "INBOX", "Old": "Archive/2026", "Old/Deep": "Archive/2026/Deep", "Newsletters/x": "–", "Keep": "Keep"},
		},
		"include": {
			source: list("INBOX", "A", "A/B", "AB", "C"), target: list("INBOX"), rules: Rules{Include: []string{"inbox", "A/*"}},
			want: map[string]string{"INBOX": "INBOX", "A": "–", "A/B": "A/B", "AB": "–", "C": "–"},
		},
		"a prefix holds everything": {
			source: list("INBOX", "Sent \\Sent"), target: list("INBOX", "Sent \\Sent"), rules: Rules{Prefix: "Ancien/Alice"},
			want: map[string]string{"INBOX": "Ancien/Alice/INBOX", "Sent": "Ancien/Alice/Sent"},
		},
		"gmail": {
			source: list("INBOX", "[Gmail]/Messages envoyés \\Sent", "[Gmail]/Corbeille"), target: list("Sent", "Trash"),
			want: map[string]string{"INBOX": "INBOX", "[Gmail]/Messages envoyés": "Sent", "[Gmail]/Corbeille": "Trash"},
		},
		"all mail goes to the archive, and what shows marked mail nowhere": {
			source: labelled("INBOX", "[Gmail]/Tous les messages \\All", "[Gmail]/Suivis \\Flagged", "[Gmail]/Important \\Important"), target: list("INBOX", "Archives"),
			want: map[string]string{"INBOX": "INBOX", "[Gmail]/Tous les messages": "Archives", "[Gmail]/Suivis": "–", "[Gmail]/Important": "–"},
		},
		"all mail makes an archive": {
			source: labelled("[Gmail]/All Mail \\All"), target: list("INBOX", "INBOX.Sent"), habits: Habits{Delim: '.', Prefix: []string{"INBOX"}},
			want: map[string]string{"[Gmail]/All Mail": "INBOX/Archive"},
		},
		"a label may be called archive": {
			source: labelled("[Gmail]/All Mail \\All", "Archive"), target: list("INBOX", "Archive \\Archive"),
			want: map[string]string{"[Gmail]/All Mail": "[Gmail]/All Mail", "Archive": "Archive"},
		},
		"without all mail, marked mail is carried": {
			source: labelled("[Gmail]/All Mail \\All", "[Gmail]/Starred \\Flagged"), target: list("INBOX"), rules: Rules{Exclude: []string{"[Gmail]/All Mail"}},
			want: map[string]string{"[Gmail]/All Mail": "–", "[Gmail]/Starred": "[Gmail]/Starred"},
		},
		"a rule carries marked mail": {
			source: labelled("[Gmail]/All Mail \\All", "[Gmail]/Starred \\Flagged"), target: list("INBOX"), rules: Rules{Rename: []Rename{{"[Gmail]/Starred", "Suivis"}, {"[Gmail]/All Mail", "Tout"}}},
			want: map[string]string{"[Gmail]/All Mail": "Tout", "[Gmail]/Starred": "Suivis"},
		},
		"where folders are no labels, all mail is a folder like others": {
			source: list("All \\All", "Starred \\Flagged"), target: list("INBOX"), want: map[string]string{"All": "All", "Starred": "Starred"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, mapped(t, c.source, c.target, c.habits, c.rules, c.known...)); d != "" {
				t.Fatal(d)
			}
		})
	}
}

func TestEveryWellKnownNameHasOneUse(t *testing.T) {
	seen := map[string]string{}
	for _, use := range uses() {
		for _, n := range names(use) {
			if other := seen[fold(n)]; other != "" && other != use {
				t.Errorf("%q means %s and %s", n, other, use)
			}
			seen[fold(n)] = use
			if got := UseOf([]string{n}, ""); got != use {
				t.Errorf("%q is %q, want %q", n, got, use)
			}
		}
	}
}

func TestRulesThatCannotBeReadAreAnError(t *testing.T) {
	for _, r := range []Rules{{Rename: []Rename{{From: "A"}}}, {Exclude: []string{""}}, {Include: []string{""}}} {
		if _, err := Map(list("A"), nil, Habits{}, r, nil); err == nil {
			t.Errorf("%+v was accepted", r)
		}
	}
}

// FuzzMap: never two sources in one target, never a component the target
// would refuse, and the same answer when asked again with what it decided.
func FuzzMap(f *testing.F) {
	f.Add("INBOX\nA.b\na/B\nÉté", byte('.'), 10)
	f.Add("Sent\nSent Items\nsent", byte('/'), 0)
	f.Add("\xff\n\x00\n..\n ", byte('/'), 3)
	f.Fuzz(func(t *testing.T, text string, delim byte, limit int) {
		var source []Folder
		seen := map[string]bool{}
		for _, line := range strings.Split(text, "\n") {
			if p := split(line); !seen[exactKey(p)] {
				seen[exactKey(p)] = true
				source = append(source, Folder{Path: p})
			}
		}
		h := Habits{Delim: rune(delim), MaxName: limit % 64}
		if h.MaxName < 8 {
			h.MaxName = 0
		}
		rows, err := Map(source, nil, h, Rules{}, nil)
		if err != nil || len(rows) != len(source) {
			t.Fatalf("%d rows for %d folders, %v", len(rows), len(source), err)
		}
		targets := map[string]bool{}
		var known []Known
		for _, r := range rows {
			if targets[Key(r.Target)] {
				t.Fatalf("two folders go to %q", r.Target)
			}
			targets[Key(r.Target)] = true
			known = append(known, Known{r.Source, r.Target})
			for _, part := range r.Target {
				if part == "" || !utf8.ValidString(part) || (h.MaxName > 0 && len(part) > h.MaxName) {
					t.Fatalf("component %q of %q", part, r.Target)
				}
			}
		}
		again, err := Map(source, nil, h, Rules{}, known)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range again {
			if !slices.Equal(r.Target, rows[i].Target) {
				t.Fatalf("%q went to %q, then to %q", r.Source, rows[i].Target, r.Target)
			}
		}
	})
}
