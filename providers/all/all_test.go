package all_test

import (
	"slices"
	"testing"

	"bascule/providers"
	"bascule/providers/all"
)

func TestEveryDriverIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range all.Catalog() {
		name := string(d.Kind) + " " + d.Driver
		if seen[name] || d.Driver == "" || d.Doc == "" {
			t.Errorf("%s: named twice, or without a word of documentation", name)
		}
		seen[name] = true
		if d.Kind == providers.KindTarget && len(d.Credentials) == 0 {
			t.Errorf("%s honours no credential", name)
		}
		if d.Open == nil && d.Kind == providers.KindTarget && !d.DeclaresExports {
			t.Errorf("%s: nobody can be asked for its exports, and nobody declares them", name)
		}
		for _, f := range d.Fields {
			if f.Name == "" || f.Doc == "" || f.Required && f.Default != "" {
				t.Errorf("%s: field %+v", name, f)
			}
		}
	}
}

func TestTheDriversOfTheLanguageAreThere(t *testing.T) {
	c := all.Catalog()
	for kind, want := range map[providers.Kind][]string{
		providers.KindSource: {"imap"}, providers.KindTarget: {"imap", "mox"}, providers.KindDNS: {"manual", "rfc2136"},
	} {
		for _, driver := range want {
			if !slices.Contains(c.Names(kind), driver) {
				t.Errorf("no %s %q", kind, driver)
			}
		}
	}
}
