package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/export"
)

// documented reads docs/json-output.md: which fields each event of copy has.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/json-output.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(copy_[a-z]+)` \\|([^|]*)\\|")
	field := regexp.MustCompile("`([a-z0-9_]+)`")
	out := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		out[m[1]] = []string{}
		for _, f := range field.FindAllStringSubmatch(m[2], -1) {
			out[m[1]] = append(out[m[1]], f[1])
		}
	}
	return out
}

// everyCopyEvent makes a copy tell everything it can tell.
func everyCopyEvent(t *testing.T) []string {
	t.Helper()
	var out bytes.Buffer
	p := program(&out)
	p.Clock = clock.NewVirtual(time.Date(2027, 3, 6, 8, 0, 0, 0, time.UTC))
	x := &copying{cli: &cli{process: p}, f: copyFlags{json: true}, from: place{kind: maildirPlace, path: "old"}}
	x.report = x.copyReporter()
	x.progress(mailsync.Event{Kind: "failure", Folder: []string{"INBOX"}, Text: "no"})
	x.progress(mailsync.Event{Kind: "reconnect", Text: "lost"})
	failed := []mailsync.Failure{{Folder: []string{"INBOX"}, UID: 4, Text: "no"}}
	report := mailsync.Report{Failures: failed, Held: failed, Refusal: "too many", Spared: 30, SparedFirst: failed, Warnings: []string{"odd"}}
	x.concludeJSON(report, &mailsync.Verification{Differences: []mailsync.Difference{{Kind: mailsync.Missing, UID: 3}}}, []export.Entry{{Name: "INBOX 1/2"}})
	listing := mailsync.Listing{Folders: []mailsync.Folder{{Path: []string{"INBOX"}, Selectable: true, Delim: '/'}}}
	rows, err := mapped(listing, listing, x.rules(), nil)
	if err != nil {
		t.Fatal(err)
	}
	x.dryRunJSON(rows, map[string]int{}, map[string]int{})
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

// TestEveryEventOfCopyIsDocumented fails for an event or a field that
// docs/json-output.md does not know, and for one that it promises in vain.
func TestEveryEventOfCopyIsDocumented(t *testing.T) {
	known := documented(t)
	told := map[string]bool{}
	for _, line := range everyCopyEvent(t) {
		var m struct {
			Type   string            `json:"type"`
			Fields map[string]string `json:"fields"`
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if !strings.HasPrefix(m.Type, "copy_") {
			continue
		}
		fields, ok := known[m.Type]
		if !ok {
			t.Errorf("the event %s is not documented", m.Type)
		}
		told[m.Type] = true
		for name := range m.Fields {
			if !slices.Contains(fields, name) {
				t.Errorf("the field %s of %s is not documented", name, m.Type)
			}
		}
		for _, name := range fields {
			if _, ok := m.Fields[name]; !ok {
				t.Errorf("%s is documented with a field %s that it has not", m.Type, name)
			}
		}
	}
	for name := range known {
		if !told[name] {
			t.Errorf("the event %s is documented, and never told", name)
		}
	}
}
