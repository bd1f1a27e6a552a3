package mailsync

import (
	"slices"
	"strings"
)

// names are what a server calls the messages of a roll, and their labels:
// twenty octets for each, and none where a server tells neither.
type names struct {
	blocks [][]named
	n      int
	// labelled is true once labels were told, be they none.
	labelled bool
	sets     [][]string // of labels, each once; the first is none
	ids      map[string]uint32
}

type named struct {
	object ObjectID
	labels uint32 // index of its set
}

// put notes the name of the i-th message; those before it that had none get none.
func (l *names) put(i int, m Meta) {
	l.labelled = l.labelled || m.Labels != nil
	if m.Object.IsZero() && len(m.Labels) == 0 && l.n == 0 {
		return
	}
	for l.n < i {
		l.append(named{})
	}
	l.append(named{m.Object, l.set(m.Labels)})
}

func (l *names) append(x named) {
	if l.n%blockLength == 0 {
		l.blocks = append(l.blocks, nil)
	}
	last := len(l.blocks) - 1
	l.blocks[last] = append(l.blocks[last], x)
	l.n++
}

func (l *names) at(i int) named {
	if i >= l.n {
		return named{}
	}
	return l.blocks[i/blockLength][i%blockLength]
}

// set numbers a set of labels. Unlike flags, they have a case.
func (l *names) set(labels []string) uint32 {
	if len(labels) == 0 {
		return 0
	}
	if l.sets == nil {
		l.sets, l.ids = [][]string{nil}, map[string]uint32{}
	}
	key := strings.Join(labels, "\x00")
	id, ok := l.ids[key]
	if !ok {
		id = uint32(len(l.sets))
		l.sets, l.ids[key] = append(l.sets, slices.Clone(labels)), id
	}
	return id
}

// labels are those of the i-th message; they must not be changed.
func (l *names) labels(i int) []string {
	if id := l.at(i).labels; id > 0 {
		return l.sets[id]
	}
	return nil
}

// reorder puts the names of messages from[0], from[1]… in that order.
func (l *names) reorder(from []int) {
	old := *l
	l.blocks, l.n = nil, 0
	if old.n == 0 {
		return
	}
	for _, i := range from {
		l.append(old.at(i))
	}
}
