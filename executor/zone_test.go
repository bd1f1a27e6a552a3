package executor

import (
	"errors"
	"testing"

	"bascule/maildns"
	"bascule/planner"
)

func set(typ string, ttl uint32, values ...string) maildns.RRset {
	return maildns.RRset{Name: "example.ch.", Type: typ, TTL: ttl, Values: values}.Canonical()
}

func TestWantedFindsTheValueBeforeTheValueAfterOrRefuses(t *testing.T) {
	const spf, union, site = "v=spf1 mx -all", "v=spf1 mx include:new.example -all", "site=1"
	whole := planner.RRsetEdit{Name: "example.ch.", Type: "MX", Whole: true, Before: []string{"10 old.example."}, After: []string{"10 new.example."}, TTLBefore: 300, TTLAfter: 300}
	part := planner.RRsetEdit{Name: "example.ch.", Type: "TXT", Before: []string{spf}, After: []string{union}, TTLBefore: 3600, TTLAfter: 3600}
	lower := whole
	lower.After, lower.TTLBefore = lower.Before, 86400
	first := planner.RRsetEdit{Name: "example.ch.", Type: "TXT", After: []string{union}, TTLAfter: 3600}
	gone := planner.RRsetEdit{Name: "example.ch.", Type: "TXT", Before: []string{site}}
	anyTTL := whole
	anyTTL.TTLBefore, anyTTL.TTLAfter = 0, 0
	for name, tt := range map[string]struct {
		edit       planner.RRsetEdit
		have, want maildns.RRset
		refused    bool
	}{
		"the whole set is as reviewed":                {edit: whole, have: set("MX", 300, "10 old.example."), want: set("MX", 300, "10 new.example.")},
		"the whole set is there already":              {edit: whole, have: set("MX", 300, "10 new.example."), want: set("MX", 300, "10 new.example.")},
		"the whole set has another value":             {edit: whole, have: set("MX", 300, "10 their.example."), refused: true},
		"the whole set has a value more":              {edit: whole, have: set("MX", 300, "10 old.example.", "20 their.example."), refused: true},
		"the whole set is gone":                       {edit: whole, have: set("MX", 0), refused: true},
		"the whole set has another TTL":               {edit: whole, have: set("MX", 60, "10 old.example."), refused: true},
		"the TTL alone changes":                       {edit: lower, have: set("MX", 86400, "10 old.example."), want: set("MX", 300, "10 old.example.")},
		"the TTL alone has changed":                   {edit: lower, have: set("MX", 300, "10 old.example."), want: set("MX", 300, "10 old.example.")},
		"no TTL was asked for":                        {edit: anyTTL, have: set("MX", 77, "10 old.example."), want: set("MX", 77, "10 new.example.")},
		"a part: the others stay":                     {edit: part, have: set("TXT", 3600, site, spf), want: set("TXT", 3600, site, union)},
		"a part: the TTL of the set stays":            {edit: part, have: set("TXT", 60, site, spf), want: set("TXT", 60, site, union)},
		"a part is there already":                     {edit: part, have: set("TXT", 60, site, union), want: set("TXT", 60, site, union)},
		"a part: somebody added to the others":        {edit: part, have: set("TXT", 60, site, spf, "x"), want: set("TXT", 60, site, union, "x")},
		"a part is not what was reviewed":             {edit: part, have: set("TXT", 60, site, "v=spf1 -all"), refused: true},
		"a first value in an empty set":               {edit: first, have: set("TXT", 0), want: set("TXT", 3600, union)},
		"a first value beside others":                 {edit: first, have: set("TXT", 60, site), want: set("TXT", 60, site, union)},
		"a first SPF record, and there is one now":    {edit: first, have: set("TXT", 60, spf), refused: true},
		"a value that goes":                           {edit: gone, have: set("TXT", 60, site, spf), want: set("TXT", 60, spf)},
		"a value that went, and the set went with it": {edit: gone, have: set("TXT", 0), want: set("TXT", 0)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wanted(tt.have, tt.edit)
			var refused *RefusedError
			if errors.As(err, &refused) != tt.refused {
				t.Fatalf("refused: %v", err)
			}
			if !tt.refused && !got.Equal(tt.want) {
				t.Errorf("wanted %v, want %v", got, tt.want)
			}
		})
	}
}
