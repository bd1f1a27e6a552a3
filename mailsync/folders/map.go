package folders

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Folder is a folder of either side: its components decoded to UTF-8, its
// special-use attribute or "".
type Folder struct {
	Path []string
	Use  string
	// Rest marks the folder that shows all mail of a server whose folders are
	// labels: what goes from there is what no other folder has.
	Rest bool
	// View marks one that shows only messages of other folders (Starred). It is
	// left behind where the Rest is not, unless a rule gives it a name.
	View bool
}

// Habits is what is known of the target's names.
type Habits struct {
	// Delim separates components; 0 in a flat namespace.
	Delim rune
	// Prefix is where personal folders live, such as "INBOX"; nil at the top.
	Prefix []string
	// Refused lists characters the server does not take in a name.
	Refused string
	// MaxName bounds one component, MaxPath the whole name, both in octets of
	// UTF-8; MaxDepth bounds the components. 0 = not bounded.
	MaxName, MaxPath, MaxDepth int
}

// Rename gives a folder and all below it another name. Both are paths with
// "/" between components; "\/" is a slash inside one.
type Rename struct{ From, To string }

// Rules come from the configuration. Patterns are paths in which * stands for
// anything but "/", and ** for anything.
type Rules struct {
	Rename           []Rename
	Include, Exclude []string
	// Prefix puts everything, INBOX too, below one folder.
	Prefix string
}

// Row says where one source folder goes.
type Row struct {
	Source []string
	// Target is nil when the folder is excluded.
	Target []string
	// Use is the special use the two share, or "".
	Use string
	// Exists is true when the target has the folder already.
	Exists bool
	// Reason says why the folder goes there, for the plan.
	Reason string
	// Renamed is true when a person would not find the folder under its own name.
	Renamed bool
}

// Known is a mapping decided by an earlier pass.
type Known struct{ Source, Target []string }

type mapper struct {
	habits   Habits
	rules    Rules
	index    map[string]string
	existing map[string][]string // by collision key
	byUse    map[string][]string // target folder of each use
	taken    map[string][]string // collision key → source that has it
	known    map[string][]string
	from     []string // personal namespace of the source
	rest     bool     // the source shows all mail in one folder, which is carried
}

// reasons of folders that show messages of others.
const (
	restReason = "all mail: what no other folder has"
	viewReason = "shows messages that are in other folders"
)

// Map returns one row per source folder, sorted by source path. Rules that
// cannot be read are an error.
func Map(source, target []Folder, h Habits, r Rules, known []Known) ([]Row, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	m := &mapper{habits: h, rules: r, index: useIndex(), existing: map[string][]string{}, byUse: map[string][]string{},
		taken: map[string][]string{}, known: map[string][]string{}, from: PrefixOf(source)}
	m.rest = slices.ContainsFunc(source, func(f Folder) bool { return f.Rest && r.excluded(f.Path) == "" })
	for _, f := range target {
		m.existing[Key(f.Path)] = f.Path
	}
	m.findUses(target)
	for _, k := range known {
		m.known[exactKey(k.Source)] = k.Target
		if k.Target != nil {
			m.taken[Key(k.Target)] = k.Source
		}
	}
	return m.all(source), nil
}

// all maps in an order that gives the better claim to a name first: INBOX,
// then attributes, then well-known names, then names that can stay as they are.
func (m *mapper) all(source []Folder) []Row {
	order := slices.Clone(source)
	slices.SortStableFunc(order, func(a, b Folder) int {
		return cmp.Or(cmp.Compare(m.rank(a), m.rank(b)), slices.Compare(a.Path, b.Path))
	})
	rows := make([]Row, 0, len(order))
	for _, f := range order {
		rows = append(rows, m.one(f))
	}
	slices.SortFunc(rows, func(a, b Row) int { return slices.Compare(a.Source, b.Source) })
	return rows
}

func (m *mapper) rank(f Folder) int {
	switch {
	case m.known[exactKey(f.Path)] != nil:
		return 0
	case IsInbox(f.Path):
		return 1
	case f.Rest:
		return 6 // a label may have the name
	case f.Use != "":
		return 2
	case useOf(f.Path, "", m.index) != "":
		return 3
	}
	if home := m.home(f.Path); !slices.Equal(m.kept(home), home) {
		return 5
	}
	return 4
}

// kept is a path as far as the target can keep it.
func (m *mapper) kept(path []string) []string {
	out, _ := m.acceptable(path)
	return out
}

func (m *mapper) one(f Folder) Row {
	row := Row{Source: f.Path}
	if reason := m.rules.excluded(f.Path); reason != "" {
		row.Reason = reason
		return row
	}
	if _, _, wanted := m.rules.renamed(f.Path); f.View && m.rest && !wanted {
		row.Reason = viewReason
		return row
	}
	if to := m.known[exactKey(f.Path)]; to != nil {
		row.Target, row.Reason = to, "as in earlier passes"
		if row.Use = useOf(f.Path, f.Use, m.index); f.Rest {
			row.Use = Archive
		}
		row.Exists = m.existing[Key(to)] != nil
		want, _, _ := m.wish(f)
		row.Renamed = !m.spelt(want, to) && !m.spelt(m.home(f.Path), to)
		return row
	}
	want, use, reason := m.wish(f)
	row.Use, row.Reason = use, reason
	m.place(&row, want)
	return row
}

// wish returns the target path a folder would have if nothing stood in its way.
func (m *mapper) wish(f Folder) (path []string, use, reason string) {
	if to, rule, ok := m.rules.renamed(f.Path); ok {
		return m.withPrefix(to), "", "rename rule " + rule
	}
	if m.rules.Prefix != "" {
		return m.withPrefix(f.Path), "", "prefix rule " + m.rules.Prefix
	}
	if IsInbox(f.Path) {
		return []string{"INBOX"}, "", "inbox"
	}
	if f.Rest {
		return m.archive(f.Path)
	}
	if use := useOf(f.Path, f.Use, m.index); use != "" {
		if to := m.byUse[use]; to != nil && m.free(to, f.Path) {
			return to, use, "special use " + use
		}
		if m.byUse[use] == nil {
			return m.home(f.Path), use, "special use " + use + ", new on the target"
		}
	}
	return m.home(f.Path), "", "same name"
}

// archive is where mail goes that is in no other folder: the target's archive,
// or a new one, unless a label has taken that.
func (m *mapper) archive(source []string) (path []string, use, reason string) {
	to := m.byUse[Archive]
	if to == nil {
		to = join(m.habits.Prefix, names(Archive)[:1])
	}
	if m.free(m.spelling(m.kept(to)), source) {
		return to, Archive, restReason
	}
	return m.home(source), "", restReason
}

// free: no other folder has the name.
func (m *mapper) free(path, source []string) bool {
	by := m.taken[Key(path)]
	return by == nil || exactKey(by) == exactKey(source)
}

// spelt reports whether a person who looks for a name finds a folder.
func (m *mapper) spelt(want, have []string) bool {
	path, why := m.acceptable(want)
	return len(why) == 0 && exactKey(m.spelling(path)) == norm.NFC.String(exactKey(have))
}

// home moves a path from the source's personal namespace to the target's.
func (m *mapper) home(path []string) []string {
	if n := len(m.from); n > 0 && len(path) > n && Key(path[:n]) == Key(m.from) {
		return join(m.habits.Prefix, path[n:])
	}
	if len(path) > 1 && strings.EqualFold(path[0], "INBOX") {
		return join([]string{"INBOX"}, path[1:])
	}
	return join(m.habits.Prefix, path)
}

// PrefixOf returns the personal namespace a listing shows: INBOX where every
// other folder lies below it, else nil.
func PrefixOf(list []Folder) []string {
	below := 0
	for _, f := range list {
		switch {
		case IsInbox(f.Path):
		case len(belowInbox(f.Path)) < len(f.Path):
			below++
		default:
			return nil
		}
	}
	if below == 0 {
		return nil
	}
	return []string{"INBOX"}
}

func (m *mapper) withPrefix(path []string) []string {
	if m.rules.Prefix == "" {
		return join(m.habits.Prefix, path)
	}
	return join(m.habits.Prefix, join(split(m.rules.Prefix), path))
}

// place makes the wish acceptable and unique, and records it.
func (m *mapper) place(row *Row, want []string) {
	path, why := m.acceptable(want)
	path = m.spelling(path)
	if other := m.taken[Key(path)]; other != nil {
		path = m.unique(path)
		why = append(why, fmt.Sprintf("name taken by %s", Show(other)))
		row.Use = ""
	}
	if len(why) > 0 {
		row.Renamed = true
		row.Reason += "; " + strings.Join(why, "; ")
	}
	row.Target = path
	row.Exists = m.existing[Key(path)] != nil
	m.taken[Key(path)] = row.Source
	if row.Use != "" && m.byUse[row.Use] == nil {
		m.byUse[row.Use] = path
	}
}

// spelling prefers the way the target already writes a name.
func (m *mapper) spelling(path []string) []string {
	if have := m.existing[Key(path)]; have != nil {
		return have
	}
	return path
}

// unique appends the smallest number that makes the name free on both sides.
func (m *mapper) unique(path []string) []string {
	parent, last := path[:len(path)-1], path[len(path)-1]
	for n := 2; ; n++ {
		suffix := fmt.Sprintf(" (%d)", n)
		try := join(parent, []string{m.cut(last, len(suffix)) + suffix})
		if m.taken[Key(try)] == nil && m.existing[Key(try)] == nil {
			return try
		}
	}
}

func (m *mapper) findUses(target []Folder) {
	for _, f := range target {
		if use := useOf(nil, f.Use, m.index); use != "" && m.byUse[use] == nil {
			m.byUse[use] = f.Path
		}
	}
	for _, use := range uses() {
		if m.byUse[use] == nil {
			m.byUse[use] = m.byName(use, target)
		}
	}
}

// byName finds the folder with the most usual name for a use.
func (m *mapper) byName(use string, target []Folder) []string {
	for _, n := range names(use) {
		for _, f := range target {
			if rest := belowInbox(f.Path); f.Use == "" && len(rest) == 1 && fold(rest[0]) == fold(n) {
				return f.Path
			}
		}
	}
	return nil
}
