package view

import (
	"strings"

	"bascule/migration"
	"bascule/planner"
)

// group is steps that are alike but for their object.
type group struct {
	shown  []planner.Step
	hidden []planner.Step
}

// Steps alike are grouped when there are more than groupAbove of them, which
// would take more than a dozen lines; groupShown of them are shown.
const (
	groupAbove = 6
	groupShown = 3
)

// groups gathers the steps that do the same to many instances of one block.
// What is irreversible, risky, or not an instance stands alone.
func groups(steps []planner.Step) []group {
	sizes := map[string]int{}
	for _, s := range steps {
		sizes[likeness(s)]++
	}
	var out []group
	at := map[string]int{}
	for _, s := range steps {
		like := likeness(s)
		if like == "" || sizes[like] <= groupAbove {
			out = append(out, group{shown: []planner.Step{s}})
			continue
		}
		i, begun := at[like]
		if !begun {
			i = len(out)
			at[like] = i
			out = append(out, group{})
		}
		if len(out[i].shown) < groupShown {
			out[i].shown = append(out[i].shown, s)
		} else {
			out[i].hidden = append(out[i].hidden, s)
		}
	}
	return out
}

// likeness is equal for steps that may be grouped, and empty for those that
// must not be.
func likeness(s planner.Step) string {
	block := family(s.Address)
	if s.Irreversible || s.Risk != "" || block == string(s.Address) {
		return ""
	}
	return strings.Join([]string{block, s.Name, s.Phase.String(), string(s.Action.Kind), string(s.Status)}, "\x00")
}

// more counts what a group does not show. Work for a person is never only
// counted: every object is named.
func (l *listing) more(g group) {
	if len(g.hidden) == 0 {
		return
	}
	first := g.hidden[0]
	text := family(first.Address) + ": " + count(int64(len(g.hidden))) + " more like this, " + first.Name
	l.hang(numberColumn, words(faint, "…"), l.body, words(faint, text))
	if first.Action.Manual == nil {
		return
	}
	var names []migration.Address
	for _, s := range g.hidden {
		names = append(names, s.Address)
	}
	l.instances(l.body, names)
}

// instances names many instances of one block by their keys.
func (p *page) instances(indent int, list []migration.Address) {
	var l line
	for _, a := range list {
		key := strings.Trim(strings.TrimPrefix(string(a), family(a)), "[]")
		l = append(l, say(plain, key), blank(1))
	}
	p.put(indent, l...)
}
