package mailsync

import (
	"testing"

	"pgregory.net/rapid"
)

// TestAnOutlineIsASetOfUIDs compares it with a map, and its places with counting.
func TestAnOutlineIsASetOfUIDs(t *testing.T) {
	drawn := func(rt *rapid.T, name string) (outline, map[UID]bool) {
		var ranges []UIDRange
		set := map[UID]bool{}
		for range rapid.IntRange(0, 8).Draw(rt, name) {
			r := UIDRange{First: UID(rapid.Uint32Range(1, 60).Draw(rt, "first"))}
			r.Last = r.First + UID(rapid.Uint32Range(0, 9).Draw(rt, "more"))
			ranges = append(ranges, r)
			for u := r.First; u <= r.Last; u++ {
				set[u] = true
			}
		}
		return newOutline(ranges), set
	}
	rapid.Check(t, func(rt *rapid.T) {
		o, set := drawn(rt, "ranges")
		other, otherSet := drawn(rt, "others")
		place, meet := 0, false
		for u := UID(0); u < 75; u++ {
			meet = meet || set[u] && otherSet[u]
			if n := o.below(u); n != place {
				rt.Fatalf("%d below %d, want %d of %v", n, u, place, o)
			}
			i, ok := o.search(u)
			if ok != set[u] || o.has(u) != ok || ok && (i != place || o.at(i) != u) {
				rt.Fatalf("%d is at %d, %v; want %d, %v of %v", u, i, ok, place, set[u], o)
			}
			if ok {
				place++
			}
		}
		if o.count() != len(set) || o.meets(other) != meet || other.meets(o) != meet {
			rt.Fatalf("%d of %v, meets %v: %v", o.count(), o, other, meet)
		}
	})
}

// TestARollOfChangesKnowsWhatItWasTold: of other messages it knows the place,
// and in which ranges they are.
func TestARollOfChangesKnowsWhatItWasTold(t *testing.T) {
	r := roll{partial: true, outline: newOutline([]UIDRange{{3, 9}, {20, 22}})}
	for _, u := range []UID{21, 5, 4} {
		r.add(Meta{UID: u, Size: int64(u), Object: ObjectID{byte(u)}})
	}
	r.order()
	var quiet marks
	quiet.set(0)
	if got := r.untold(quiet); r.len() != 10 || len(got) != 3 || got[0] != (UIDRange{6, 9}) || got[1] != (UIDRange{20, 20}) || got[2] != (UIDRange{22, 22}) {
		t.Fatal(r.len(), got)
	}
	for i := range r.len() {
		uid := r.outline.at(i)
		if !r.told(i) {
			if !r.object(i).IsZero() {
				t.Errorf("%d has a name", uid)
			}
			continue
		}
		if r.size(i) != int64(uid) || r.object(i) != (ObjectID{byte(uid)}) || r.meta(i).UID != uid {
			t.Errorf("%d is %+v", uid, r.meta(i))
		}
	}
}

func TestAViewOfChangesIsBelievedWhenEverythingFits(t *testing.T) {
	then := Status{UIDValidity: 7, UIDNext: 11, Messages: 10, HighestModSeq: 50}
	now := Status{UIDValidity: 7, UIDNext: 13, Messages: 10, HighestModSeq: 60}
	truth := Changes{Present: []UIDRange{{1, 3}, {6, 12}}, Vanished: []UIDRange{{4, 5}}}
	for name, c := range map[string]struct {
		does bool
		lie  func(now, then *Status, c *Changes, told *[]Meta)
	}{
		"the truth":                     {true, func(*Status, *Status, *Changes, *[]Meta) {}},
		"more vanished than were there": {true, func(_, _ *Status, c *Changes, _ *[]Meta) { c.Vanished = []UIDRange{{4, 5}, {900, 1000}} }},
		"another UIDVALIDITY":           {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.UIDValidity++ }},
		"MODSEQ went back":              {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.HighestModSeq = 49 }},
		"no MODSEQ any more":            {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.HighestModSeq = 0 }},
		"UIDNEXT went back":             {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.UIDNext = 10 }},
		"one message more than counted": {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.Messages-- }},
		"one message less than counted": {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.Messages++ }},
		"a message beyond UIDNEXT":      {false, func(now, _ *Status, _ *Changes, _ *[]Meta) { now.UIDNext = 12 }},
		"old messages that are new": {false, func(now, then *Status, _ *Changes, _ *[]Meta) {
			then.Messages = 7
		}},
		"a message there and vanished": {false, func(_, _ *Status, c *Changes, _ *[]Meta) { c.Vanished = []UIDRange{{3, 5}} }},
		"nothing vanished":             {false, func(_, _ *Status, c *Changes, _ *[]Meta) { c.Vanished = nil }},
		"a change of what is not there": {false, func(_, _ *Status, _ *Changes, told *[]Meta) {
			*told = append(*told, Meta{UID: 4})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			now, then, changes, told := now, then, truth, []Meta{{UID: 2}, {UID: 11}, {UID: 12}}
			c.lie(&now, &then, &changes, &told)
			v := NewView(now, told...)
			if got := v.outlined(then, changes); got != c.does {
				t.Errorf("believed: %v", got)
			}
		})
	}
}

func TestARowThatAViewOfChangesLeavesOpenContradictsIt(t *testing.T) {
	s := &PairState{}
	s.Source = View{Status: Status{UIDValidity: 1}, vanished: newOutline([]UIDRange{{4, 5}}),
		messages: roll{partial: true, outline: newOutline([]UIDRange{{1, 3}, {7, 9}})}}
	s.Target = s.Source
	s.Target.messages.add(Meta{UID: 9})
	row := Row{SourceUID: 1, TargetUID: 2, SourceValidity: 1, TargetValidity: 1, Outcome: Copied, Settled: true}
	for name, c := range map[string]struct {
		does   bool
		change func(r *Row)
	}{
		"both are there":                     {false, func(*Row) {}},
		"vanished on the source":             {false, func(r *Row) { r.SourceUID = 4 }},
		"vanished on the target":             {false, func(r *Row) { r.TargetUID = 5 }},
		"lost on the source":                 {true, func(r *Row) { r.SourceUID = 6 }},
		"lost on the target":                 {true, func(r *Row) { r.TargetUID = 6 }},
		"gone, and expected nowhere":         {false, func(r *Row) { r.SourceUID, r.TargetUID, r.Outcome = 6, 6, Gone }},
		"released: no copy is expected":      {false, func(r *Row) { r.TargetUID, r.Outcome = 6, Released }},
		"filed elsewhere":                    {false, func(r *Row) { r.TargetUID, r.TargetFolder = 6, []string{"Other"} }},
		"of another UIDVALIDITY":             {false, func(r *Row) { r.SourceUID, r.TargetUID, r.SourceValidity, r.TargetValidity = 6, 6, 2, 2 }},
		"not read back, and not told":        {true, func(r *Row) { r.Settled = false }},
		"not read back, and told":            {false, func(r *Row) { r.Settled, r.TargetUID = false, 9 }},
		"not read back, and vanished":        {false, func(r *Row) { r.Settled, r.TargetUID = false, 5 }},
		"released, lost on the source":       {true, func(r *Row) { r.SourceUID, r.Outcome = 6, Released }},
		"gone: nobody asks about the source": {false, func(r *Row) { r.SourceUID, r.Outcome = 6, Gone }},
	} {
		r := row
		if c.change(&r); s.contradicts(&r) != c.does {
			t.Errorf("%s: %v", name, !c.does)
		}
	}
}
