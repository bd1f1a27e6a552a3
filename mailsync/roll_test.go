package mailsync

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestARollHoldsWhatItWasGiven compares it with a map: any order, UIDs told
// twice, sizes and dates of any kind, flags in any order and spelling.
func TestARollHoldsWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := map[UID]Meta{}
		v := View{}
		for range rapid.IntRange(0, 40).Draw(rt, "messages") {
			m := Meta{UID: UID(rapid.Uint32Range(1, 50).Draw(rt, "uid")),
				Size:   rapid.SampledFrom([]int64{0, 1, 2048, 1<<32 - 2, 1<<32 - 1, 1 << 40}).Draw(rt, "size"),
				Date:   time.Unix(rapid.SampledFrom([]int64{-62135596800, -1, 0, 1 << 30, 1<<32 - 1, 253402300799}).Draw(rt, "date"), 0).UTC(),
				Flags:  rapid.SliceOfN(rapid.SampledFrom([]string{`\Seen`, `\seen`, `\Recent`, "a", "b c"}), 0, 3).Draw(rt, "flags"),
				Object: rapid.SampledFrom([]ObjectID{{}, {}, {1}, {2}}).Draw(rt, "object"),
				Labels: rapid.SampledFrom([][]string{nil, nil, {}, {"a", "B"}, {"a b"}}).Draw(rt, "labels")}
			v.messages.add(m)
			m.Flags = sortedFlags(m.Flags)
			want[m.UID] = m
		}
		v.messages.order()
		var got []UID
		for i := range v.Len() {
			m := v.At(i)
			got = append(got, m.UID)
			if at, ok := v.messages.search(m.UID); !ok || at != i {
				rt.Fatalf("message %d is found at %d, %v, and is at %d", m.UID, at, ok, i)
			}
			w := want[m.UID]
			labels := v.messages.names.labels(i)
			if v.messages.object(i) != w.Object || !slices.Equal(labels, w.Labels) {
				rt.Fatalf("message %d is called %v with labels %v, want %+v", m.UID, v.messages.object(i), labels, w)
			}
			if !equalFlags(m.Flags, w.Flags) || m.Size != w.Size || !m.Date.Equal(w.Date) {
				rt.Fatalf("got %+v, want %+v", m, w)
			}
		}
		if d := cmp.Diff(sortedUIDs(slices.Collect(maps.Keys(want))), got); d != "" && len(want) > 0 {
			rt.Fatal(d)
		}
	})
}

func TestASizeIsCorrected(t *testing.T) {
	v := NewView(Status{}, Meta{UID: 1, Size: 5, Date: noon}, Meta{UID: 2, Size: 1 << 40, Date: noon}, Meta{UID: 3, Size: 7, Date: time.Unix(-5, 0)})
	for _, size := range []int64{9, 1 << 40, 10} {
		for i := range v.Len() {
			before := v.At(i)
			before.Size = size
			v.messages.setSize(i, size)
			if after := v.At(i); after.Size != size || !after.Date.Equal(before.Date) || after.UID != before.UID {
				t.Fatalf("got %+v, want %+v", after, before)
			}
		}
	}
}

func TestTheSameSetOfFlagsHasOneNumber(t *testing.T) {
	s := newFlagSets()
	one := s.id([]string{`\Seen`, "Projet"})
	for _, same := range [][]string{{"Projet", `\Seen`}, {`\SEEN`, "projet", `\Recent`}, {"Projet", "Projet", `\Seen`}} {
		if s.id(same) != one {
			t.Errorf("%v is another set", same)
		}
	}
	if s.id([]string{`\Recent`}) != 0 || s.id(nil) != 0 || s.id([]string{"Projet"}) == one {
		t.Error("no flags, or other flags, are taken for them")
	}
}

func TestMarksCount(t *testing.T) {
	var m marks
	for _, i := range []int{0, 63, 64, 1000, 64} {
		m.set(i)
	}
	if m.count() != 4 || !m.has(1000) || m.has(999) || m.has(100000) {
		t.Errorf("%v", m)
	}
}
