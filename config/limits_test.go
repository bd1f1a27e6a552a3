package config

import (
	"testing"
	"testing/fstest"

	"bascule/migration"
	"bascule/providers/all"
)

func TestWhatAServiceBearsIsKnownUnlessSaidOtherwise(t *testing.T) {
	text := `
source "imap" "a" { host = "imap.gmail.com" }
source "imap" "b" {
  host  = "IMAP.gmail.com."
  daily = "1GB"
}
target "imap" "c" {
  host      = "imap.gmail.com"
  bandwidth = "10MB/s"
}
target "imap" "d" { host = "mail.example.ch" }
`
	cfg, diags := Load(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, Options{Catalog: all.Catalog()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d := cfg.Desired()
	for i, want := range []migration.Server{
		{Daily: 2_500_000_000, AccountConnections: 15}, {Daily: 1_000_000_000, AccountConnections: 15},
		{Daily: 500_000_000, AccountConnections: 15, Bandwidth: 10_000_000}, {},
	} {
		got := append(d.Sources, d.Targets...)[i]
		if got.Daily != want.Daily || got.AccountConnections != want.AccountConnections || got.Bandwidth != want.Bandwidth {
			t.Errorf("%s: %+v", got.Address, got)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]int64{"40MB/s": 40_000_000, "1MiB/s": 1 << 20, "500 kB/s": 500_000} {
		if got, err := parseRate(text); got != want || err != nil {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/s", "40MB", "40Mb/s", "40MB/m", "-1MB/s", "40MB/s/s"} {
		if got, err := parseRate(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
