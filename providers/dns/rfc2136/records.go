package rfc2136

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/libdns/libdns"
	libdns2136 "github.com/libdns/rfc2136"

	"bascule/internal/retry"
	"bascule/maildns"
)

// Records implements zonewriter.Lister: a zone transfer, through libdns. The
// key needs the right to transfer the zone.
func (c *Client) Records(ctx context.Context, zone string) ([]maildns.RRset, error) {
	key, err := c.keyOctets(ctx)
	if err != nil {
		return nil, err
	}
	reader := libdns2136.Provider{KeyName: c.KeyName, KeyAlg: c.Algorithm, Key: key.Reveal(), Server: c.Server}
	records, err := reader.GetRecords(ctx, maildns.Name(zone))
	if err != nil {
		return nil, retry.Temporary(fmt.Errorf("transfer %s from %s: %w", zone, c.Server, err))
	}
	return group(maildns.Name(zone), records), nil
}

// group collects records into RRsets. Names in libdns are relative; TXT comes
// with the escapes of package dns, which is how canonical values are escaped.
func group(zone string, records []libdns.Record) []maildns.RRset {
	sets := map[maildns.Key]maildns.RRset{}
	for _, record := range records {
		rr := record.RR()
		name := zone
		if rr.Name != "@" && rr.Name != "" {
			name = rr.Name + "." + zone
		}
		key := maildns.KeyOf(name, rr.Type)
		set := sets[key]
		ttl := max(set.TTL, uint32(rr.TTL.Seconds()))
		sets[key] = maildns.RRset{Name: key.Name, Type: key.Type, TTL: ttl, Values: append(set.Values, rr.Data)}
	}
	out := make([]maildns.RRset, 0, len(sets))
	for _, set := range sets {
		out = append(out, set.Canonical())
	}
	slices.SortFunc(out, func(a, b maildns.RRset) int { return strings.Compare(a.Key().String(), b.Key().String()) })
	return out
}
