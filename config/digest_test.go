package config

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const digestBase = `
variable "token" {
  default   = "one"
  sensitive = true
}
source "imap" "old" {
  host = "mail.old-host.example"
}
target "imap" "new" {
  host = "mail.new-host.example"
}
source "imap" "another" {
  host = "imap.another.example"
}
target "imap" "another" {
  host = "imap.another-new.example"
}
ignore "b" {
  addresses = ["b@example.ch"]
  reason    = "gone"
}
ignore "a" {
  addresses = ["a@example.ch"]
  reason    = "gone"
}
locals {
  people = { for row in csvdecode(file("people.csv")) : row.name => row }
}
mailbox "people" {
  for_each = local.people
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = var.token
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW")
  }
}
`

func digestOf(t *testing.T, files map[string]string, vars map[string]string) string {
	t.Helper()
	fsys := fstest.MapFS{"people.csv": {Data: []byte("name\nalice\n")}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	opts := testOptions()
	opts.Vars = vars
	return mustLoad(t, fsys, opts).Desired().Digest
}

func TestDigestIsStableUnderLayout(t *testing.T) {
	want := digestOf(t, map[string]string{"main.hcl": digestBase}, nil)
	blocks := strings.SplitAfter(digestBase, "\n}\n")
	reversed := ""
	for _, b := range blocks {
		reversed = b + reversed
	}
	half := strings.Index(digestBase, "locals")
	for name, files := range map[string]map[string]string{
		"comments":            {"main.hcl": "# hello\n" + strings.ReplaceAll(digestBase, "{\n", "{ # why\n")},
		"spaces":              {"main.hcl": strings.ReplaceAll(digestBase, " = ", "   =   ")},
		"order of blocks":     {"main.hcl": reversed},
		"several files":       {"z.hcl": digestBase[:half], "a.hcl": digestBase[half:]},
		"an unused variable":  {"main.hcl": digestBase + "variable \"x\" {\n default = 1\n}\n"},
		"the same, by locals": {"main.hcl": strings.Replace(digestBase, `"env:NEW"`, `join(":", ["env", "NEW"])`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := digestOf(t, files, nil); got != want {
				t.Error("the digest changed, the meaning did not")
			}
		})
	}
	if got := digestOf(t, map[string]string{"main.hcl": digestBase}, map[string]string{"token": "two"}); got != want {
		t.Error("the digest depends on a sensitive value")
	}
}

func TestDigestFollowsTheMeaning(t *testing.T) {
	seen := map[string]string{digestOf(t, map[string]string{"main.hcl": digestBase}, nil): "the base"}
	for name, files := range map[string]map[string]string{
		"another host":     {"main.hcl": strings.Replace(digestBase, "mail.new-host", "imap.new-host", 1)},
		"another locator":  {"main.hcl": strings.Replace(digestBase, "env:NEW", "env:NEWER", 1)},
		"content of files": {"main.hcl": digestBase, "people.csv": "name\nalice\nbob\n"},
		"a gate":           {"main.hcl": digestBase + "migration \"m\" {\n double_reception {\n soak = \"96h\"\n }\n}\n"},
		"a timezone":       {"main.hcl": digestBase + "migration \"m\" {\n timezone = \"Europe/Zurich\"\n}\n"},
		"an output":        {"main.hcl": digestBase + "output \"x\" {\n value = 1\n}\n"},
		"another name":     {"main.hcl": strings.Replace(digestBase, `mailbox "people"`, `mailbox "persons"`, 1)},
	} {
		got := digestOf(t, files, nil)
		if other, same := seen[got]; same {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[got] = name
	}
}

func TestNoSensitiveValueLeavesTheConfiguration(t *testing.T) {
	src, err := os.ReadFile("testdata/valid/everything.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(src), "not shown") {
		t.Error("a sensitive value is in Desired")
	}
	c := mustLoad(t, caseFS(t, "testdata/valid/everything.hcl"), testOptions())
	if got := c.SensitiveValues()[`passwords["dora"]`]; got.Reveal() != "not shown" {
		t.Error("the locator of a sensitive variable has no value")
	}
	if got := len(c.Secrets()); got != 4 {
		t.Errorf("%d secrets, 4 are named: %v", got, c.Secrets())
	}
	if b := c.Backend(); b.Type != "local" || b.Path != "states/example.json" {
		t.Errorf("backend %+v", b)
	}
}
