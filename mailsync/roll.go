package mailsync

import (
	"cmp"
	"math"
	mathbits "math/bits"
	"slices"
	"strings"
	"time"
)

// roll is a list of messages in little room: sixteen octets for each, and the
// sets of flags once. A million messages of both sides fit in 32 MB.
//
// A roll with an outline has all UIDs of a folder, and besides them only the
// messages that were told: what is asked about another is its place alone.
type roll struct {
	outline outline
	// partial is true for a roll with an outline, be that empty.
	partial bool
	// blocks are full but the last: growing copies nothing.
	blocks [][]brief
	n      int
	sets   *flagSets
	// odd has the sizes and dates that a brief cannot hold.
	odd map[UID]oddity
	// names are the server's, by place.
	names names
	// disordered is true once a UID did not rise.
	disordered bool
}

// brief is a message as a roll holds it.
type brief struct {
	uid   UID
	size  uint32
	date  uint32 // Unix seconds
	flags uint32 // index of its set
}

type oddity struct{ size, date int64 }

const blockLength = 4096

// odd32 in a brief says that the value is among the oddities.
const odd32 = math.MaxUint32

// add appends a message. Only the instant of its date is kept.
func (r *roll) add(m Meta) {
	b := brief{uid: m.UID, size: odd32, date: odd32, flags: r.set(m.Flags)}
	date := m.Date.Unix()
	if m.Size >= 0 && m.Size < odd32 && date >= 0 && date < odd32 {
		b.size, b.date = uint32(m.Size), uint32(date)
	} else {
		if r.odd == nil {
			r.odd = map[UID]oddity{}
		}
		r.odd[m.UID] = oddity{m.Size, date}
	}
	r.disordered = r.disordered || r.n > 0 && m.UID <= r.nth(r.n-1).uid
	r.names.put(r.n, m)
	r.put(b)
}

func (r *roll) put(b brief) {
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == blockLength {
		r.blocks = append(r.blocks, nil)
		last++
	}
	r.blocks[last] = append(r.blocks[last], b)
	r.n++
}

// nth is the n-th message that was told.
func (r *roll) nth(n int) *brief { return &r.blocks[n/blockLength][n%blockLength] }

// len counts the messages of the folder.
func (r *roll) len() int {
	if r.partial {
		return r.outline.count()
	}
	return r.n
}

// at is the message at a place.
func (r *roll) at(i int) *brief { return r.nth(r.index(i)) }

// index is which of those that were told is at a place.
func (r *roll) index(i int) int {
	if !r.partial {
		return i
	}
	n, ok := r.locate(r.outline.at(i))
	if !ok {
		panic("bug: a message that was not told is asked for")
	}
	return n
}

// told reports whether more is known of the message at a place than its UID.
func (r *roll) told(i int) bool {
	if !r.partial {
		return true
	}
	_, ok := r.locate(r.outline.at(i))
	return ok
}

// order sorts by UID. Servers may report a message twice; the last word counts.
func (r *roll) order() {
	if !r.disordered {
		return
	}
	all := slices.Concat(r.blocks...)
	from := make([]int, len(all))
	for i := range from {
		from[i] = i
	}
	slices.SortStableFunc(from, func(a, b int) int { return cmp.Compare(all[a].uid, all[b].uid) })
	r.blocks, r.n, r.disordered = nil, 0, false
	last := from[:0]
	for n, i := range from {
		if n+1 == len(from) || all[from[n+1]].uid != all[i].uid {
			r.put(all[i])
			last = append(last, i)
		}
	}
	r.names.reorder(last)
}

// search finds the place of a UID.
func (r *roll) search(uid UID) (int, bool) {
	if r.partial {
		return r.outline.search(uid)
	}
	return r.locate(uid)
}

// locate finds a UID among those that were told.
func (r *roll) locate(uid UID) (int, bool) {
	low, high := 0, r.n
	for low < high {
		mid := int(uint(low+high) / 2)
		if r.nth(mid).uid < uid {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < r.n && r.nth(low).uid == uid
}

func (r *roll) size(i int) int64 {
	b := r.at(i)
	if b.size == odd32 {
		return r.odd[b.uid].size
	}
	return int64(b.size)
}

func (r *roll) date(i int) time.Time {
	b := r.at(i)
	seconds := int64(b.date)
	if b.date == odd32 {
		seconds = r.odd[b.uid].date
	}
	return time.Unix(seconds, 0).UTC()
}

// set numbers a set of flags as the messages of this roll have them.
func (r *roll) set(flags []string) uint32 {
	if r.sets == nil {
		r.sets = newFlagSets()
	}
	return r.sets.id(flags)
}

// flags returns a set that must not be changed.
func (r *roll) flags(i int) []string { return r.sets.of(r.at(i).flags) }

// object is the server's name of a message, or zero.
func (r *roll) object(i int) ObjectID {
	if !r.told(i) {
		return ObjectID{}
	}
	return r.names.at(r.index(i)).object
}

// setSize corrects a size, once the octets were counted.
func (r *roll) setSize(i int, n int64) {
	if r.size(i) == n {
		return
	}
	m := r.meta(i)
	if n >= 0 && n < odd32 && r.at(i).date != odd32 {
		r.at(i).size = uint32(n)
		return
	}
	if r.odd == nil {
		r.odd = map[UID]oddity{}
	}
	r.odd[m.UID] = oddity{n, m.Date.Unix()}
	r.at(i).size, r.at(i).date = odd32, odd32
}

func (r *roll) meta(i int) Meta {
	b := r.at(i)
	return Meta{UID: b.uid, Size: r.size(i), Date: r.date(i), Flags: r.sets.of(b.flags)}
}

// flagSets numbers sets of flags. The same set spelt or ordered in another
// way has the same number.
type flagSets struct {
	ids  map[string]uint32
	sets [][]string
	key  []byte
}

func newFlagSets() *flagSets { return &flagSets{ids: map[string]uint32{"": 0}, sets: [][]string{nil}} }

// id returns the number of a set; that of no flags is 0.
func (s *flagSets) id(flags []string) uint32 {
	s.key = s.key[:0]
	for _, f := range flags {
		s.key = append(append(s.key, f...), ' ')
	}
	if id, ok := s.ids[string(s.key)]; ok {
		return id
	}
	asTold := string(s.key)
	set := sortedFlags(flags)
	canonical := strings.ToLower(strings.Join(set, " "))
	id, ok := s.ids["\x00"+canonical]
	if canonical == "" {
		id, ok = 0, true
	}
	if !ok {
		id = uint32(len(s.sets))
		s.sets = append(s.sets, slices.Clip(set))
		s.ids["\x00"+canonical] = id
	}
	s.ids[asTold] = id
	return id
}

// of returns a set, sorted; it is shared, and must not be changed.
func (s *flagSets) of(id uint32) []string { return s.sets[id] }

// marks is a set of small numbers.
type marks []uint64

func (b *marks) set(i int) {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b marks) count() (n int) {
	for _, word := range b {
		n += mathbits.OnesCount64(word)
	}
	return n
}

// or is both sets together.
func (b marks) or(other marks) marks {
	out := slices.Grow(slices.Clone(b), max(0, len(other)-len(b)))
	for i, word := range other {
		if i < len(out) {
			out[i] |= word
		} else {
			out = append(out, word)
		}
	}
	return out
}

func (b marks) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 == 1 }
