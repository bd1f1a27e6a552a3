package archtest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the texts of the module by path, "docs/method.md".
func documents(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return skipOr(err)
		}
		if d.IsDir() || !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(root, name)
		all[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func skipOr(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// linksOf are the files that a document leads to, relative to the module.
func linksOf(name, text string) []string {
	var out []string
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		to, _, _ := strings.Cut(m[1], "#")
		if to != "" && !strings.Contains(to, "://") {
			out = append(out, path.Join(path.Dir(name), to))
		}
	}
	return out
}

// lost are the links of documents that lead nowhere.
func lost(docs map[string]string, exists func(string) bool) []broken {
	var out []broken
	for name, text := range docs {
		for _, to := range linksOf(name, text) {
			if !exists(to) {
				out = append(out, broken{name, "leads to " + to + ", which is not there", "a reader follows links"})
			}
		}
	}
	return out
}

// orphans are documents below docs that no other document leads to.
func orphans(docs map[string]string) []broken {
	found := map[string]bool{"docs/README.md": true}
	for name, text := range docs {
		for _, to := range linksOf(name, text) {
			if to != name {
				found[to] = true
			}
		}
	}
	var out []broken
	for name := range docs {
		if strings.HasPrefix(name, "docs/") && !found[name] {
			out = append(out, broken{name, "is linked from nowhere", "what nobody finds nobody reads: list it in the README of its folder"})
		}
	}
	return out
}

var decision = regexp.MustCompile(`^docs/decisions/(\d{4})-[a-z0-9-]+\.md$`)

// misnumbered are decisions whose number is taken, or not in their heading.
func misnumbered(docs map[string]string) []broken {
	taken := map[string]string{}
	var out []broken
	for _, name := range sortedKeys(docs) {
		m := decision.FindStringSubmatch(name)
		switch {
		case m == nil:
			continue
		case taken[m[1]] != "":
			out = append(out, broken{name, "has the number of " + taken[m[1]], "others refer to decisions by number"})
		case !strings.HasPrefix(docs[name], "# "+m[1]+" — "):
			out = append(out, broken{name, "must begin with \"# " + m[1] + " — \"", "others refer to decisions by number"})
		}
		taken[m[1]] = name
	}
	return out
}

func sortedKeys(docs map[string]string) []string {
	var names []string
	for name := range docs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestDocumentsLeadSomewhereAndAreFound(t *testing.T) {
	docs := documents(t)
	if len(docs) < 10 {
		t.Fatalf("only %d documents found", len(docs))
	}
	tell(t, lost(docs, func(name string) bool {
		_, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(name)))
		return err == nil
	}))
	tell(t, orphans(docs))
	tell(t, misnumbered(docs))
}

func TestDocumentRulesRefuse(t *testing.T) {
	docs := map[string]string{
		"README.md":                "see [a](docs/a.md#part), [b](docs/gone.md), [c](https://example.ch/x.md), [d](#here)",
		"docs/README.md":           "the [decisions](decisions/0001-x.md), [one](decisions/0001-y.md), [two](decisions/0002-z.md)",
		"docs/a.md":                "[itself](a.md)",
		"docs/b.md":                "[itself](b.md)",
		"docs/decisions/0001-x.md": "# 0001 — X",
		"docs/decisions/0001-y.md": "# 0001 — Y",
		"docs/decisions/0002-z.md": "# 3 — Z",
	}
	for name, c := range map[string]struct {
		got  []broken
		want []string
	}{
		"links":   {lost(docs, func(name string) bool { return docs[name] != "" }), []string{"README.md leads to docs/gone.md, which is not there"}},
		"orphans": {orphans(docs), []string{"docs/b.md is linked from nowhere"}},
		"numbers": {misnumbered(docs), []string{"docs/decisions/0001-y.md has the number of docs/decisions/0001-x.md", "docs/decisions/0002-z.md must begin with \"# 0002 — \""}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, b := range c.got {
				got = append(got, b.Where+" "+b.What)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
