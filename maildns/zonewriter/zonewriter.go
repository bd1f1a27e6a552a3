package zonewriter

import (
	"context"

	"bascule/maildns"
)

// Writer changes RRsets at the service that holds a zone. zone is the apex;
// names are absolute. An RRset that a method does not name is not touched, and
// the one it names is never served empty or in part on the way.
//
// A method may return nil although the servers do not serve the result yet.
// Calling one again after it succeeded changes nothing and returns nil.
type Writer interface {
	// ReplaceRRset makes before into after: values, TTL, or both. A set
	// without values does not exist. Where the service can compare and set,
	// it refuses with ErrConflict when it holds neither.
	ReplaceRRset(ctx context.Context, zone string, before, after maildns.RRset) error
	// AddValues adds the values of rr. A set that exists keeps its TTL; a new
	// one gets the TTL of rr.
	AddValues(ctx context.Context, zone string, rr maildns.RRset) error
	// RemoveValues removes the values of rr, whatever their TTL. It refuses
	// with ErrWouldBeEmpty to take the last value of an MX set.
	RemoveValues(ctx context.Context, zone string, rr maildns.RRset) error
}

// Lister reads a whole zone from the service that holds it.
type Lister interface {
	// Records returns every RRset of the zone, in canonical form, sorted.
	Records(ctx context.Context, zone string) ([]maildns.RRset, error)
}

// Look asks every authoritative server of a zone for some RRsets.
type Look func(ctx context.Context, zone string, keys []maildns.Key) maildns.Zone
