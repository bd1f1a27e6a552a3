package mailsync

import (
	"cmp"
	"slices"
	"sort"
)

// UIDRange is the UIDs from First to Last, both included.
type UIDRange struct{ First, Last UID }

// outline is a set of UIDs in ranges that rise and do not touch: of a folder,
// mostly a few.
type outline []stretch

type stretch struct {
	UIDRange
	before int // UIDs in the stretches before this one
}

// newOutline orders ranges and joins those that meet.
func newOutline(ranges []UIDRange) outline {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b UIDRange) int { return cmp.Compare(a.First, b.First) })
	out := make(outline, 0, len(ranges))
	for _, r := range ranges {
		if n := len(out); n > 0 && uint64(r.First) <= uint64(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, stretch{UIDRange: r})
	}
	for i := 1; i < len(out); i++ {
		out[i].before = out[i-1].before + out[i-1].count()
	}
	return slices.Clip(out)
}

func (r UIDRange) count() int { return int(r.Last-r.First) + 1 }

func (o outline) count() int {
	if len(o) == 0 {
		return 0
	}
	last := o[len(o)-1]
	return last.before + last.count()
}

// search finds the place of a UID.
func (o outline) search(uid UID) (int, bool) {
	i := sort.Search(len(o), func(i int) bool { return o[i].Last >= uid })
	if i == len(o) || o[i].First > uid {
		return 0, false
	}
	return o[i].before + int(uid-o[i].First), true
}

func (o outline) has(uid UID) bool {
	_, ok := o.search(uid)
	return ok
}

// at is the UID at a place.
func (o outline) at(i int) UID {
	n := sort.Search(len(o), func(n int) bool { return o[n].before > i }) - 1
	return o[n].First + UID(i-o[n].before)
}

// below counts the UIDs smaller than one.
func (o outline) below(uid UID) (n int) {
	for _, s := range o {
		switch {
		case s.Last < uid:
			n += s.count()
		case s.First < uid:
			n += int(uid - s.First)
		}
	}
	return n
}

// meets reports whether any UID is in both.
func (o outline) meets(other outline) bool {
	for i, j := 0, 0; i < len(o) && j < len(other); {
		switch {
		case o[i].Last < other[j].First:
			i++
		case other[j].Last < o[i].First:
			j++
		default:
			return true
		}
	}
	return false
}
