package zonewriter

import (
	"fmt"
	"maps"
	"slices"

	"bascule/maildns"
)

// refuse returns why a write must not be sent.
func refuse(z maildns.Zone, j job, current, want maildns.RRset) error {
	bad := func(kind error, detail string) error {
		return &Outcome{Kind: kind, Before: current, Want: want, Detail: detail}
	}
	if err := maildns.CheckCNAME(want, neighbours(z, j.key)); err != nil {
		return bad(ErrHazard, err.Error())
	}
	change := maildns.Diff(want, current)
	switch want.Type {
	case "MX":
		if want.IsEmpty() {
			return bad(ErrWouldBeEmpty, "")
		}
		if !current.IsEmpty() && len(change.Removed()) == len(current.Values) {
			return bad(ErrJump, "")
		}
		for _, h := range maildns.CheckMX(j.zone, want) {
			if h.Fatal && len(change.Added()) > 0 {
				return bad(ErrHazard, h.String())
			}
		}
	case "TXT":
		// RFC 7208 §4.5: two records are a permanent error for every receiver.
		if spf := want.SPFRecords(); len(spf) > 1 && len(spf) > len(current.SPFRecords()) {
			return bad(ErrHazard, fmt.Sprintf("there would be %d SPF records; merge them into one", len(spf)))
		}
	case "CNAME":
		if len(want.Values) > 1 {
			return bad(ErrHazard, "a name has at most one CNAME (RFC 1034 §3.6.2)")
		}
	}
	return nil
}

// neighbours are the other RRsets that any server has at the name.
func neighbours(z maildns.Zone, key maildns.Key) []maildns.RRset {
	var out []maildns.RRset
	for _, s := range z.Servers {
		for _, typ := range beside() {
			if rr, ok := s.Lookup(maildns.Key{Name: key.Name, Type: typ}); ok && typ != key.Type && !rr.IsEmpty() {
				out = append(out, rr)
			}
		}
	}
	return out
}

// collateral names the neighbours that are not what they were on the same server.
func collateral(before, after maildns.Zone, key maildns.Key) []string {
	var out []string
	for _, b := range before.Servers {
		i := slices.IndexFunc(after.Servers, func(a maildns.ServerView) bool { return a.Name == b.Name && a.Addr == b.Addr })
		if i < 0 {
			continue
		}
		for _, typ := range beside() {
			k := maildns.Key{Name: key.Name, Type: typ}
			old, okOld := b.Lookup(k)
			now, okNow := after.Servers[i].Lookup(k)
			if typ != key.Type && okOld && okNow && !old.Equal(now) {
				out = append(out, fmt.Sprintf("%s at %s was %s and is %s", k, b.Name, describe(old), describe(now)))
			}
		}
	}
	return out
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
