package view

import (
	"fmt"

	"bascule/planner"
)

// shownItems is how many missing things a gate names.
const shownItems = 5

// gateMark is the state of a gate as a word in brackets, which reads the same
// without colour.
func gateMark(s planner.GateStatus) span {
	switch s {
	case planner.Open:
		return say(good, "[open]")
	case planner.Closed:
		return say(change, "[closed]")
	case planner.Person:
		return say(change, "[person]")
	case planner.GateFailed:
		return say(bad, "[failed]")
	default:
		return say(change, "[unknown]")
	}
}

// gateColumn is how far what is said of a gate lies behind its mark.
const gateColumn = 11

// gate shows one gate: mark, name, when it opens, why, what is missing, and
// the move that opens it.
func (p *page) gate(indent int, g planner.Gate) {
	at := indent + gateColumn
	head := line{say(strong, g.ID)}
	if when := p.gateWhen(g); when != "" {
		head = append(head, say(plain, "  "+when))
	}
	p.hang(indent, line{gateMark(g.Status)}, at, head)
	if g.Because != "" && !(p.style.Quiet && g.Status == planner.Open) {
		p.put(at, say(faint, g.Because))
	}
	for i, item := range g.Items {
		if g.Status == planner.Open {
			break
		}
		if i == shownItems {
			p.hang(at, words(faint, "…"), at+2, words(faint, fmt.Sprintf("%s more", count(int64(len(g.Items)-i)))))
			break
		}
		p.hang(at, words(plain, "-"), at+2, words(plain, item))
	}
	if g.Next != "" {
		p.hang(at, words(plain, "next"), at+6, words(plain, g.Next))
	}
}

// gateWhen says when a gate opens, or until when it is open.
func (p *page) gateWhen(g planner.Gate) string {
	s := p.style
	switch {
	case g.Status == planner.Open && !g.ClosesAt.IsZero():
		return "until " + s.both(g.ClosesAt) + comma(s.distance(g.ClosesAt))
	case g.Status == planner.Open:
		return ""
	case !g.OpensAt.IsZero() && !g.ClosesAt.IsZero():
		return "opens " + s.both(g.OpensAt) + comma(s.distance(g.OpensAt)) + ", closes " + s.local(g.ClosesAt)
	case !g.OpensAt.IsZero():
		return "opens " + s.both(g.OpensAt) + comma(s.distance(g.OpensAt))
	default:
		return ""
	}
}
