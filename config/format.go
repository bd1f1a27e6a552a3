package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"bascule/internal/diag"
)

// Format returns a file in canonical layout: spaces only, never lines. Text
// that does not parse is returned as it is, with what is wrong.
func Format(src []byte) ([]byte, diag.List) {
	return formatFile("configuration", src)
}

func formatFile(name string, src []byte) ([]byte, diag.List) {
	f := newFindings(map[string][]byte{name: src})
	_, diags := parseText(name, src)
	f.fromParser(diags)
	if f.list.HasErrors() {
		return src, f.list.Sorted()
	}
	return hclwrite.Format(src), f.list.Sorted()
}

// Formatted is a file before and after.
type Formatted struct {
	Name          string
	Before, After []byte
}

// Changed reports whether the layout was not canonical.
func (f Formatted) Changed() bool { return !bytes.Equal(f.Before, f.After) }

// Diff shows the lines that change, "" when none does.
func (f Formatted) Diff() string {
	if !f.Changed() {
		return ""
	}
	before, after := strings.SplitAfter(string(f.Before), "\n"), strings.SplitAfter(string(f.After), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", f.Name, f.Name)
	if len(before) != len(after) {
		hunk(&b, 1, before, after)
		return b.String()
	}
	for i := 0; i < len(before); i++ {
		first := i
		for i < len(before) && before[i] != after[i] {
			i++
		}
		if i > first {
			hunk(&b, first+1, before[first:i], after[first:i])
		}
	}
	return b.String()
}

func hunk(b *strings.Builder, line int, before, after []string) {
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", line, len(before), line, len(after))
	for _, l := range before {
		b.WriteString("-" + strings.TrimSuffix(l, "\n") + "\n")
	}
	for _, l := range after {
		b.WriteString("+" + strings.TrimSuffix(l, "\n") + "\n")
	}
}

// FormatDir formats every *.hcl file of a directory, tests and files of
// variables included. A file that does not parse is left out, and reported.
func FormatDir(fsys fs.FS) ([]Formatted, diag.List) {
	names, err := hclFiles(fsys, func(name string) bool {
		return strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".")
	})
	var list diag.List
	if err != nil {
		list.Errorf("", "Files cannot be listed", "%s.", err)
		return nil, list
	}
	var out []Formatted
	for _, name := range names {
		src, err := readLimited(fsys, name)
		if err != nil {
			list.Errorf("", "File cannot be read", "%s.", err)
			continue
		}
		after, found := formatFile(name, src)
		list = append(list, found...)
		if !found.HasErrors() {
			out = append(out, Formatted{Name: name, Before: src, After: after})
		}
	}
	return out, list
}
