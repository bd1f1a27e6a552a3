package config

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/migration"
)

const resolveBase = `
source "imap" "old" {
  host = "mail.old-host.example"
}
target "mox" "new" {
  host           = "mail.new-host.example"
  admin_url      = "https://mail.new-host.example/admin/"
  admin_password = secret("env:MOX")
}
dns "manual" "zone" {}
locals {
  first_mx = target.mox.new.mx[0]
}
domain "a" {
  name   = "a.example"
  dns    = dns.manual.zone
  target = target.mox.new
}
domain "b" {
  name   = "b.example"
  dns    = dns.manual.zone
  target = target.mox.new
  mx_to  = [local.first_mx]
}
record "imap" {
  domain = domain.a
  name   = "imap"
  type   = "CNAME"
  values = ["${target.mox.new.imap.host}."]
}
output "mx" {
  value = target.mox.new.mx
}
`

func resolveExports() map[migration.Address]map[string]migration.Exports {
	key := func(d string) []migration.DKIMRecord {
		return []migration.DKIMRecord{{Domain: d, Name: "s._domainkey", Type: "TXT", Value: "v=DKIM1; p=" + d}}
	}
	return map[migration.Address]map[string]migration.Exports{"target.mox.new": {
		"":          {MX: []string{"10 mx.new-host.example."}, SPF: []string{"mx"}, IMAP: migration.Service{Host: "imap.new-host.example", Port: 993}},
		"a.example": {DKIM: key("a.example")},
		"b.example": {DKIM: key("b.example"), MX: []string{"10 mx-b.new-host.example.", "20 mx.new-host.example."}},
	}}
}

func TestResolveFillsInWhatTargetsExport(t *testing.T) {
	c, list := loadText(t, resolveBase)
	if len(list) > 0 {
		t.Fatal(render(list))
	}
	for _, d := range c.Desired().Domains {
		if !d.MXTo.Unknown || !d.SPF.Add.Unknown || !d.DKIM.Unknown {
			t.Errorf("%s is known before anybody looked: %+v", d.Address, d)
		}
	}
	got, list := c.Resolve(resolveExports())
	if len(list) > 0 {
		t.Fatal(render(list))
	}
	a, b := got.Domains[0], got.Domains[1]
	if d := cmp.Diff([]string{"10 mx.new-host.example."}, a.MXTo.Values); d != "" || a.MXTo.Unknown {
		t.Errorf("MX of a: %s", d)
	}
	if d := cmp.Diff([]string{"10 mx-b.new-host.example."}, b.MXTo.Values); d != "" {
		t.Errorf("a local value does not know the domain it is used in: %s", d)
	}
	if len(a.DKIM.Records) != 1 || a.DKIM.Records[0].Value != "v=DKIM1; p=a.example" || b.DKIM.Records[0].Value != "v=DKIM1; p=b.example" {
		t.Errorf("DKIM keys: %+v, %+v", a.DKIM, b.DKIM)
	}
	if got.Records[0].Values.Values[0] != "imap.new-host.example." {
		t.Errorf("record: %+v", got.Records[0])
	}
	if got.Outputs[0].Value != `["10 mx.new-host.example."]` {
		t.Errorf("output: %+v", got.Outputs[0])
	}
	if got.Digest != c.Desired().Digest {
		t.Error("the digest follows what was observed")
	}
}

func TestResolveWithoutExportsIsTheFirstEvaluation(t *testing.T) {
	c, _ := loadText(t, resolveBase)
	got, list := c.Resolve(nil)
	if d := cmp.Diff(c.Desired(), got); d != "" || len(list) > 0 {
		t.Errorf("%s%s", d, render(list))
	}
}

func TestResolveChecksWhatWasUnknown(t *testing.T) {
	c, _ := loadText(t, strings.Replace(resolveBase, "target = target.mox.new\n}", "target = target.mox.new\n  mx_from = [\"10 mx.new-host.example.\"]\n}", 1))
	_, list := c.Resolve(resolveExports())
	if len(list) != 1 || list[0].Summary != "The MX would not move" || list[0].Address != "domain.a" {
		t.Errorf("got:\n%s", render(list))
	}
}

func TestResolveByManyAtOnce(t *testing.T) {
	c, _ := loadText(t, resolveBase)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got, list := c.Resolve(resolveExports()); len(list) > 0 || got.Domains[0].MXTo.Unknown {
				t.Error(render(list))
			}
		})
	}
	wg.Wait()
}

func TestRangeFindsObjectsAndInstances(t *testing.T) {
	c := mustLoad(t, caseFS(t, "testdata/valid/everything.hcl"), testOptions())
	for addr, want := range map[migration.Address]string{
		"domain.main":            `domain "main" {`,
		`domain.others["org"]`:   `domain "others" {`,
		"target.imap.new":        `target "imap" "new" {`,
		`ignore.gone["alice"]`:   `ignore "gone" {`,
		"migration.everything":   `migration "everything" {`,
		"mailbox.nobody":         "",
		"mailbox.dora2":          "",
		`mailbox.dora.something`: "",
	} {
		rng, snippet := c.Range(addr)
		if snippet != want || rng.IsZero() != (want == "") {
			t.Errorf("%s: %q at %v, want %q", addr, snippet, rng, want)
		}
	}
}
