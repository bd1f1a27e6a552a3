package migration

import (
	"fmt"
	"slices"
)

// Phase is one of the eight steps of the method, in order.
type Phase int

// The phases. Their order is the method; nothing reorders them.
const (
	Prepare Phase = iota + 1
	LowerTTL
	Sync
	Verify
	Cutover
	DoubleReception
	Clients
	Decommission
)

var phaseNames = [...]string{"", "prepare", "lower_ttl", "sync", "verify", "cutover", "double_reception", "clients", "decommission"}

// Phases returns the eight phases in order.
func Phases() []Phase {
	return []Phase{Prepare, LowerTTL, Sync, Verify, Cutover, DoubleReception, Clients, Decommission}
}

// String returns the name as written in configuration, "lower_ttl" say.
func (p Phase) String() string {
	if p < Prepare || p > Decommission {
		return fmt.Sprintf("phase(%d)", int(p))
	}
	return phaseNames[p]
}

// ParsePhase is the inverse of String.
func ParsePhase(name string) (Phase, error) {
	if i := slices.Index(phaseNames[1:], name); i >= 0 {
		return Phase(i + 1), nil
	}
	return 0, fmt.Errorf("no phase is called %q; the phases are %v", name, phaseNames[1:])
}

// MarshalText implements encoding.TextMarshaler.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Phase) UnmarshalText(text []byte) error {
	got, err := ParsePhase(string(text))
	*p = got
	return err
}
