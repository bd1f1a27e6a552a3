package manual

import (
	"context"
	"fmt"
	"strings"

	"bascule/maildns"
	"bascule/maildns/zonewriter"
	"bascule/providers"
)

// Hand is a person with access to the zone.
type Hand struct {
	// Where says how that person gets there, as configured: "panel.example.ch".
	Where string
}

var (
	_ providers.Provider = Hand{}
	_ zonewriter.Writer  = Hand{}
)

// Descriptor is what configuration and documentation know of the driver.
func Descriptor() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindDNS, Driver: "manual",
		Doc: "A zone that a person edits: every change becomes an exact instruction, and is checked at the authoritative servers.",
		Fields: []providers.Field{
			{Name: "where", Type: providers.String, Doc: "Where the zone is edited; shown with every instruction.", Example: "https://panel.example.ch"},
		},
		Open: func(c providers.Config) (providers.Provider, error) {
			return Hand{Where: c.Server.Settings["where"]}, nil
		},
	}
}

// Driver implements providers.Provider.
func (Hand) Driver() string { return "manual" }

// ReplaceRRset implements zonewriter.Writer by saying what to do.
func (h Hand) ReplaceRRset(_ context.Context, zone string, before, after maildns.RRset) error {
	change := maildns.Diff(after, before)
	if change.Kind == maildns.Same {
		return nil
	}
	return &zonewriter.ManualError{Change: change, Text: h.Instruction(zone, change)}
}

// AddValues implements zonewriter.Writer by saying what to do.
func (h Hand) AddValues(_ context.Context, zone string, rr maildns.RRset) error {
	text := h.opening(zone, rr) + "  add:   " + strings.Join(typed(rr.Type, rr.Values), "\n  add:   ") + "\n" +
		fmt.Sprintf("with the TTL of the records of this name and type that are there; if there is none, with %s.\n", humanTTL(rr.TTL)) +
		"Leave every record that is there as it is.\n"
	return &zonewriter.ManualError{Change: maildns.Diff(rr, maildns.RRset{Name: rr.Name, Type: rr.Type}), Text: text}
}

// RemoveValues implements zonewriter.Writer by saying what to do.
func (h Hand) RemoveValues(_ context.Context, zone string, rr maildns.RRset) error {
	text := h.opening(zone, rr) + "  remove: " + strings.Join(typed(rr.Type, rr.Values), "\n  remove: ") + "\n" +
		"Leave every other record as it is.\n"
	if rr.Type == "MX" {
		text += "If no other MX would remain, stop: the domain must never be without one.\n"
	}
	return &zonewriter.ManualError{Change: maildns.Diff(maildns.RRset{Name: rr.Name, Type: rr.Type}, rr), Text: text}
}

// Instruction says what to do to make change.Before into change.After, in
// plain words, and what the zone file then reads.
func (h Hand) Instruction(zone string, change maildns.Change) string {
	var b strings.Builder
	b.WriteString(h.opening(zone, change.After))
	for _, v := range typed(change.After.Type, change.Added()) {
		fmt.Fprintf(&b, "  add:    %s\n", v)
	}
	if len(change.Added()) > 0 && len(change.Removed()) > 0 {
		b.WriteString("Save. Only then:\n")
	}
	for _, v := range typed(change.After.Type, change.Removed()) {
		fmt.Fprintf(&b, "  remove: %s\n", v)
	}
	if change.After.IsEmpty() {
		b.WriteString("Nothing of this name and type remains.\n")
		return b.String()
	}
	if change.Kind == maildns.Add && change.Before.IsEmpty() {
		fmt.Fprintf(&b, "with a TTL of %s.\n", humanTTL(change.After.TTL))
	} else if change.Before.TTL != change.After.TTL {
		fmt.Fprintf(&b, "Set the TTL of all records of this name and type from %s to %s.\n", humanTTL(change.Before.TTL), humanTTL(change.After.TTL))
	}
	b.WriteString("When done, the zone holds exactly this for the name and type (zone file form):\n")
	for _, line := range change.After.Lines() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}

func (h Hand) opening(zone string, rr maildns.RRset) string {
	where := "Where the zone " + strings.TrimSuffix(maildns.Name(zone), ".") + " is edited"
	if h.Where != "" {
		where += " (" + h.Where + ")"
	}
	relative := maildns.Relative(rr.Name, zone)
	return fmt.Sprintf("%s, at the name %q (in full: %s), type %s:\n", where, relative, maildns.Name(rr.Name), rr.Type)
}

// typed is what a person types into a field: a TXT without quotes, in one piece.
func typed(typ string, values []string) []string {
	if typ != "TXT" {
		return values
	}
	var out []string
	for _, v := range values {
		if len(v) > 255 {
			v += "   (one value; a panel that takes at most 255 characters wants the quoted pieces shown as zone file)"
		}
		out = append(out, v)
	}
	return out
}

func humanTTL(ttl uint32) string {
	seconds := fmt.Sprintf("%d seconds", ttl)
	switch {
	case ttl >= 86400 && ttl%86400 == 0:
		return fmt.Sprintf("%s (%d d)", seconds, ttl/86400)
	case ttl >= 3600 && ttl%3600 == 0:
		return fmt.Sprintf("%s (%d h)", seconds, ttl/3600)
	case ttl >= 60 && ttl%60 == 0:
		return fmt.Sprintf("%s (%d min)", seconds, ttl/60)
	}
	return seconds
}
