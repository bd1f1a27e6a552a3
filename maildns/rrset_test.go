package maildns

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalValue(t *testing.T) {
	for _, c := range []struct{ name, typ, in, want string }{
		{"MX in lower case and absolute", "MX", " 10  MX1.Example.COM ", "10 mx1.example.com."},
		{"null MX", "MX", "0 .", "0 ."},
		{"TXT of one quoted string", "TXT", `"v=spf1 -all"`, "v=spf1 -all"},
		{"TXT of several strings is concatenated without spaces", "TXT", `"v=DKIM1; p=AB" "CD"`, "v=DKIM1; p=ABCD"},
		{"TXT unquoted keeps its spaces", "TXT", "v=spf1  a  -all", "v=spf1  a  -all"},
		{"TXT with octets beyond ASCII is escaped", "TXT", "é", `\195\169`},
		{"TXT with an inner quote is escaped", "TXT", `a"b`, `a\"b`},
		{"TXT decimal escape of a letter is undone", "TXT", `\097bc`, "abc"},
		{"A", "A", "192.0.2.1", "192.0.2.1"},
		{"AAAA in short form", "AAAA", "2001:DB8:0:0::1", "2001:db8::1"},
		{"CNAME", "CNAME", "Autoconfig.Example.ch", "autoconfig.example.ch."},
		{"CNAME with Unicode", "CNAME", "mail.exämple.ch", "mail.xn--exmple-cua.ch."},
		{"SRV", "SRV", "0 1 993 IMAP.example", "0 1 993 imap.example."},
		{"SRV denying a service", "SRV", "0 0 0 .", "0 0 0 ."},
		{"CAA with an unquoted value", "CAA", "0 ISSUE letsencrypt.org", `0 issue "letsencrypt.org"`},
		{"TLSA with spaces in the hexadecimal", "TLSA", "3 1 1 AB CD", "3 1 1 abcd"},
		{"unknown types fold white space", "HTTPS", "1  .   alpn=h2", "1 . alpn=h2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CanonicalValue(c.typ, c.in)
			if err != nil || got != c.want {
				t.Fatalf("%q, %v; want %q", got, err, c.want)
			}
			if again, err := CanonicalValue(c.typ, got); err != nil || again != got {
				t.Fatalf("not a fixed point: %q, %v", again, err)
			}
		})
	}
	for typ, bad := range map[string][]string{
		"MX": {"", "mx.example.", "10", "70000 mx.", "10 a b", "-1 mx.", "10 a..b"}, "A": {"::1", "1.2.3", "fe80::1%eth0"}, "AAAA": {"192.0.2.1"},
		"TXT": {`"open`, `\999`, `\1`, `"a" b`, `end\`}, "SRV": {"0 1 993", "0 1 99999 h."}, "CAA": {"0 issue", "256 issue x", "0 is-sue x"}, "TLSA": {"3 1 1 xyz", "3 1 1"},
		"CNAME": {"", strings.Repeat("a", 64) + ".ch", "a b.ch"},
	} {
		for _, v := range bad {
			if got, err := CanonicalValue(typ, v); err == nil {
				t.Errorf("%s %q was read as %q", typ, v, got)
			}
		}
	}
}

func TestRRsetComparesAsASetAndTTLSeparately(t *testing.T) {
	a := RRset{Name: "Example.CH", Type: "mx", TTL: 300, Values: []string{"20 b.", "10 A."}}
	b := RRset{Name: "example.ch.", Type: "MX", TTL: 600, Values: []string{"10 a.", "20 b.", "10 a."}}
	if !a.SameValues(b) || a.Equal(b) || !a.Equal(b.WithTTL(300)) {
		t.Fatal("comparison")
	}
	if !(RRset{Name: "x.", Type: "A", TTL: 5}).Equal(RRset{Name: "x.", Type: "A", TTL: 9}) {
		t.Fatal("two absent sets differ")
	}
	if got := a.Without("10 a").Values; len(got) != 1 || got[0] != "20 b." {
		t.Fatal(got)
	}
	if got := b.With("5 c").Values; got[0] != "5 c." {
		t.Fatalf("MX are sorted by number: %q", got)
	}
}

func TestRRsetAndZoneSurviveJSON(t *testing.T) {
	rr := RRset{Name: "x.ch.", Type: "TXT", TTL: 1, Values: []string{TXT("\xff\x00\"é\\")}}
	z := Zone{Name: "ch.", Servers: []ServerView{{Name: "ns", RRsets: map[Key]RRset{rr.Key(): rr}, Unknown: map[Key]string{KeyOf("y.ch", "A"): "timeout"}}}}
	j, err := json.Marshal(z)
	if err != nil {
		t.Fatal(err)
	}
	var back Zone
	if err := json.Unmarshal(j, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(z, back); d != "" {
		t.Fatal(d)
	}
	if octets, _ := TXTOctets(back.Servers[0].RRsets[rr.Key()].Values[0]); octets != "\xff\x00\"é\\" {
		t.Fatalf("%q", octets)
	}
}

func TestUnderComparesLabels(t *testing.T) {
	if Under("notexample.com", "example.com") || !Under("a.example.com", "Example.com.") || !Under("example.com", "example.com") {
		t.Fatal("Under")
	}
	if Relative("notexample.com", "example.com") != "notexample.com." || Relative("example.com.", "example.com") != "@" || Relative("_dmarc.example.com", "example.com.") != "_dmarc" {
		t.Fatal("Relative")
	}
}

func TestLinesSplitLongTXT(t *testing.T) {
	rr := RRset{Name: "s._domainkey.x.ch", Type: "TXT", TTL: 60, Values: []string{strings.Repeat("k", 414)}}
	want := `s._domainkey.x.ch. 60 IN TXT "` + strings.Repeat("k", 255) + `" "` + strings.Repeat("k", 159) + `"`
	if got := rr.Lines(); len(got) != 1 || got[0] != want {
		t.Fatal(got)
	}
}

func TestZoneKeepsUnknownApartFromAbsent(t *testing.T) {
	mx := RRset{Name: "x.ch.", Type: "MX", TTL: 300, Values: []string{"10 a."}}
	none := RRset{Name: "x.ch.", Type: "MX"}
	view := func(name string, rr RRset) ServerView {
		return ServerView{Name: name, RRsets: map[Key]RRset{rr.Key(): rr}, NegativeTTL: 900}
	}
	dead := ServerView{Name: "dead", Err: "timeout", RRsets: map[Key]RRset{mx.Key(): mx}}
	for _, c := range []struct {
		name                        string
		servers                     []ServerView
		agreed, everywhere, nowhere bool
		max                         uint32
		disagree                    int
		reach                       Reach
	}{
		{"all serve it", []ServerView{view("a", mx), view("b", mx)}, true, true, false, 300, 0, ReachedAll},
		{"one still has the old TTL", []ServerView{view("a", mx), view("b", mx.WithTTL(3600))}, false, false, false, 3600, 1, ReachedSome},
		{"one has none", []ServerView{view("a", mx), view("b", none)}, false, false, false, 300, 1, ReachedSome},
		{"none has it", []ServerView{view("a", none), view("b", none)}, true, false, true, 0, 0, ReachedNone},
		{"a silent one is not absent", []ServerView{view("a", none), dead}, false, false, false, 0, 0, ReachedNone},
		{"a silent one is not agreeing", []ServerView{view("a", mx), dead}, false, false, false, 300, 0, ReachUnknown},
		{"no server", nil, false, false, false, 0, 0, ReachUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := Zone{Name: "x.ch.", Servers: c.servers}
			if _, ok := z.Agreed("X.ch", "mx"); ok != c.agreed {
				t.Error("agreed")
			}
			if z.Everywhere(mx) != c.everywhere || z.Nowhere("x.ch", "MX", "10 A") != c.nowhere || z.MaxTTL("x.ch.", "MX") != c.max {
				t.Error("everywhere, nowhere, max TTL")
			}
			if d := z.Disagreements(); len(d) != c.disagree {
				t.Error(d)
			}
			if p := Propagated(z, mx); p.Reach != c.reach {
				t.Errorf("%+v", p)
			}
		})
	}
	if Propagated(Zone{Servers: []ServerView{view("a", mx), dead}}, mx, "dead").Reach != ReachedAll {
		t.Error("a silence that was accepted still counts")
	}
	if (ServerView{}).WhyUnknown(mx.Key()) != "not asked" || dead.WhyUnknown(mx.Key()) != "timeout" {
		t.Error("reason")
	}
}

func TestDiff(t *testing.T) {
	rr := func(ttl uint32, v ...string) RRset { return RRset{Name: "x.", Type: "A", TTL: ttl, Values: v} }
	for _, c := range []struct {
		want, have RRset
		kind       ChangeKind
	}{
		{rr(1, "192.0.2.1"), rr(1, "192.0.2.1"), Same},
		{rr(1, "192.0.2.1"), rr(2, "192.0.2.1"), TTLOnly},
		{rr(1, "192.0.2.1", "192.0.2.2"), rr(2, "192.0.2.1"), Add},
		{rr(1, "192.0.2.1"), rr(1), Add},
		{rr(1), rr(1, "192.0.2.1"), Remove},
		{rr(1, "192.0.2.2"), rr(1, "192.0.2.1"), Replace},
		{rr(1), rr(2), Same},
	} {
		d := Diff(c.want, c.have)
		if d.Kind != c.kind {
			t.Errorf("%v → %v: %s", c.have, c.want, d.Kind)
		}
		if u := d.Undo(); !u.After.Equal(c.have) || !u.Before.Equal(c.want) {
			t.Errorf("undo of %v", d)
		}
	}
}

func TestTTL(t *testing.T) {
	at := time.Date(2027, 3, 10, 8, 0, 0, 0, time.UTC)
	if got := WaitUntil(at, 86400, 5*time.Minute); got != at.Add(24*time.Hour+5*time.Minute) {
		t.Error(got)
	}
	if Seconds(1<<31) != 0 {
		t.Error("RFC 2181 §8: a TTL with the top bit set is zero")
	}
	if EffectiveTTL(300, 600) != 600 || !NeedsLowering(3600, 300, 600) || NeedsLowering(600, 300, 600) {
		t.Error("floor")
	}
}

func FuzzCanonicalValue(f *testing.F) {
	for _, s := range []string{"10 mx.example.", `"a" "b"`, `\065`, "0 issue \"x\"", "3 1 1 aa", "0 1 2 x.", "::1", "ä.ch"} {
		for _, typ := range []string{"MX", "TXT", "CNAME", "A", "AAAA", "SRV", "CAA", "TLSA", "X"} {
			f.Add(typ, s)
		}
	}
	f.Fuzz(func(t *testing.T, typ, s string) {
		c, err := CanonicalValue(typ, s)
		if err != nil {
			return
		}
		if again, err := CanonicalValue(typ, c); err != nil || again != c {
			t.Fatalf("%s %q → %q → %q, %v", typ, s, c, again, err)
		}
		if typ == "TXT" {
			octets, _ := TXTOctets(s)
			if back, err := TXTOctets(QuoteTXT(c)); err != nil || back != octets {
				t.Fatalf("%q → %q → %q", s, QuoteTXT(c), back)
			}
		}
	})
}
