package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// goal is a ratio or a size that the engine is to stay within.
type goal struct {
	what string
	// limit is the most, or the least where least is set.
	limit float64
	least bool
	unit  string
	// in says where it is measured; of computes it from the rows there.
	in place
	of func(t tables, in place) (float64, bool)
}

// tables are the rows of every place.
type tables map[place][]row

func at(corpus string, rtt time.Duration, phase string) place {
	return place{corpus: corpus, rtt: rtt, phase: phase}
}

func goals() []goal {
	var out []goal
	for _, c := range []string{"S", "T"} {
		out = append(out,
			goal{"initial copy, times the ceiling", 1.15, false, "×", at(c, near, initial), overRaw},
			goal{"initial copy, ahead of every peer: times the best", 1, false, "×", at(c, near, initial), overPeer})
	}
	for _, c := range []struct {
		name  string
		ahead float64
	}{{"S2", 3.5}, {"T", 3.5}, {"M", 1.5}} {
		out = append(out,
			goal{"initial copy, times the ceiling", 1.25, false, "×", at(c.name, far, initial), overRaw},
			goal{"initial copy, times faster than the best peer", c.ahead, true, "×", at(c.name, far, initial), ahead},
			goal{"nothing to do, times the best peer", 0.3, false, "×", at(c.name, far, noop), overPeer})
	}
	for _, c := range []string{"S2", "T"} {
		out = append(out, goal{"1 % changed, times the best peer", 0.33, false, "×", at(c, far, changed), overPeer})
	}
	for _, c := range []string{"S", "L"} {
		out = append(out, goal{"peak memory", 64, false, "MiB", at(c, near, initial), peakMemory})
	}
	out = append(out,
		goal{"ledger file", 200e6 / (1 << 20), false, "MiB", at("million", near, initial), keptSize},
		goal{"peak memory", 128, false, "MiB", at("million", near, initial), peakMemory},
		goal{"nothing to do", 2, false, "s", at("million", near, noop), seconds},
		goal{"linear: time of a message, times that of one in 250k", 1.25, false, "×", at("million", near, initial), linear})
	for _, in := range []place{at("S", near, initial), at("T", near, initial), at("S2", far, initial), at("T", far, initial), at("M", far, initial)} {
		out = append(out, goal{"the ceiling is honest: speed of raw, times the other", 0.95, true, "×", in, honest})
	}
	return out
}

func (t tables) engine(in place) (row, bool) {
	for _, r := range t[in] {
		if r.program == "engine" && r.n > 0 {
			return r, true
		}
	}
	return row{}, false
}

// over divides the engine's wall time by the best of others.
func (t tables) over(in place, which func(string) bool) (float64, bool) {
	r, ok := t.engine(in)
	other := best(t[in], which)
	if !ok || other == 0 {
		return 0, false
	}
	return r.wall.Seconds() / other.Seconds(), true
}

func overRaw(t tables, in place) (float64, bool)  { return t.over(in, isRaw) }
func overPeer(t tables, in place) (float64, bool) { return t.over(in, isPeer) }

func ahead(t tables, in place) (float64, bool) {
	x, ok := t.over(in, isPeer)
	if !ok {
		return 0, false
	}
	return 1 / x, true
}

func peakMemory(t tables, in place) (float64, bool) {
	r, ok := t.engine(in)
	return r.peak, ok
}

func keptSize(t tables, in place) (float64, bool) {
	r, ok := t.engine(in)
	return r.kept, ok
}

func seconds(t tables, in place) (float64, bool) {
	r, ok := t.engine(in)
	return r.wall.Seconds(), ok
}

// linear compares a million with a quarter of it.
func linear(t tables, in place) (float64, bool) {
	quarter := in
	quarter.corpus = "250k"
	all, ok := t.engine(in)
	part, found := t.engine(quarter)
	if !ok || !found {
		return 0, false
	}
	return all.wall.Seconds() / (4 * part.wall.Seconds()), true
}

// honest compares our ceiling with other programs that only stream.
func honest(t tables, in place) (float64, bool) {
	ours, others := best(t[in], isRaw), best(t[in], isOtherRaw)
	if ours == 0 || others == 0 {
		return 0, false
	}
	return others.Seconds() / ours.Seconds(), true
}

// writeGoals says of each goal what was measured, and whether that is within it.
func writeGoals(w io.Writer, results []result) {
	t := tables{}
	for in, rs := range grouped(results) {
		t[in] = rowsOf(rs)
	}
	fmt.Fprintf(w, "\n## Goals\n\n| goal | in | asked | measured | |\n|---|---|---|---|---|\n")
	for _, g := range goals() {
		value, ok := g.of(t, g.in)
		sign, measured, verdict := "≤", "", "not measured"
		if g.least {
			sign = "≥"
		}
		if ok {
			measured, verdict = number(value, g.unit), g.verdict(value)
		}
		fmt.Fprintf(w, "| %s | %s, RTT %s | %s %s | %s | %s |\n", g.what, g.in.corpus, g.in.rtt, sign, number(g.limit, g.unit), measured, verdict)
	}
}

func (g goal) verdict(value float64) string {
	by := value/g.limit - 1
	if g.least {
		by = g.limit/value - 1
	}
	if by <= 0 {
		return "met"
	}
	return fmt.Sprintf("**missed by %.0f %%**", max(100*by, 1))
}

func number(x float64, unit string) string {
	switch unit {
	case "MiB":
		return fmt.Sprintf("%.0f MiB", x)
	case "s":
		return fmt.Sprintf("%.2f s", x)
	}
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", x), "0"), ".") + " ×"
}
