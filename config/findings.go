package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"bascule/internal/diag"
	"bascule/migration"
)

// maxFindings bounds what one evaluation may say: a mistake in a generated
// file must not fill a terminal, or the memory.
const maxFindings = 500

// snippetLines bounds how much source a diagnostic quotes.
const snippetLines = 4

// findings gathers diagnostics, each once, with the source they blame.
type findings struct {
	sources map[string][]byte
	list    diag.List
	seen    map[string]bool
}

func newFindings(sources map[string][]byte) *findings {
	return &findings{sources: sources, seen: map[string]bool{}}
}

func (f *findings) add(d diag.Diagnostic) {
	// Details are no part of the key: every instance of a for_each says the
	// same about the same line, with another key.
	key := d.Source.String() + "\x00" + d.Summary
	if d.Source.IsZero() {
		key += "\x00" + d.Address + "\x00" + d.Detail
	}
	if f.seen[key] || len(f.list) >= maxFindings {
		return
	}
	f.seen[key] = true
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
		f.at(sev, rng, addr, strings.TrimSuffix(d.Summary, "."), d.Detail)
	}
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
			out = append(out, strings.TrimSuffix(string(line), "\r"))
		}
		src = rest
	}
	return strings.Join(out, "\n")
}
