package mox

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccountNames(t *testing.T) {
	allowed := regexp.MustCompile(`^[a-z0-9-]+-[0-9a-f]{12}$`)
	seen := map[string]string{}
	for _, address := range []string{"alice@example.ch", "alice@example.com", "a.b@c.example", "a@b.c.example", "a-b@c.example",
		"../../etc@example.ch", "é@example.ch", strings.Repeat("x", 64) + "@example.ch", "*@example.ch"} {
		name := accountName(address)
		if !allowed.MatchString(name) || len(name) > 40 || name != accountName(address) {
			t.Errorf("accountName(%q) = %q", address, name)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q share the name %q", address, other, name)
		}
		seen[name] = address
	}
	// Accounts made by earlier runs are recognised by their names.
	if got := accountName("alice@example.ch"); got != "alice-abcac681dbb0" {
		t.Errorf("the name of alice@example.ch became %q", got)
	}
}

func TestTheAddressThatStandsForAnAccount(t *testing.T) {
	for name, test := range map[string]struct {
		account   string
		addresses []string
		want      string
	}{
		"the one it is named after by us":          {accountName("b@d.example"), []string{"a@d.example", "b@d.example"}, "b@d.example"},
		"the one it is named after by hand":        {"b", []string{"a@d.example", "b@d.example"}, "b@d.example"},
		"else the first":                           {"zoe", []string{"a@d.example", "b@d.example"}, "a@d.example"},
		"not the catch-all or the postmaster":      {"zoe", []string{"*@d.example", "postmaster@d.example", "zed@d.example"}, "zed@d.example"},
		"the postmaster when there is nobody else": {"root", []string{"*@d.example", "postmaster@d.example"}, "postmaster@d.example"},
		"nobody":                   {"zoe", nil, ""},
		"a catch-all alone is not": {"zoe", []string{"*@d.example"}, ""},
	} {
		if got := mainAddress(test.account, "d.example", test.addresses); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestCanonicalAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"Alice@Example.CH": "alice@example.ch", "a@müller.example": "a@xn--mller-kva.example", "@example.ch": "*@example.ch",
		"a@example.ch.": "a@example.ch", "none": "", "a@": "", "a@..": "", "a@-x-.example": "",
	} {
		got, err := canonical(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestRecordsOfOtherNamesAreNotExported(t *testing.T) {
	got, err := parseRecords(`; a comment
$TTL 300
mx.new.example.     TXT "v=spf1 a -all"
example.ch.         MX 10 MX.new.example.
sub.example.ch.     MX 10 other.example.
example.ch.         TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 mx ~all"
example.ch.         TXT "something else"
s1._domainkey.example.ch.   TXT (
 		"v=DKIM1;p=AA"
 		"BB"
	)
s1._domainkey.other.example. TXT "v=DKIM1;p=CC"
_dmarc.example.ch.  TXT "v=DMARC1;p=reject"
`, "example.ch")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"10 mx.new.example."}, got.MX); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ip4:192.0.2.1", "ip6:2001:db8::1"}, got.SPF); diff != "" {
		t.Error(diff)
	}
	if len(got.DKIM) != 1 || got.DKIM[0].Name != "s1._domainkey" || got.DKIM[0].Value != "v=DKIM1;p=AABB" {
		t.Errorf("%+v", got.DKIM)
	}
	if _, err := parseRecords("nonsense here\n", "example.ch"); err == nil {
		t.Error("nonsense was understood")
	}
}

func FuzzParseRecords(f *testing.F) {
	f.Add("example.ch. MX 10 a.\nexample.ch. TXT \"v=spf1 mx\"\n")
	f.Add("$INCLUDE /etc/passwd\n$GENERATE 1-9999999 a$ MX 1 b.\n")
	f.Fuzz(func(t *testing.T, zone string) {
		out, err := parseRecords(zone, "example.ch")
		if err != nil {
			return
		}
		for _, r := range out.DKIM {
			if !strings.HasSuffix(r.Name, "._domainkey") || r.Domain != "example.ch" {
				t.Errorf("%+v", r)
			}
		}
	})
}
