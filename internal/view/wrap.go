package view

import "strings"

// token is a word with the number of blanks before it.
type token struct {
	span
	blanks int
	// joins is true when it continues the word before, in another tone.
	joins bool
}

// tokens cuts a line into words, keeping the blanks between them.
func tokens(l line) []token {
	var out []token
	blanks, first := 0, true
	for _, s := range l {
		for i, w := range strings.Split(s.text, " ") {
			if i > 0 {
				blanks++
			}
			if w == "" {
				continue
			}
			out = append(out, token{span: span{w, s.tone}, blanks: blanks, joins: blanks == 0 && !first})
			blanks, first = 0, false
		}
	}
	return out
}

// wrap breaks a line into lines of at most n cells, between words where that
// is possible.
func wrap(l line, n int) []line {
	n = max(n, 1)
	var out []line
	var now line
	used := 0
	end := func() {
		out = append(out, now)
		now, used = nil, 0
	}
	toks := tokens(l)
	for i, t := range toks {
		need := t.blanks + wordCells(toks[i:])
		if used > 0 && !t.joins && used+need > n {
			end()
		}
		if blanks := t.blanks; blanks > 0 && (used > 0 || len(out) == 0) && used+blanks < n {
			now = append(now, span{strings.Repeat(" ", blanks), t.tone})
			used += blanks
		}
		for rest := t.text; rest != ""; {
			head, tail := fit(rest, n-used)
			if head == "" && used == 0 {
				head, tail = rest, ""
			}
			if head != "" {
				now = append(now, span{head, t.tone})
				used += cells(head)
			}
			if rest = tail; rest != "" {
				end()
			}
		}
	}
	if len(now) > 0 || len(out) == 0 {
		end()
	}
	return out
}

// wordCells is the width of the word that begins here, with the pieces in
// other tones that join it.
func wordCells(toks []token) int {
	n := cells(toks[0].text)
	for _, t := range toks[1:] {
		if !t.joins {
			break
		}
		n += cells(t.text)
	}
	return n
}
