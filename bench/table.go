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
	wall, cpu time.Duration
	peak      float64
	verdicts  []string
	reason    string
}

type section struct {
	corpus, phase string
	rtt           time.Duration
}

// write prints the results as Markdown: one table for each corpus, link and phase.
func write(w io.Writer, results []result, all map[string]corpus) {
	var order []section
	groups := map[section][]result{}
	for _, r := range results {
		s := section{r.corpus, r.phase, r.rtt}
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], r)
	}
	slices.SortStableFunc(order, func(a, b section) int {
		return cmp.Or(cmp.Compare(a.corpus, b.corpus), cmp.Compare(a.rtt, b.rtt), cmp.Compare(phaseOrder(a.phase), phaseOrder(b.phase)))
	})
	for _, s := range order {
		c := all[s.corpus]
		fmt.Fprintf(w, "\n### %s, %s, RTT %s\n\n%s: %d × %d messages, %s.\n\n", s.corpus, s.phase, s.rtt, s.corpus, c.Mailboxes, c.Messages, c.What)
		table(w, rowsOf(groups[s]))
	}
}

func phaseOrder(phase string) int { return slices.Index([]string{initial, noop, changed}, phase) }

// table compares with the ceiling, and with the best of the others.
func table(w io.Writer, rows []row) {
	raw, peer := best(rows, isRaw), best(rows, isPeer)
	fmt.Fprintf(w, "| program | wall s | × raw | × best peer | CPU s | peak MiB | n | result |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.n == 0 {
			fmt.Fprintf(w, "| %s | failed | | | | | %d | %s |\n", r.program, r.failed, r.reason)
			continue
		}
		verdict := strings.Join(r.verdicts, "; ")
		if r.failed > 0 {
			verdict += fmt.Sprintf(" (%d of %d runs failed)", r.failed, r.failed+r.n)
		}
		fmt.Fprintf(w, "| %s | %.2f | %s | %s | %.2f | %.0f | %d | %s |\n", r.program, r.wall.Seconds(), ratio(r.wall, raw), ratio(r.wall, peer),
			r.cpu.Seconds(), r.peak, r.n, verdict)
	}
}

func isRaw(name string) bool { return strings.HasPrefix(name, "raw") }

func isPeer(name string) bool { return !isRaw(name) && name != "engine" && name != "bascule" }

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
		r.peak = max(r.peak, x.PeakMiB)
		if x.verdict != "" && !slices.Contains(r.verdicts, x.verdict) {
			r.verdicts = append(r.verdicts, x.verdict)
		}
	}
	r.wall, r.cpu = median(walls), median(cpus)
	return r
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	if n := len(d); n%2 == 0 {
		return (d[n/2-1] + d[n/2]) / 2
	}
	return d[len(d)/2]
}
