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

// Columns of a gate: its name behind its mark, what is said of it behind that.
const (
	gateColumn = 11
	gateName   = 12
)

// gate shows one gate: mark, name, when it opens, why, what is missing, and
// the move that opens it.
func (p *page) gate(indent int, g planner.Gate) {
	at := indent + gateColumn
	lead := append(pad(line{gateMark(g.Status)}, gateColumn), say(strong, g.ID))
	when, why := p.gateWhen(g), g.Because
	if when != "" && g.Kind == planner.GateWindow {
		// What a window has to say is when it opens.
		why = ""
	}
	var body line
	if when != "" {
		body = append(body, say(plain, when))
	}
	if when != "" && why != "" {
		why = "; " + why
	}
	body = append(body, say(faint, why))
	if cells(g.ID) < gateName {
		p.hang(indent, lead, at+gateName, body)
	} else {
		p.hang(indent, lead, at, nil)
		p.put(at, body...)
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
		return "opens " + s.both(g.OpensAt) + comma(s.distance(g.OpensAt)) + ", closes " + s.after(g.OpensAt, g.ClosesAt)
	case !g.OpensAt.IsZero():
		return "opens " + s.both(g.OpensAt) + comma(s.distance(g.OpensAt))
	default:
		return ""
	}
}
