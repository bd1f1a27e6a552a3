package diag

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Severity says whether the work can go on.
type Severity int

// Severities. An Error stops before anything is contacted or written.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "Warning"
	}
	return "Error"
}

// Pos is a place in a source file: 1-based line and column (columns count
// Unicode characters), 0-based byte offset.
type Pos struct{ Line, Column, Byte int }

// Range is a span of source, end exclusive.
type Range struct {
	File       string
	Start, End Pos
}

// IsZero reports whether the range points nowhere.
func (r Range) IsZero() bool { return r.File == "" }

func (r Range) String() string {
	if r.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s:%d,%d", r.File, r.Start.Line, r.Start.Column)
}

// Diagnostic is one thing to tell a person about their input.
type Diagnostic struct {
	Severity Severity
	// Summary is a short sentence without a final full stop.
	Summary string
	// Detail says why and what to do next, in full sentences.
	Detail string
	// Address names the object concerned, if there is one.
	Address string
	// Source is the code to blame; Snippet its lines, as they stand in the file.
	Source  Range
	Snippet string
}

func (d Diagnostic) String() string {
	var b strings.Builder
	if !d.Source.IsZero() {
		fmt.Fprintf(&b, "%s: ", d.Source)
	}
	fmt.Fprintf(&b, "%s: %s", strings.ToLower(d.Severity.String()), d.Summary)
	if d.Detail != "" {
		fmt.Fprintf(&b, "; %s", d.Detail)
	}
	return b.String()
}

// List is what was found so far. Append everywhere, look at every exit.
type List []Diagnostic

// HasErrors reports whether any diagnostic is an Error.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Errorf appends an error that has no place in the source.
func (l *List) Errorf(address, summary, detail string, args ...any) {
	*l = append(*l, Diagnostic{Severity: Error, Address: address, Summary: summary, Detail: fmt.Sprintf(detail, args...)})
}

// Warnf appends a warning that has no place in the source.
func (l *List) Warnf(address, summary, detail string, args ...any) {
	*l = append(*l, Diagnostic{Severity: Warning, Address: address, Summary: summary, Detail: fmt.Sprintf(detail, args...)})
}

// Sorted returns the list in the order of the source: file, then line, then
// severity; diagnostics without a place come last in their given order.
func (l List) Sorted() List {
	out := append(List(nil), l...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].Source, out[j].Source
		if a.IsZero() != b.IsZero() {
			return b.IsZero()
		}
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Start.Byte < b.Start.Byte
	})
	return out
}

// Err returns the errors of the list as one Go error, or nil.
func (l List) Err() error {
	var lines []error
	for _, d := range l {
		if d.Severity == Error {
			lines = append(lines, errors.New(d.String()))
		}
	}
	return errors.Join(lines...)
}
