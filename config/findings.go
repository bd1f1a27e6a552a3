package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"bascule/internal/diag"
	"bascule/migration"
)

// maxFindings bounds what one evaluation may say: a mistake in a generated
// file must not fill a terminal, or the memory.
const maxFindings = 500

// maxSame bounds what is said of one place under one summary.
const maxSame = 8

// snippetLines bounds how much source a diagnostic quotes.
const snippetLines = 4

// snippetWidth bounds each line of it, in characters.
const snippetWidth = 200

// findings gathers diagnostics, each once, with the source they blame.
type findings struct {
	sources map[string][]byte
	list    diag.List
	seen    map[string]bool
	// same counts what was said of one place in the same words.
	same map[string]int
	// total counts errors and warnings apart: many warnings never hide an error.
	total map[diag.Severity]int
}

func newFindings(sources map[string][]byte) *findings {
	return &findings{sources: sources, seen: map[string]bool{}, same: map[string]int{}, total: map[diag.Severity]int{}}
}

func (f *findings) add(d diag.Diagnostic) {
	// Every instance of a for_each may say the same about the same line, with
	// another key: a few are enough.
	spot := d.Severity.String() + d.Source.String() + "\x00" + d.Summary
	key := spot + "\x00" + d.Detail
	if d.Source.IsZero() {
		spot, key = d.Address+spot, d.Address+key
	}
	if f.seen[key] || f.same[spot] >= maxSame || f.total[d.Severity] >= maxFindings {
		return
	}
	f.seen[key] = true
	f.same[spot]++
	f.total[d.Severity]++
	f.list = append(f.list, d)
}

func (f *findings) errorAt(rng hcl.Range, addr migration.Address, summary, detail string, args ...any) {
	f.at(diag.Error, rng, addr, summary, fmt.Sprintf(detail, args...))
}

func (f *findings) warnAt(rng hcl.Range, addr migration.Address, summary, detail string, args ...any) {
	f.at(diag.Warning, rng, addr, summary, fmt.Sprintf(detail, args...))
}

// errorHiding is errorAt for a line that may hold a secret: nothing is quoted.
func (f *findings) errorHiding(rng hcl.Range, addr migration.Address, summary, detail string, args ...any) {
	f.add(diag.Diagnostic{
		Severity: diag.Error, Summary: summary, Detail: fmt.Sprintf(detail, args...),
		Address: string(addr), Source: toRange(rng),
	})
}

func (f *findings) at(sev diag.Severity, rng hcl.Range, addr migration.Address, summary, detail string) {
	f.add(diag.Diagnostic{
		Severity: sev, Summary: summary, Detail: detail, Address: string(addr),
		Source: toRange(rng), Snippet: f.snippet(rng),
	})
}

// fromHCL takes over what the parser or an expression said.
func (f *findings) fromHCL(diags hcl.Diagnostics, addr migration.Address) {
	for _, d := range diags {
		var rng hcl.Range
		if d.Subject != nil {
			rng = *d.Subject
		}
		sev := diag.Error
		if d.Severity == hcl.DiagWarning {
			sev = diag.Warning
		}
		summary, detail := reworded(d)
		f.at(sev, rng, addr, summary, detail)
	}
}

// reworded says what our own types mean where HCL can only name them.
func reworded(d *hcl.Diagnostic) (summary, detail string) {
	if strings.Contains(d.Detail, "have secret") || strings.Contains(d.Detail, errSecretArgument.Error()) {
		return "A secret cannot be computed with", "secret(…) only says where a secret lies; it is read at the moment of use. Give it whole to an attribute that takes one, choose between secrets with a conditional, or build the locator instead: secret(\"env:OLD_${upper(each.key)}\")."
	}
	return strings.TrimSuffix(d.Summary, "."), d.Detail
}

// fromParser is fromHCL for the errors of one file. After an unfinished text
// the scanner complains about every line end that follows; the first is enough.
func (f *findings) fromParser(diags hcl.Diagnostics) {
	told := false
	for _, d := range diags {
		unfinished := d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string"
		if unfinished && told {
			continue
		}
		told = told || unfinished
		f.fromHCL(hcl.Diagnostics{d}, "")
	}
}

func clipped(line string) string {
	runes := []rune(line)
	if len(runes) <= snippetWidth {
		return line
	}
	return string(runes[:snippetWidth]) + "…"
}

// sentence gives a text its capital letter.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

func toRange(r hcl.Range) diag.Range {
	return diag.Range{
		File:  r.Filename,
		Start: diag.Pos{Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte},
		End:   diag.Pos{Line: r.End.Line, Column: r.End.Column, Byte: r.End.Byte},
	}
}

// snippet returns the lines a range covers, as they stand in the file.
func (f *findings) snippet(r hcl.Range) string {
	src, ok := f.sources[r.Filename]
	if !ok || r.Start.Line < 1 {
		return ""
	}
	last := min(max(r.End.Line, r.Start.Line), r.Start.Line+snippetLines-1)
	if r.End.Column == 1 && r.End.Line > r.Start.Line {
		last = min(last, r.End.Line-1)
	}
	var out []string
	for n := 1; len(src) > 0 && n <= last; n++ {
		line, rest, _ := bytes.Cut(src, []byte("\n"))
		if n >= r.Start.Line {
			out = append(out, clipped(strings.TrimSuffix(string(line), "\r")))
		}
		src = rest
	}
	return strings.Join(out, "\n")
}
