package maildns

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSameDKIM(t *testing.T) {
	key := strings.Repeat("AbC+/d", 60) + "ABCDEFG="
	a := "v=DKIM1; k=rsa; p=" + key
	for other, same := range map[string]bool{
		a:                              true,
		"p=" + key + ";v=DKIM1":        false, // v= must come first
		"v=DKIM1;p=" + key:             true,
		"v=DKIM1; s=*; p=" + key + ";": true,
		`"v=DKIM1; k=rsa; p=` + key[:100] + `" "` + key[100:] + `"`: true,
		"v=DKIM1; p=" + key[:9] + " " + key[9:]:                     true,
		"v=DKIM1; n=a note; p=" + key:                               true,
		"v=DKIM1; t=y; p=" + key:                                    false,
		"v=DKIM1; p=" + strings.ToLower(key):                        false,
		"v=DKIM1; p=":                                               false,
		"v=spf1 -all":                                               false,
	} {
		if SameDKIM(a, other) != same || SameDKIM(other, a) != same {
			t.Errorf("%.60q: want %v", other, same)
		}
	}
	if _, err := ParseDKIM("v=DKIM1; p="); !errors.Is(err, ErrDKIMRevoked) {
		t.Error(err)
	}
	if k, err := ParseDKIM("v=DKIM1; k=ed25519; p=AAAA"); err != nil || k.Type != "ed25519" || len(k.Key) != 3 {
		t.Error(k, err)
	}
	if DKIMName("s1", "Example.ch") != "s1._domainkey.example.ch." {
		t.Error("name")
	}
}

func TestEnsureDMARCNeverWeakens(t *testing.T) {
	set := func(v ...string) RRset {
		return RRset{Name: "_dmarc.x.ch.", Type: "TXT", TTL: 300, Values: v}.Canonical()
	}
	for _, c := range []struct {
		name      string
		have      RRset
		want      []string
		wantError error
	}{
		{"none is created", set(), []string{"v=DMARC1; p=none; rua=mailto:d@x.ch"}, nil},
		{"reject stays", set("v=DMARC1; p=reject"), []string{"v=DMARC1; p=reject"}, nil},
		{"spelling stays", set("v=DMARC1;p=Quarantine; pct=20"), []string{"v=DMARC1;p=Quarantine; pct=20"}, nil},
		{"another text at the name does not count", set("hello"), []string{"hello", "v=DMARC1; p=none; rua=mailto:d@x.ch"}, nil},
		{"two records", set("v=DMARC1; p=none", "v=DMARC1; p=reject"), nil, ErrManyDMARC},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := EnsureDMARC(c.have, "d@x.ch")
			if !errors.Is(err, c.wantError) {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Values); err == nil && d != "" {
				t.Fatal(d)
			}
		})
	}
	if _, err := EnsureDMARC(set("v=DMARC1; p=strange"), ""); err == nil {
		t.Error("a policy nobody knows was accepted")
	}
	if name, ok := ReportAuthorisation("x.ch", "mailto:d@reports.net!10m"); !ok || name != "x.ch._report._dmarc.reports.net." {
		t.Error(name, ok)
	}
	if _, ok := ReportAuthorisation("x.ch", "mailto:d@sub.x.ch"); ok {
		t.Error("a report address of the domain itself needs no authorisation")
	}
}

func TestClientRecords(t *testing.T) {
	got := ClientRecords("X.ch", ClientServices{
		IMAP: Service{"imap.new.net", 993, true}, Submission: Service{"smtp.new.net", 587, false}, Autoconfig: "auto.new.net", Autodiscover: "auto.new.net",
	}, 300)
	var lines []string
	for _, rr := range got {
		lines = append(lines, rr.Lines()...)
	}
	want := []string{
		"_imaps._tcp.x.ch. 300 IN SRV 0 1 993 imap.new.net.",
		"_imap._tcp.x.ch. 300 IN SRV 0 0 0 .",
		"_submission._tcp.x.ch. 300 IN SRV 0 1 587 smtp.new.net.",
		"_submissions._tcp.x.ch. 300 IN SRV 0 0 0 .",
		"autoconfig.x.ch. 300 IN CNAME auto.new.net.",
		"autodiscover.x.ch. 300 IN CNAME auto.new.net.",
		"_autodiscover._tcp.x.ch. 300 IN SRV 0 0 443 auto.new.net.",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Fatal(d)
	}
	if err := CheckCNAME(got[4], []RRset{{Name: "autoconfig.x.ch.", Type: "A", Values: []string{"192.0.2.1"}}}); err == nil {
		t.Error("a CNAME beside an A")
	}
	if err := CheckCNAME(got[4], []RRset{{Name: "autoconfig.x.ch.", Type: "CNAME", Values: []string{"old."}}}); err != nil {
		t.Error(err)
	}
}

func FuzzTags(f *testing.F) {
	f.Add("v=DKIM1; k=rsa; p=AAAA")
	f.Add("v=DMARC1; p=none; rua=mailto:a@b.c,mailto:d@e.f!10m")
	f.Fuzz(func(t *testing.T, s string) {
		if SameDKIM(s, s) {
			if k, err := ParseDKIM(mustOctets(s)); err != nil && !errors.Is(err, ErrDKIMRevoked) {
				t.Fatal(k, err)
			}
		}
		if d, err := ParseDMARC(s); err == nil && d.Policy == "" {
			t.Fatal("no policy")
		}
	})
}

func mustOctets(s string) string {
	octets, err := TXTOctets(s)
	if err != nil {
		return s
	}
	return octets
}
