package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"bascule/maildns"
)

func TestThereAndBack(t *testing.T) {
	for typ, values := range map[string][]string{
		"MX":    {"0 .", "10 mx.example.ch."},
		"TXT":   {strings.Repeat("k", 700), maildns.TXT("\"a\\b\x00é;"), "", " x "},
		"A":     {"192.0.2.1"},
		"AAAA":  {"2001:db8::1"},
		"CNAME": {"x.example.ch."},
		"SRV":   {"0 0 0 .", "0 1 993 imap.example.ch."},
		"CAA":   {`0 issue "letsencrypt.org; validationmethods=dns-01"`},
		"TLSA":  {"3 1 1 " + strings.Repeat("ab", 32)},
		"NS":    {"ns1.example.ch."},
	} {
		want, err := maildns.New("a.example.ch", typ, 300, values...)
		if err != nil {
			t.Fatal(err)
		}
		records, err := Records(want)
		if err != nil {
			t.Fatal(err)
		}
		m := &dns.Msg{Answer: records}
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(typ, err)
		}
		back := new(dns.Msg)
		if err := back.Unpack(packed); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, RRset("A.example.ch", typ, back.Answer)); d != "" {
			t.Errorf("%s: %s", typ, d)
		}
	}
}

func TestRRsetTakesOnlyItsNameTypeAndClass(t *testing.T) {
	var records []dns.RR
	for _, s := range []string{"a.ch. 60 IN MX 1 x.", "a.ch. 600 IN MX 2 y.", "b.ch. 9 IN MX 3 z.", "a.ch. 9 IN A 192.0.2.1", "a.ch. 9 CH MX 4 c."} {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	want := maildns.RRset{Name: "a.ch.", Type: "MX", TTL: 600, Values: []string{"1 x.", "2 y."}}
	if d := cmp.Diff(want, RRset("a.ch", "mx", records)); d != "" {
		t.Fatal(d)
	}
	if n, err := Type("TYPE65280"); err != nil || n != 65280 {
		t.Fatal(n, err)
	}
	if _, err := Type("NONSENSE"); err == nil {
		t.Fatal("a type nobody knows")
	}
}

func FuzzMessage(f *testing.F) {
	records, _ := Records(maildns.RRset{Name: "x.ch.", Type: "TXT", TTL: 1, Values: []string{"v=spf1 -all"}})
	packed, _ := (&dns.Msg{Answer: records}).Pack()
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		for _, rr := range m.Answer {
			h := rr.Header()
			set := RRset(h.Name, dns.TypeToString[h.Rrtype], m.Answer)
			if again := set.Canonical(); !again.Equal(set) {
				t.Fatalf("%v is not canonical: %v", set, again)
			}
		}
	})
}
