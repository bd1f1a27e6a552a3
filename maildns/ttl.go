package maildns

import "time"

// maxTTL is the largest TTL; larger values count as zero (RFC 2181 §8).
const maxTTL = 1<<31 - 1

// Seconds returns a TTL as a duration.
func Seconds(ttl uint32) time.Duration {
	if ttl > maxTTL {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// WaitUntil returns when the last cache has forgotten an RRset that was served
// with servedBefore seconds until it was seen changed at loweredAt on all
// authoritative servers. margin is for slow secondaries and late clocks.
func WaitUntil(loweredAt time.Time, servedBefore uint32, margin time.Duration) time.Time {
	return loweredAt.Add(Seconds(servedBefore) + margin)
}

// AbsentUntil returns when the last resolver that was told at askedAt that a
// name is absent has forgotten it: min(SOA TTL, SOA MINIMUM), RFC 2308 §5.
func AbsentUntil(askedAt time.Time, negativeTTL uint32, margin time.Duration) time.Time {
	return askedAt.Add(Seconds(negativeTTL) + margin)
}

// EffectiveTTL returns the TTL in seconds that will be served when want is
// asked for: a provider serves nothing below its floor.
func EffectiveTTL(want, floor uint32) uint32 { return min(max(want, floor), maxTTL) }

// NeedsLowering reports whether a set served with ttl is to be lowered to want.
func NeedsLowering(ttl, want, floor uint32) bool { return ttl > EffectiveTTL(want, floor) }
