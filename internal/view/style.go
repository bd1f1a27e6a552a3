package view

import (
	"strconv"
	"time"
)

// Style says how to render.
type Style struct {
	// Color paints with the sequences of ECMA-48 §8.3.117 (SGR).
	Color bool
	// Live allows a Terminal to redraw lines it has written.
	Live bool
	// Width of the output in cells; 0 means 80.
	Width int
	// Quiet leaves out reasons, the way back, notes and the forecast; never
	// what is irreversible, in conflict, blocked or accepted.
	Quiet bool
	// Zone is where people read times; nil means UTC.
	Zone *time.Location
	// Now is what ages are measured against; zero leaves them out.
	Now time.Time
}

// Widths a Style may have: below the first nothing can be laid out, beyond the
// second no eye finds the next line.
const (
	defaultWidth = 80
	minWidth     = 40
	maxWidth     = 160
)

// Detect decides how to render from what the caller knows: environment
// variables, whether the output is a terminal, and its width (0 if unknown).
//
// NO_COLOR, if not empty, wins over everything. A terminal is painted and
// redrawn unless it is dumb or CI is set; what is not a terminal never is.
func Detect(env func(string) (string, bool), isTTY bool, width int) Style {
	set := func(name string) bool { v, ok := env(name); return ok && v != "" }
	is := func(name, value string) bool { v, ok := env(name); return ok && v == value }
	ci := set("CI") && !is("CI", "false")
	live := isTTY && !ci && !is("TERM", "dumb")
	if columns, ok := env("COLUMNS"); ok && width <= 0 {
		width, _ = strconv.Atoi(columns)
	}
	return Style{Color: live && !set("NO_COLOR"), Live: live, Width: width}
}

// cells is the width to lay out for.
func (s Style) cells() int {
	if s.Width <= 0 {
		return defaultWidth
	}
	return max(minWidth, min(s.Width, maxWidth))
}

func (s Style) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}
