package view_test

import (
	"bytes"
	"strings"
	"testing"

	"bascule/internal/diag"
	"bascule/internal/view"
)

func at(file string, line, column, endLine, endColumn int) diag.Range {
	return diag.Range{File: file, Start: diag.Pos{Line: line, Column: column, Byte: line * 100}, End: diag.Pos{Line: endLine, Column: endColumn, Byte: endLine * 100}}
}

func findings() diag.List {
	long := `  mx_from = [` + strings.Repeat(`"10 mx.old-host.example.", `, 8) + `"oops"]`
	return diag.List{
		{Severity: diag.Warning, Summary: "No window is configured", Detail: "The MX may move at any time.", Address: "migration.main"},
		{Severity: diag.Error, Summary: "Unknown attribute", Detail: "A mailbox has no attribute \"emial\". Did you mean \"email\"?\n\nAttributes of a mailbox:\n  email, aliases, source, target", Address: `mailbox.team["alice"]`, Source: at("mail.hcl", 12, 3, 12, 8), Snippet: `  emial = "alice@example.ch"`},
		{Severity: diag.Error, Summary: "Tabs and wide characters", Source: at("mail.hcl", 99, 2, 99, 5), Snippet: "\t経理部 = \"x\""},
		{Severity: diag.Error, Summary: "A line that is too long", Detail: "Values are MX in presentation form.", Source: at("mail.hcl", 3, 230, 3, 236), Snippet: long},
		{Severity: diag.Error, Summary: "Several lines " + hostile, Detail: hostile, Source: at("a"+hostile+".hcl", 9, 10, 11, 4), Snippet: "domain \"main\" {\n  name = \"example.ch\x1b[2J\"\n  }"},
		{Severity: diag.Error, Summary: "No snippet, since the line may hold a secret", Source: at("mail.hcl", 40, 1, 40, 9)},
		{Severity: diag.Warning, Summary: "Accents", Source: at("mail.hcl", 41, 9, 41, 14), Snippet: "  nom = \"éte\u0301s\""},
		{Severity: diag.Error, Summary: "A place behind the end of the line", Source: at("mail.hcl", 42, 8, 42, 8), Snippet: "locals {"},
	}
}

func TestDiagnostics(t *testing.T) {
	golden(t, "diagnostics", func(b *bytes.Buffer, s view.Style) error { return view.Diagnostics(b, findings(), s) })
	golden(t, "diagnostics_warning", func(b *bytes.Buffer, s view.Style) error { return view.Diagnostics(b, findings()[:1], s) })
}

func TestNoDiagnosticsWriteNothing(t *testing.T) {
	var b bytes.Buffer
	if err := view.Diagnostics(&b, nil, style(80, false)); err != nil || b.Len() > 0 {
		t.Errorf("%v %q", err, b.String())
	}
}

// FuzzDiagnostics: whatever the source and the range, the box is harmless and narrow.
func FuzzDiagnostics(f *testing.F) {
	f.Add("  emial = 1", "why", 1, 3, 1, 8)
	f.Add("\t\x1b[2J\u202e経", "l1\nl2", 5, 0, 2, 900)
	f.Fuzz(func(t *testing.T, snippet, detail string, l1, c1, l2, c2 int) {
		d := diag.List{{Summary: detail, Detail: detail, Snippet: snippet, Source: at("x", l1%1000, c1%1000, l2%1000, c2%1000)}}
		var b bytes.Buffer
		if err := view.Diagnostics(&b, d, style(60, false)); err != nil {
			t.Fatal(err)
		}
		harmless(t, b.String(), false)
		narrow(t, b.String(), 60)
	})
}
