package maildns

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mxSet(values ...string) RRset {
	return RRset{Name: "example.com.", Type: "MX", TTL: 300, Values: values}.Canonical()
}

func TestSwitchStepsAddThenRemove(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new RRset
		want     [][]string
	}{
		{"another service", mxSet("10 old."), mxSet("5 new.").WithTTL(3600), [][]string{{"5 new.", "10 old."}, {"5 new."}}},
		{"one host stays", mxSet("10 a.", "20 b."), mxSet("10 a."), [][]string{{"10 a."}}},
		{"a host is added", mxSet("10 a."), mxSet("10 a.", "20 b."), [][]string{{"10 a.", "20 b."}}},
		{"only the preference", mxSet("10 a."), mxSet("20 a."), [][]string{{"10 a.", "20 a."}, {"20 a."}}},
		{"half swapped already", mxSet("10 old.", "5 new."), mxSet("5 new."), [][]string{{"5 new."}}},
		{"nothing to do", mxSet("5 new."), mxSet("5 NEW"), nil},
		{"there was none", mxSet(), mxSet("5 new."), [][]string{{"5 new."}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps, err := SwitchSteps(c.old, c.new)
			if err != nil {
				t.Fatal(err)
			}
			var got [][]string
			for _, s := range steps {
				got = append(got, s.Values)
				if s.TTL != 300 {
					t.Errorf("TTL %d", s.TTL)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Fatal(d)
			}
		})
	}
	if _, err := SwitchSteps(mxSet("10 a."), mxSet()); !errors.Is(err, ErrEmptyMX) {
		t.Error(err)
	}
	for _, c := range [][2]RRset{{mxSet("0 ."), mxSet("10 a.")}, {mxSet("10 a."), mxSet("0 .")}} {
		if _, err := SwitchSteps(c[0], c[1]); !errors.Is(err, ErrNullMX) {
			t.Error(err)
		}
	}
}

func TestSwitchStepsNeverPassThroughASetWithoutOneValueOfBothSides(t *testing.T) {
	hosts := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"1 a.", "2 b.", "3 c.", "4 d.", "5 e."}), rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		old := mxSet(hosts.Draw(t, "old")...)
		new := mxSet(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1 a.", "2 b.", "8 x.", "9 y."}), 1, 4, rapid.ID[string]).Draw(t, "new")...)
		steps, err := SwitchSteps(old, new)
		if err != nil {
			t.Fatal(err)
		}
		before := old
		for _, s := range steps {
			if s.IsEmpty() || (!before.IsEmpty() && len(Diff(s, before).Removed()) == len(before.Values)) || s.SameValues(before) {
				t.Fatalf("%v → %v", before, s)
			}
			before = s
		}
		if !before.SameValues(new) {
			t.Fatalf("ends in %v", before)
		}
	})
}

func TestCheckMX(t *testing.T) {
	for _, c := range []struct {
		name  string
		rr    RRset
		codes []string
		fatal bool
	}{
		{"good", mxSet("10 mx.service.ch.", "20 mx2.example.com."), nil, false},
		{"empty", mxSet(), []string{"mx-empty"}, true},
		{"null alone", mxSet("0 ."), []string{"mx-null"}, true},
		{"null beside others", mxSet("0 .", "10 mx.service.ch."), []string{"mx-null"}, true},
		{"an address", mxSet("10 192.0.2.1"), []string{"mx-address"}, true},
		{"one label", mxSet("10 mail"), []string{"mx-single-label"}, true},
		{"final dot forgotten", mxSet("10 mx.service.com.example.com."), []string{"mx-relative-name"}, true},
		{"zone twice", mxSet("10 mx.example.com.example.com."), []string{"mx-relative-name"}, true},
		{"final dot forgotten, country code", mxSet("10 mta.service.ch.example.com."), []string{"mx-relative-name"}, false},
		{"a site of the company", mxSet("10 mx1.eu.mail.example.com."), nil, false},
		{"same host twice", mxSet("10 mx.service.ch.", "20 mx.service.ch."), []string{"mx-twice"}, false},
		{"no MX at all", RRset{Name: "example.com.", Type: "MX", Values: []string{"nonsense"}}, []string{"mx-syntax"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var codes []string
			fatal := false
			for _, h := range CheckMX("example.com", c.rr) {
				codes = append(codes, h.Code)
				fatal = fatal || h.Fatal
				if h.Next == "" || h.Text == "" {
					t.Error(h)
				}
			}
			if d := cmp.Diff(c.codes, codes); d != "" || fatal != c.fatal {
				t.Fatal(d, fatal)
			}
		})
	}
}
