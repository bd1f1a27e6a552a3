package view

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner"
)

// change shows what a step alters: a record set value by value, anything else
// as before -> after.
func (l *listing) change(s planner.Step) {
	switch {
	case s.Action.RRset != nil:
		l.rrset(s.Action.RRset)
	case len(s.Before.Lines) > 1 || len(s.After.Lines) > 1:
		l.values(s)
	default:
		l.put(l.body, l.arrow(s)...)
	}
}

// arrow is a change of one line.
func (l *listing) arrow(s planner.Step) line {
	after := words(plain, strings.Join(s.After.Lines, ", "))
	if s.After.Unknown() {
		after = words(change, l.knownAfter(s.After.KnownAfter))
	}
	before := strings.Join(s.Before.Lines, ", ")
	if s.Before.Unknown() {
		before = l.knownAfter(s.Before.KnownAfter)
	}
	if before == "" {
		return after
	}
	return append(line{say(plain, before), say(faint, " -> ")}, after...)
}

// values shows a change of several lines: what goes, what comes, what stays.
func (l *listing) values(s planner.Step) {
	l.diff(s.Before.Lines, s.After.Lines)
	if s.After.Unknown() {
		l.signed("+", good, l.knownAfter(s.After.KnownAfter))
	}
}

// rrset shows the managed values of a record set before and after.
func (l *listing) rrset(e *planner.RRsetEdit) {
	head := line{say(plain, e.Name+" "+e.Type)}
	switch {
	case e.TTLAfter == 0 && e.TTLBefore == 0:
	case e.TTLAfter == 0 || e.TTLAfter == e.TTLBefore:
		head = append(head, say(faint, fmt.Sprintf("  TTL %d", max(e.TTLBefore, e.TTLAfter))))
	case e.TTLBefore == 0:
		head = append(head, say(faint, fmt.Sprintf("  TTL %d", e.TTLAfter)))
	default:
		head = append(head, say(change, fmt.Sprintf("  TTL %d -> %d", e.TTLBefore, e.TTLAfter)))
	}
	if !e.Whole {
		head = append(head, say(faint, "  other values stay"))
	}
	l.put(l.body, head...)
	l.diff(e.Before, e.After)
}

// diff lists values with a sign each: removed, kept, added.
func (l *listing) diff(before, after []string) {
	for _, v := range before {
		if slices.Contains(after, v) {
			l.signed(" ", plain, v)
		} else {
			l.signed("-", bad, v)
		}
	}
	for _, v := range without(after, before) {
		l.signed("+", good, v)
	}
}

func (l *listing) signed(sign string, t tone, value string) {
	l.hang(l.body, words(t, sign), l.body+2, words(t, value))
}

// manual shows what a person is asked to do, and what will prove it.
func (l *listing) manual(s planner.Step) {
	m := s.Action.Manual
	if m == nil {
		return
	}
	for i, text := range paragraphs(m.Instruction) {
		label := line{blank(1)}
		if i == 0 {
			label = words(change, "do")
		}
		indent := len(text) - len(strings.TrimLeft(text, " "))
		l.hang(l.body, label, l.body+labelColumn+min(indent, 8), words(plain, strings.TrimLeft(text, " ")))
	}
	l.detail("check", faint, proofOf(m.Check))
}

// paragraphs joins lines that were broken at some other width; lines that are
// indented, such as code, stay as they are.
func paragraphs(lines []string) []string {
	var out []string
	flows := false
	for _, text := range lines {
		if indented := strings.HasPrefix(text, " "); indented || !flows {
			out, flows = append(out, text), !indented
			continue
		}
		out[len(out)-1] += " " + text
	}
	return out
}

// proofOf says in words what the check of a manual step looks at.
func proofOf(check string) string {
	switch check {
	case "login":
		return "a login that works proves it done"
	case "rcpt":
		return "RCPT TO on the new MX proves it done"
	case "rrset":
		return "the records on every authoritative server prove it done"
	case "inbound_closed":
		return "RCPT TO refused by every old MX proves it done"
	default:
		return check + " proves it done"
	}
}
