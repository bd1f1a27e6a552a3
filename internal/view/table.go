package view

// table is rows in aligned columns. Cells wrap inside their column when the
// page is too narrow.
type table struct {
	head  []string
	right map[int]bool
	rows  [][]line
}

// minColumn is how narrow a column may get before the table is too wide.
const minColumn = 8

const columnGap = 2

func newTable(head ...string) *table { return &table{head: head, right: map[int]bool{}} }

// number aligns columns to the right.
func (t *table) number(columns ...int) *table {
	for _, c := range columns {
		t.right[c] = true
	}
	return t
}

func (t *table) row(cells ...line) { t.rows = append(t.rows, cells) }

// put writes the table.
func (t *table) put(p *page, indent int) {
	widths := t.widths(p.style.cells() - indent)
	if len(t.head) > 0 {
		head := make([]line, len(t.head))
		for i, h := range t.head {
			head[i] = words(faint, h)
		}
		t.putRow(p, indent, widths, head)
	}
	for _, r := range t.rows {
		t.putRow(p, indent, widths, r)
	}
}

// widths gives every column what it needs, and takes from the widest what is
// too much.
func (t *table) widths(room int) []int {
	var w []int
	fitCell := func(i, n int) {
		for len(w) <= i {
			w = append(w, 0)
		}
		w[i] = max(w[i], n)
	}
	for i, h := range t.head {
		fitCell(i, cells(h))
	}
	for _, r := range t.rows {
		for i, c := range r {
			fitCell(i, c.cells())
		}
	}
	room -= columnGap * (len(w) - 1)
	for total(w) > room {
		widest := 0
		for i := range w {
			if w[i] >= w[widest] {
				widest = i
			}
		}
		if w[widest] <= minColumn {
			break
		}
		w[widest]--
	}
	return w
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
