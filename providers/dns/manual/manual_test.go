package manual

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/maildns"
	"bascule/maildns/zonewriter"
	"bascule/migration"
	"bascule/providers"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestInstructions(t *testing.T) {
	rr := func(name, typ string, ttl uint32, values ...string) maildns.RRset {
		out, err := maildns.New(name, typ, ttl, values...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	hand := Hand{Where: "https://panel.example.net"}
	old := rr("example.ch", "MX", 86400, "10 mx1.old.example", "20 mx2.old.example")
	low, new := old.WithTTL(300), rr("example.ch", "MX", 300, "5 mx.new.example")
	key := rr("s1._domainkey.example.ch", "TXT", 3600, "v=DKIM1; k=rsa; p="+strings.Repeat("MIIBIjANBgkqhkiG9w0B", 20)[:396])
	none := rr("s1._domainkey.example.ch", "TXT", 0)
	for name, err := range map[string]error{
		"lower-ttl":   hand.ReplaceRRset(t.Context(), "example.ch", old, low),
		"add-mx":      hand.ReplaceRRset(t.Context(), "example.ch", low, low.With(new.Values...)),
		"remove-mx":   hand.ReplaceRRset(t.Context(), "example.ch", low.With(new.Values...), new),
		"replace-spf": hand.ReplaceRRset(t.Context(), "example.ch", rr("example.ch", "TXT", 300, "v=spf1 mx -all", "x"), rr("example.ch", "TXT", 300, "v=spf1 a:mx1.old.example ~all", "x")),
		"long-dkim":   hand.ReplaceRRset(t.Context(), "example.ch", none, key),
		"drop-dkim":   hand.ReplaceRRset(t.Context(), "example.ch", key, none),
		"add-values":  Hand{}.AddValues(t.Context(), "example.ch.", new),
		"drop-values": Hand{}.RemoveValues(t.Context(), "example.ch.", old),
	} {
		t.Run(name, func(t *testing.T) {
			var m *zonewriter.ManualError
			if !errors.As(err, &m) {
				t.Fatal(err)
			}
			golden(t, name, m.Text)
		})
	}
	if err := hand.ReplaceRRset(t.Context(), "example.ch", old, old); err != nil {
		t.Error(err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Fatal(d)
	}
}

func TestOpenKeepsWhere(t *testing.T) {
	p, err := Descriptor().Open(providers.Config{Server: migration.Server{Settings: map[string]string{"where": "a file"}}})
	if err != nil || p.(Hand).Where != "a file" || p.Driver() != "manual" {
		t.Fatal(p, err)
	}
}
