package mailsync

import (
	"testing"
	"time"
)

var noon = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)

func seen(validity uint32, metas ...Meta) View {
	v := NewView(Status{UIDValidity: validity, Messages: uint32(len(metas))}, metas...)
	v.Proven = true
	return v
}

func onePair(source, target View, rows ...*Row) Situation {
	p := &PairState{Pair: Pair{ID: 1, Source: Side{Path: []string{"INBOX"}}, Target: Side{Path: []string{"INBOX"}}}, SourceListed: true,
		Source: source, Target: target, Rows: rows}
	return Situation{MaxDelete: 10, Trusted: true, Pairs: []*PairState{p}, SourceMessages: 10}
}

func row(uid UID, digest byte) *Row {
	return &Row{ID: int64(uid), Pair: 1, SourceUID: uid, TargetUID: uid, SourceValidity: 1, TargetValidity: 2, Digest: Digest{digest}, Size: 100,
		Outcome: Copied, Origin: FromSource, Settled: true}
}

func meta(uid UID, flags ...string) Meta { return Meta{UID: uid, Size: 100, Date: noon, Flags: flags} }

type counts struct{ record, moves, copies, flags, deletes, held, pending int }

func count(a Actions) counts {
	c := counts{len(a.Record), len(a.Moves), 0, len(a.Flags), len(a.Deletes), len(a.Held), a.Pending[1]}
	for _, l := range a.Notes {
		c.record += len(l.At)
	}
	for _, l := range a.Copies {
		c.copies += len(l.At)
	}
	return c
}

func TestDecide(t *testing.T) {
	unproven := func(v View) View { v.Proven = false; return v }
	with := func(s Situation, f func(*Situation)) Situation { f(&s); return s }
	addOnly := func(s *Situation) { s.Policy = AddOnly }
	cases := map[string]struct {
		s      Situation
		prints map[Ref]Print
		want   counts
	}{
		"nothing was seen, nothing is decided":            {s: onePair(View{}, View{}, row(1, 1)), want: counts{}},
		"both sides agree":                                {s: onePair(seen(1, meta(1)), seen(2, meta(1)), row(1, 1)), want: counts{}},
		"new on the source is copied":                     {s: onePair(seen(1, meta(1)), seen(2)), want: counts{copies: 1}},
		"vanished, proven, ours, untouched: deleted":      {s: onePair(seen(1), seen(2, meta(1)), row(1, 1)), want: counts{deletes: 1}},
		"vanished without proof: nothing":                 {s: onePair(unproven(seen(1)), seen(2, meta(1)), row(1, 1)), want: counts{pending: 1}},
		"vanished, the target not proven: deleted by UID": {s: onePair(seen(1), unproven(seen(2, meta(1))), row(1, 1)), want: counts{deletes: 1}},
		"vanished in add-only time: kept":                 {s: with(onePair(seen(1), seen(2, meta(1)), row(1, 1)), addOnly), want: counts{record: 1}},
		"vanished, read on the target: kept":              {s: onePair(seen(1), seen(2, meta(1, `\Seen`)), row(1, 1)), want: counts{record: 1}},
		"lost on the target: copied again":                {s: onePair(seen(1, meta(1)), seen(2), row(1, 1)), want: counts{copies: 1}},
		"lost without proof: nothing":                     {s: onePair(seen(1, meta(1)), unproven(seen(2)), row(1, 1)), want: counts{pending: 1}},
		"lost in add-only time: released":                 {s: with(onePair(seen(1, meta(1)), seen(2), row(1, 1)), addOnly), want: counts{record: 1}},
		"a flag set on the source":                        {s: onePair(seen(1, meta(1, `\Seen`)), seen(2, meta(1)), row(1, 1)), want: counts{flags: 1}},
		"a flag set on both sides: recorded":              {s: onePair(seen(1, meta(1, `\Seen`)), seen(2, meta(1, `\Seen`)), row(1, 1)), want: counts{record: 1}},
		"a flag set on the target: stays":                 {s: onePair(seen(1, meta(1)), seen(2, meta(1, `\Seen`)), row(1, 1)), want: counts{}},
		"a flag for mirror only, in add-only time":        {s: with(onePair(seen(1, meta(1, `\Flagged`)), seen(2, meta(1)), row(1, 1)), addOnly), want: counts{record: 1}},
		"asked for and not delivered: waits":              {s: onePair(seen(1, meta(1)), seen(2, meta(9))), want: counts{held: 1, pending: 1}},
		"other octets of the same size: copied": {s: onePair(seen(1, meta(1)), seen(2, meta(9))),
			prints: map[Ref]Print{{Folder: "INBOX", UID: 1}: {Digest: Digest{1}, Plain: Digest{1}}, {OnTarget: true, Folder: "INBOX", UID: 9}: {Digest: Digest{2}, Plain: Digest{2}}},
			want:   counts{copies: 1}},
		"the same octets: adopted": {s: onePair(seen(1, meta(1)), seen(2, meta(9))),
			prints: map[Ref]Print{{Folder: "INBOX", UID: 1}: {Digest: Digest{1}, Plain: Digest{1}}, {OnTarget: true, Folder: "INBOX", UID: 9}: {Digest: Digest{1}, Plain: Digest{1}}},
			want:   counts{record: 1}},
		"two of the same octets, one on the target: one adopted, one copied": {s: onePair(seen(1, meta(1), meta(2)), seen(2, meta(9))),
			prints: map[Ref]Print{{Folder: "INBOX", UID: 1}: {Digest: Digest{1}}, {Folder: "INBOX", UID: 2}: {Digest: Digest{1}}, {OnTarget: true, Folder: "INBOX", UID: 9}: {Digest: Digest{1}}},
			want:   counts{record: 1, copies: 1}},
		"a new UIDVALIDITY deletes nothing": {s: onePair(seen(7), seen(2, meta(1)), row(1, 1)), want: counts{record: 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := Sort(c.s)
			d.Wanted()
			if got := count(d.Decide(c.prints)); got != c.want {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestFences(t *testing.T) {
	f := Fences{At: noon, Ledger: Head{ID: "a", Serial: 5}, Folders: []Fence{{Source: []string{"inbox"}, SourceValidity: 1, SourceNext: 10}}}
	p := Pair{Source: Side{Path: []string{"INBOX"}}}
	for name, c := range map[string]struct {
		validity uint32
		m        Meta
		want     bool
	}{
		"a UID below":                   {1, Meta{UID: 9, Date: noon.Add(time.Hour)}, true},
		"a UID above":                   {1, Meta{UID: 10, Date: noon.Add(-time.Hour)}, false},
		"renumbered, arrived before":    {2, Meta{UID: 1, Date: noon.Add(-time.Hour)}, true},
		"renumbered, arrived afterward": {2, Meta{UID: 1, Date: noon.Add(time.Hour)}, false},
	} {
		if got := f.below(p, c.validity, c.m); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for head, want := range map[Head]bool{{ID: "a", Serial: 5}: true, {ID: "a", Serial: 4}: false, {ID: "b", Serial: 9}: false} {
		if f.trusts(head) != want {
			t.Errorf("%+v: trusted is %v", head, !want)
		}
	}
}
