package view

import "slices"

// table is rows in aligned columns. Cells wrap inside their column when the
// page is too narrow.
type table struct {
	head  []string
	right map[int]bool
	whole map[int]bool
	rows  [][]line
}

// minColumn is how narrow a column may get before the table is too wide.
const minColumn = 8

const columnGap = 2

func newTable(head ...string) *table {
	return &table{head: head, right: map[int]bool{}, whole: map[int]bool{}}
}

// number aligns columns to the right.
func (t *table) number(columns ...int) *table {
	for _, c := range columns {
		t.right[c] = true
	}
	return t
}

// keep leaves columns as wide as they are: times are read as one word.
func (t *table) keep(columns ...int) *table {
	for _, c := range columns {
		t.whole[c] = true
	}
	return t
}

func (t *table) row(cells ...line) { t.rows = append(t.rows, cells) }

// put writes the table.
func (t *table) put(p *page, indent int) {
	widths := t.widths(p.style.cells() - indent)
	if len(t.head) > 0 {
		t.putRow(p, indent, widths, t.heading())
	}
	for _, r := range t.rows {
		t.putRow(p, indent, widths, r)
	}
}

// widths gives every column what it needs, and takes from the widest what is
// too much: first what can be had without cutting a word.
func (t *table) widths(room int) []int {
	var want, words []int
	for _, r := range append([][]line{t.heading()}, t.rows...) {
		for i, c := range r {
			for len(want) <= i {
				want, words = append(want, 0), append(words, minColumn)
			}
			want[i], words[i] = max(want[i], c.cells()), max(words[i], longestWord(c))
		}
	}
	room -= columnGap * (len(want) - 1)
	least := slices.Repeat([]int{minColumn}, len(want))
	for i := range want {
		if t.whole[i] {
			words[i], least[i] = want[i], want[i]
		}
	}
	shrink(want, words, room)
	shrink(want, least, room)
	return want
}

// shrink narrows the widest column that may still be narrowed until all fit.
func shrink(w, least []int, room int) {
	for total(w) > room {
		widest := -1
		for i := range w {
			if w[i] > least[i] && (widest < 0 || w[i] >= w[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		w[widest]--
	}
}

// longestWord is the width below which a cell is cut inside a word.
func longestWord(l line) int {
	n := 0
	toks := tokens(l)
	for i, t := range toks {
		if !t.joins {
			n = max(n, wordCells(toks[i:]))
		}
	}
	return n
}

func (t *table) heading() []line {
	head := make([]line, len(t.head))
	for i, h := range t.head {
		head[i] = words(faint, h)
	}
	return head
}

func total(w []int) int {
	n := 0
	for _, v := range w {
		n += v
	}
	return n
}

func (t *table) putRow(p *page, indent int, widths []int, row []line) {
	wrapped, height := make([][]line, len(row)), 0
	for i, c := range row {
		wrapped[i] = wrap(c, widths[i])
		height = max(height, len(wrapped[i]))
	}
	for y := range height {
		out := line{blank(indent)}
		for i := range row {
			var c line
			if y < len(wrapped[i]) {
				c = wrapped[i][y]
			}
			if t.right[i] {
				out = append(out, blank(widths[i]-c.cells()))
				out = append(out, c...)
			} else {
				out = append(out, pad(c, widths[i])...)
			}
			out = append(out, blank(columnGap))
		}
		p.emit(out)
	}
}
