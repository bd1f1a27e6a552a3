package main

import (
	"context"
	"errors"
	"fmt"

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
	case errors.Is(err, state.ErrCorrupt):
		return "Nothing was done. bascule state history lists the versions kept; bascule state restore SERIAL makes one of them the present state."
	case errors.Is(err, state.ErrNewer):
		return "Nothing was done. Use the version of bascule that wrote it, or a later one."
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

// problem is an error as a diagnostic.
func problem(err error) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Summary: err.Error(), Detail: nextMove(err)}
}
