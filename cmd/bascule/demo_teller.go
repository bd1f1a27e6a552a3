package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"bascule/executor"
	"bascule/internal/demo"
	"bascule/internal/safetext"
)

// teller narrates what the executor does in the demonstration: each phase when
// it begins, each thing done once, and what found nothing new in one line.
type teller struct {
	d         *demonstration
	stop      chan struct{}
	interrupt bool

	mu      sync.Mutex
	stopped bool
	// quiet counts, by step, the mailboxes with nothing new to tell.
	quiet map[string]int
}

// Step implements executor.Reporter.
func (t *teller) Step(e executor.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.Kind == "done" && uneventful(e):
		t.introduce(e)
		t.quiet[e.Step]++
	case e.Kind == "done":
		t.introduce(e)
		t.line("+", e)
	case e.Kind == "failed" && !t.interrupt:
		t.line("!", e)
	}
}

// introduce tells of a phase before the first thing done in it.
func (t *teller) introduce(e executor.Event) {
	if e.Phase == 0 || t.d.told[e.Phase] {
		return
	}
	t.d.told[e.Phase] = true
	n, ok := demo.Narrate(e.Phase)
	if !ok {
		return
	}
	fmt.Fprintf(t.d.Stdout, "\n  %s (%s)\n", strings.ToUpper(e.Phase.String()), n.When)
	for _, text := range []string{n.What, n.Why} {
		for _, line := range wrap(text, t.d.columns()-4) {
			fmt.Fprintf(t.d.Stdout, "    %s\n", line)
		}
	}
}

func (t *teller) line(mark string, e executor.Event) {
	what := fmt.Sprintf("%-34s ", safetext.Line(string(e.Address))+" "+e.Step)
	room := max(t.d.columns()-4-len(what), 12)
	fmt.Fprintf(t.d.Stdout, "  %s %s%s\n", mark, what, safetext.Shorten(safetext.Line(e.Text), room))
}

// uneventful passes and comparisons found what was expected.
func uneventful(e executor.Event) bool {
	return strings.HasSuffix(e.Text, ", 0 copied") || strings.HasSuffix(e.Text, ", no difference")
}

// sumUp tells in one line each what found nothing new.
func (t *teller) sumUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, step := range slices.Sorted(maps.Keys(t.quiet)) {
		text := map[string]string{"sync": "nothing new on the old side", "final": "nothing new on the old side"}[step]
		if text == "" {
			text = "both sides hold the same"
		}
		noun := "mailboxes"
		if t.quiet[step] == 1 {
			noun = "mailbox"
		}
		fmt.Fprintf(t.d.Stdout, "  = %-34s %s\n", fmt.Sprintf("%d %s %s", t.quiet[step], noun, step), text)
	}
}

// Progress implements executor.Reporter; the interrupted tick stops at the
// first batch that was recorded.
func (t *teller) Progress(p executor.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.interrupt && !t.stopped && p.Done > 0 {
		t.stopped = true
		close(t.stop)
	}
}

// columns is the width to write in.
func (d *demonstration) columns() int {
	if d.Width < 40 {
		return 80
	}
	return min(d.Width, 120)
}

// wrap breaks a text between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
