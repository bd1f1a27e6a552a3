package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is what the table says of one program in one phase.
type row struct {
	program   string
	n, failed int
	// wall and cpu are medians.
	wall, cpu   time.Duration
	least, most time.Duration
	// peak and kept are the most, in MiB.
	peak, kept float64
	verdicts   []string
	reason     string
}

// write prints the results as Markdown: one table for each place, in the
// order they were visited, and the phases of a corpus together.
func write(w io.Writer, results []result, all map[string]corpus) {
	groups := grouped(results)
	var order []place
	for _, r := range results {
		if !slices.Contains(order, r.place) {
			order = append(order, r.place)
		}
	}
	for _, at := range order {
		c := all[at.corpus]
		fmt.Fprintf(w, "\n## %s\n\n%s: %d × %d messages, %s.\n\n", at, at.corpus, c.Mailboxes, c.Messages, c.What)
		table(w, rowsOf(groups[at]))
	}
}

func (p place) String() string {
	text := fmt.Sprintf("%s, %s, RTT %s", p.corpus, p.phase, p.rtt)
	if v := p.variant.String(); v != "" {
		text += ", with " + v
	}
	return text
}

func grouped(results []result) map[place][]result {
	out := map[place][]result{}
	for _, r := range results {
		out[r.place] = append(out[r.place], r)
	}
	return out
}

// table compares with the ceiling, and with the best of the others.
func table(w io.Writer, rows []row) {
	raw, peer := best(rows, isRaw), best(rows, isPeer)
	fmt.Fprintf(w, "| program | wall s | least–most | × raw | × best peer | CPU s | peak MiB | kept MiB | n | result |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.n == 0 {
			fmt.Fprintf(w, "| %s | failed | | | | | | | %d | %s |\n", r.program, r.failed, r.reason)
			continue
		}
		verdict := strings.Join(r.verdicts, "; ")
		if r.failed > 0 {
			verdict += fmt.Sprintf(" (%d of %d runs failed)", r.failed, r.failed+r.n)
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f–%.2f | %s | %s | %.2f | %.0f | %.1f | %d | %s |\n", r.program, r.wall.Seconds(), r.least.Seconds(), r.most.Seconds(),
			ratio(r.wall, raw), ratio(r.wall, peer), r.cpu.Seconds(), r.peak, r.kept, r.n, verdict)
	}
}

func isRaw(name string) bool { return strings.HasPrefix(name, "raw") }

func isOtherRaw(name string) bool { return strings.HasPrefix(name, "other-raw") }

func isPeer(name string) bool {
	return !isRaw(name) && !isOtherRaw(name) && name != "engine" && name != "bascule"
}

func best(rows []row, which func(string) bool) time.Duration {
	var least time.Duration
	for _, r := range rows {
		if which(r.program) && r.n > 0 && (least == 0 || r.wall < least) {
			least = r.wall
		}
	}
	return least
}

func ratio(d, of time.Duration) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", d.Seconds()/of.Seconds())
}

func rowsOf(results []result) []row {
	var names []string
	byName := map[string][]result{}
	for _, r := range results {
		if byName[r.program] == nil {
			names = append(names, r.program)
		}
		byName[r.program] = append(byName[r.program], r)
	}
	var out []row
	for _, name := range names {
		out = append(out, rowOf(name, byName[name]))
	}
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(a.wall, b.wall) })
	return out
}

func rowOf(name string, results []result) row {
	r := row{program: name}
	var walls, cpus []time.Duration
	for _, x := range results {
		if x.Err != nil {
			r.failed++
			r.reason = strings.NewReplacer("\n", " ", "|", "/").Replace(fmt.Sprintf("%.80s", x.Err))
			continue
		}
		r.n++
		walls, cpus = append(walls, x.Wall), append(cpus, x.CPU)
		r.peak, r.kept = max(r.peak, x.PeakMiB), max(r.kept, x.kept)
		if x.verdict != "" && !slices.Contains(r.verdicts, x.verdict) {
			r.verdicts = append(r.verdicts, x.verdict)
		}
	}
	if r.n > 0 {
		r.wall, r.cpu, r.least, r.most = median(walls), median(cpus), slices.Min(walls), slices.Max(walls)
	}
	return r
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	if n := len(d); n%2 == 0 {
		return (d[n/2-1] + d[n/2]) / 2
	}
	return d[len(d)/2]
}
