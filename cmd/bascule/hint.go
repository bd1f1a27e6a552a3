package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"bascule/internal/diag"
	"bascule/state"
)

// hinted is an error together with the next move of the person who reads it:
// what went wrong is one thing, what to do about it another, and the second is
// a sentence.
type hinted struct {
	err  error
	next string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// hint adds the next move to an error.
func hint(err error, next string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(next, args...)}
}

// nextMove is what a person can do about an error, "" where nothing is known.
func nextMove(err error) string {
	var h *hinted
	var locked *state.LockedError
	switch {
	case errors.As(err, &h):
		return h.next
	case errors.As(err, &locked):
		return fmt.Sprintf("Wait until it is done. If that run is certainly dead: bascule state unlock %s", locked.Holder.ID)
	case errors.Is(err, state.ErrNoState):
		return "Run bascule init first; it creates the lineage, once."
	case errors.Is(err, context.DeadlineExceeded):
		return "Nothing more was tried. Run the command again; what was done is on record."
	}
	return ""
}

// errNoState asks for `bascule init`.
func errNoState() error {
	return hint(errors.New("there is no state yet"), "Run bascule init first; it creates the lineage, once.")
}

// problem is an error as a diagnostic. Long errors say first what went wrong
// and then, after semicolons, what that means: only the first is the summary.
func problem(err error) diag.Diagnostic {
	summary, more, _ := strings.Cut(err.Error(), "; ")
	if next := nextMove(err); next != "" {
		more = strings.TrimSpace(sentences(more) + "\n" + next)
	} else {
		more = sentences(more)
	}
	return diag.Diagnostic{Severity: diag.Error, Summary: summary, Detail: more}
}

// sentences makes sentences of clauses, one a line.
func sentences(clauses string) string {
	var out []string
	for _, c := range strings.Split(clauses, "; ") {
		if c == "" {
			continue
		}
		first, size := utf8.DecodeRuneInString(c)
		c = string(unicode.ToUpper(first)) + c[size:]
		if !strings.HasSuffix(c, ".") {
			c += "."
		}
		out = append(out, c)
	}
	return strings.Join(out, "\n")
}
