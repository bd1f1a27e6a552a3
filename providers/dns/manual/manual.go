package manual

import (
	"context"
	"fmt"
	"slices"
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
	text := h.opening(zone, rr) + "  add:   " + strings.Join(rr.Values, "\n  add:   ") + "\n" +
		fmt.Sprintf("with the TTL of the records of this name and type that are there; if there is none, with %s.\n", humanTTL(rr.TTL)) +
		"Leave every record that is there as it is.\n"
	return &zonewriter.ManualError{Change: maildns.Diff(rr, maildns.RRset{Name: rr.Name, Type: rr.Type}), Text: text}
}

// RemoveValues implements zonewriter.Writer by saying what to do.
func (h Hand) RemoveValues(_ context.Context, zone string, rr maildns.RRset) error {
	text := h.opening(zone, rr) + "  remove: " + strings.Join(rr.Values, "\n  remove: ") + "\n" +
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
	writeValues(&b, change)
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

// writeValues lists what to change, what to add and what to remove. Only an
// MX grows before it shrinks; a value that takes the place of another is
// changed where it stands: two SPF records, even for a minute, are a permanent
// error for every receiver (RFC 7208 §4.5).
func writeValues(b *strings.Builder, change maildns.Change) {
	added, removed := change.Added(), change.Removed()
	if from, to, ok := inPlace(change.After.Type, removed, added); ok {
		fmt.Fprintf(b, "  change: %s\n  into:   %s\n", from, to)
		added, removed = without(added, to), without(removed, from)
	}
	for _, v := range added {
		fmt.Fprintf(b, "  add:    %s\n", v)
	}
	if len(added) > 0 && len(removed) > 0 {
		b.WriteString("Save. Only then:\n")
	}
	for _, v := range removed {
		fmt.Fprintf(b, "  remove: %s\n", v)
	}
	if change.After.Type == "TXT" && slices.ContainsFunc(change.Added(), func(v string) bool { return len(v) > 255 }) {
		b.WriteString("A panel that takes at most 255 characters wants the value in the quoted pieces shown below.\n")
	}
}

// inPlace returns the value that becomes another one: the SPF record, or the
// only one that changes.
func inPlace(typ string, removed, added []string) (from, to string, ok bool) {
	if typ == "MX" {
		return "", "", false
	}
	old, new := slices.IndexFunc(removed, maildns.IsSPF), slices.IndexFunc(added, maildns.IsSPF)
	if typ == "TXT" && old >= 0 && new >= 0 {
		return removed[old], added[new], true
	}
	if len(removed) == 1 && len(added) == 1 {
		return removed[0], added[0], true
	}
	return "", "", false
}

func without(values []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == gone })
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
