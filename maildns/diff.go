package maildns

import "slices"

// ChangeKind says how two versions of an RRset differ.
type ChangeKind string

// The kinds of change. Add and Remove may change the TTL as well.
const (
	Same    ChangeKind = "same"
	TTLOnly ChangeKind = "ttl_only" // the values stay
	Add     ChangeKind = "add"      // values come, none goes
	Remove  ChangeKind = "remove"   // values go, none comes
	Replace ChangeKind = "replace"  // some come, some go
)

// Change is the way from Before to After.
type Change struct {
	Kind   ChangeKind `json:"kind"`
	Before RRset      `json:"before"`
	After  RRset      `json:"after"`
}

// Diff compares what is wanted with what is there; both are of one key.
func Diff(want, have RRset) Change {
	c := Change{Before: have.Canonical(), After: want.Canonical()}
	added, removed := len(c.Added()) > 0, len(c.Removed()) > 0
	switch {
	case added && removed:
		c.Kind = Replace
	case added:
		c.Kind = Add
	case removed:
		c.Kind = Remove
	case !c.After.IsEmpty() && c.Before.TTL != c.After.TTL:
		c.Kind = TTLOnly
	default:
		c.Kind = Same
	}
	return c
}

// Added returns the values that come.
func (c Change) Added() []string { return c.After.Without(c.Before.Values...).Values }

// Removed returns the values that go.
func (c Change) Removed() []string { return c.Before.Without(c.After.Values...).Values }

// Undo returns the way back.
func (c Change) Undo() Change { return Diff(c.Before, c.After) }

// SPFRecords returns the values of a TXT set that are SPF records. More than
// one is a permanent error for every receiver (RFC 7208 §4.5).
func (r RRset) SPFRecords() []string {
	if r.Type != "TXT" {
		return nil
	}
	return slices.DeleteFunc(r.Canonical().Values, func(v string) bool { return !IsSPF(v) })
}
