package maildns

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustSPF(t interface{ Fatal(...any) }, s string) SPF {
	spf, err := ParseSPF(s)
	if err != nil {
		t.Fatal(err)
	}
	return spf
}

func TestParseSPFKeepsWhatIsWritten(t *testing.T) {
	for _, s := range []string{
		"v=spf1",
		"v=spf1 -all",
		"v=spf1 +a +mx +ip4:192.0.2.1 ~all",
		"v=spf1 a:mail.example.ch/28//64 mx//64 ip6:2001:db8::/32 ?all",
		"v=spf1 include:Spf.Protection.Outlook.com redirect=_spf.example.ch",
		"v=spf1 exists:%{ir}.%{v}._spf.%{d2} exp=explain._spf.%{d} ptr -ptr:example.ch",
		"v=spf1 a:%{d/}.x moo=cow all",
	} {
		if got := mustSPF(t, s).String(); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestParseSPFRefuses(t *testing.T) {
	for _, s := range []string{
		"v=spf1 ipv4:192.0.2.1", "v=spf1 ip4:2001:db8::1", "v=spf1 ip4:192.0.2.0/33", "v=spf1 ip4", "v=spf1 include", "v=spf1 include:", "v=spf1 all:x",
		"v=spf1 a/", "v=spf1 a:", "v=spf1 a/24/64", "v=spf1 mx/024", "v=spf1 +", "v=spf1 -all,", "v=spf1 redirect=a redirect=b", "v=spf1 redirect=",
		"v=spf1 exists:%", "v=spf1 exists:%{q}", "v=spf1\ta", "v=spf1 a\tb", "v=spf1 ip6:fe80::1%eth0", "v=spf1 é",
	} {
		if got, err := ParseSPF(s); err == nil {
			t.Errorf("%q was read as %q", s, got)
		}
	}
	for _, s := range []string{"v=spf10 -all", "", "spf2.0/pra -all", "v=spf", "google-site-verification=x"} {
		if _, err := ParseSPF(s); !errors.Is(err, ErrNotSPF) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

var moving = SPFContext{Domain: "example.ch", OldMX: []string{"mx1.old.net.", "mx2.old.net."}, NewMX: []string{"mx.new.net."}}

func TestUnion(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"two includes, weaker all", "v=spf1 include:spf.old.net -all", "v=spf1 include:spf.new.net ~all", "v=spf1 include:spf.old.net include:spf.new.net ~all"},
		{"both strict stays strict", "v=spf1 include:spf.old.net -all", "v=spf1 include:spf.new.net -all", "v=spf1 include:spf.old.net include:spf.new.net -all"},
		{"addresses first", "v=spf1 a include:x.net ip4:192.0.2.1 ~all", "v=spf1 ip6:2001:db8::1 ~all", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a include:x.net ~all"},
		{"bare mx is the old hosts, and the new ones", "v=spf1 mx -all", "v=spf1 mx ~all", "v=spf1 a:mx1.old.net a:mx2.old.net a:mx.new.net ~all"},
		{"mx of the domain itself, with prefix lengths", "v=spf1 mx:Example.ch/28 -all", "v=spf1 -all", "v=spf1 a:mx1.old.net/28 a:mx2.old.net/28 -all"},
		{"mx of another domain stays", "v=spf1 mx:other.ch -all", "v=spf1 -all", "v=spf1 mx:other.ch -all"},
		{"redirect becomes include with the softer all", "v=spf1 redirect=spf.hostpoint.ch", "v=spf1 include:spf.new.net -all", "v=spf1 include:spf.hostpoint.ch include:spf.new.net ~all"},
		{"redirect beside all is void", "v=spf1 a redirect=spf.old.net -all", "v=spf1 include:spf.new.net -all", "v=spf1 a include:spf.new.net -all"},
		{"terms behind all are void", "v=spf1 a -all include:never.net", "v=spf1 -all", "v=spf1 a -all"},
		{"no all is neutral", "v=spf1 a", "v=spf1 include:n.net -all", "v=spf1 a include:n.net ?all"},
		{"a list of mechanisms has no opinion on all", "v=spf1 a -all", "v=spf1 include:n.net", "v=spf1 a include:n.net -all"},
		{"same term once, whatever its spelling", "v=spf1 include:SPF.new.net. ip4:192.0.2.1/32 ~all", "v=spf1 +include:spf.new.net ip4:192.0.2.1 ~all", "v=spf1 ip4:192.0.2.1/32 include:SPF.new.net. ~all"},
		{"old refuses somebody: its order stays, new goes before", "v=spf1 -ip4:192.0.2.9 ip4:192.0.2.0/24 -all", "v=spf1 include:n.net ~all", "v=spf1 include:n.net -ip4:192.0.2.9 ip4:192.0.2.0/24 ~all"},
		{"new refuses somebody", "v=spf1 a -all", "v=spf1 ?include:n.net -all", "v=spf1 a ?include:n.net -all"},
		{"exp of old wins, unknown modifiers stay", "v=spf1 a exp=e.old.net x=1 -all", "v=spf1 exp=e.new.net -all", "v=spf1 a -all exp=e.old.net x=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, new := mustSPF(t, c.old), mustSPF(t, c.new)
			u, err := Union(old, new, moving)
			if err != nil || u.String() != c.want {
				t.Fatalf("%q, %v\nwant %q", u, err, c.want)
			}
			if again, err := Union(u, new, moving); err != nil || again.String() != c.want {
				t.Fatalf("not idempotent: %q, %v", again, err)
			}
		})
	}
	if _, err := Union(mustSPF(t, "v=spf1 -a mx -all"), mustSPF(t, "v=spf1 -ip4:192.0.2.1 a -all"), moving); !errors.Is(err, ErrSPFNeedsPerson) {
		t.Error(err)
	}
	c := moving
	c.RedirectAll = map[string]byte{"r.net": Fail}
	c.OldA = []netip.Addr{netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("2001:db8::80")}
	u, _ := Union(mustSPF(t, "v=spf1 a redirect=R.net"), mustSPF(t, "v=spf1 -all"), c)
	if u.String() != "v=spf1 ip4:192.0.2.80 ip6:2001:db8::80 include:R.net -all" {
		t.Error(u)
	}
}

// drawSPF makes records of the shapes people publish, without refusals before all.
func drawSPF(t *rapid.T, label string) SPF {
	terms := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "mx", "+mx", "a:web.shop.ch", "mx:example.ch", "ip4:192.0.2.1", "ip4:198.51.100.0/24", "ip6:2001:db8::1", "include:spf.a.net", "include:spf.b.net",
		"include:SPF.A.net", "exists:%{i}.x.net", "ptr", "mx/28", "a/24//64", "exp=e.x.net",
	}), 0, 6).Draw(t, label)
	seen := map[string]bool{}
	words := []string{"v=spf1"}
	for _, w := range terms {
		if !strings.HasPrefix(w, "exp=") || !seen[w] {
			words = append(words, w)
		}
		seen[w] = true
	}
	if end := rapid.SampledFrom([]string{"", "-all", "~all", "?all", "+all", "redirect=_spf.r.net"}).Draw(t, label+" end"); end != "" {
		words = append(words, end)
	}
	return mustSPF(t, strings.Join(words, " "))
}

func TestUnionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := drawSPF(t, "old"), drawSPF(t, "new")
		u, err := Union(old, new, moving)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Union(u, new, moving)
		if err != nil || again.String() != u.String() {
			t.Fatalf("not idempotent: %q + %q = %q, then %q (%v)", old, new, u, again, err)
		}
		if back := mustSPF(t, u.String()); back.String() != u.String() {
			t.Fatalf("%q is read as %q", u, back)
		}
		left := Minus(u, OldOnly(old, new, moving))
		for _, term := range moving.explicit(new, moving.NewMX, nil).mechanisms {
			if !contains(left.Terms, term) || !contains(u.Terms, term) {
				t.Fatalf("%q no longer authorises %q: %q", left, term, u)
			}
		}
		for _, term := range moving.explicit(old, moving.OldMX, nil).mechanisms {
			if !contains(u.Terms, term) {
				t.Fatalf("%q does not authorise %q of old", u, term)
			}
		}
	})
}

// shapes are records as services tell their customers to publish them, and as
// they are found in the wild.
func shapes() []string {
	return []string{
		"v=spf1 include:spf.infomaniak.ch -all", "v=spf1 include:_spf.google.com ~all", "v=spf1 include:spf.protection.outlook.com -all",
		"v=spf1 include:spf.migadu.com -all", "v=spf1 include:spf.messagingengine.com ?all", "v=spf1 include:_spf.protonmail.ch ~all",
		"v=spf1 include:zoho.eu ~all", "v=spf1 include:mx.ovh.com ~all", "v=spf1 include:_mailcust.gandi.net ?all", "v=spf1 include:mailbox.org ~all",
		"v=spf1 include:spf.tutanota.de -all", "v=spf1 include:icloud.com ~all", "v=spf1 redirect=spf.mail.hostpoint.ch", "v=spf1 include:_spf.purelymail.com -all",
		"v=spf1 include:amazonses.com ~all", "v=spf1 include:emailsrvr.com ~all", "v=spf1 include:_spf-eu.ionos.com ~all", "v=spf1 include:spf.rzone.de ~all",
		"v=spf1 include:www348.your-server.de mx ~all", "v=spf1 redirect=_spf.yandex.net", "v=spf1 include:spf.forwardemail.net -all",
		"v=spf1 include:spf.improvmx.com ~all", "v=spf1 include:_spf.mx.cloudflare.net ~all", "v=spf1 include:spf.titan.email ~all",
		"v=spf1 mx ~all", "v=spf1 ip4:192.0.2.25 mx ~all", "v=spf1 mx -all", "v=spf1 +a +mx +ip4:192.0.2.25 ~all", "v=spf1 +a +mx ~all", "v=spf1 a mx ptr ~all",
		"v=spf1 a mx include:_spf.google.com include:servers.mcsv.net include:mail.zendesk.com ip4:198.51.100.0/24 ip6:2001:db8:1::/48 -all",
		"v=spf1 -all", "v=spf1 ?all", "v=spf1 +all", "v=spf1 a:mail.example.ch ~all", "v=spf1 a/24 mx/28 -all", "v=spf1 exists:%{i}._spf.corp.example -all",
		"v=spf1 include:%{ir}.%{v}.%{d}.spf.has.pphosted.com ~all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip6:2001:db8::25 -all",
		"v=spf1 mx:example.ch include:spf.mandrillapp.com ~all exp=explain.example.ch", "V=SPF1 MX ~ALL", "v=spf1  include:spf.old.net  -all ",
	}
}

// Every service to every other: one valid record that authorises both, and
// afterwards one that still authorises the new one.
func TestUnionOfEveryPairOfShapes(t *testing.T) {
	for _, from := range shapes() {
		for _, to := range shapes() {
			old, new := mustSPF(t, from), mustSPF(t, to)
			u, err := Union(old, new, moving)
			if err != nil {
				t.Fatalf("%q → %q: %v", from, to, err)
			}
			if again, err := Union(mustSPF(t, u.String()), new, moving); err != nil || again.String() != u.String() {
				t.Errorf("%q → %q: %q, then %q (%v)", from, to, u, again, err)
			}
			for _, bare := range u.Terms {
				if bare.Name == "mx" && moving.own(bare.Domain) {
					t.Errorf("%q → %q: %q changes its meaning when the MX moves", from, to, u)
				}
			}
			left := Minus(u, OldOnly(old, new, moving))
			for _, term := range moving.explicit(new, moving.NewMX, nil).mechanisms {
				if !contains(left.Terms, term) {
					t.Errorf("%q → %q: afterwards %q no longer holds %q", from, to, left, term)
				}
			}
			for _, term := range moving.explicit(old, moving.OldMX, nil).mechanisms {
				if !contains(u.Terms, term) {
					t.Errorf("%q → %q: %q does not hold %q", from, to, u, term)
				}
			}
			if got := CountSPF("example.ch", u, SPFResolver{}).Lookups; got > CountSPF("example.ch", old, SPFResolver{}).Lookups+CountSPF("example.ch", new, SPFResolver{}).Lookups+4 {
				t.Errorf("%q → %q: %q costs %d lookups", from, to, u, got)
			}
		}
	}
}

func TestMinusTakesOnlyWhatIsAttributed(t *testing.T) {
	record := mustSPF(t, "v=spf1 ip4:192.0.2.25 ip4:198.51.100.0/24 a:mx1.old.net include:spf.OLD.net include:shop.example include:spf.new.net exp=e.x.net ~all")
	old := OldService{Domains: []string{"old.net"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("198.51.100.0")}}
	got := Minus(record, Attribute(record.Terms, old)).String()
	want := "v=spf1 ip4:198.51.100.0/24 include:shop.example include:spf.new.net exp=e.x.net ~all"
	if got != want {
		t.Fatal(cmp.Diff(want, got))
	}
}

func TestMergeSPFLeavesTheOtherTextsAlone(t *testing.T) {
	new, err := NewSPF("include:spf.new.net")
	if err != nil {
		t.Fatal(err)
	}
	apex := RRset{Name: "example.ch.", Type: "TXT", TTL: 300, Values: []string{"google-site-verification=x", "v=spf1 mx -all", `ms="1"`}}
	got, err := MergeSPF(apex, new, moving)
	want := RRset{Name: "example.ch.", Type: "TXT", TTL: 300, Values: []string{"google-site-verification=x", `ms="1"`, "v=spf1 a:mx1.old.net a:mx2.old.net include:spf.new.net -all"}}.Canonical()
	if err != nil || cmp.Diff(want, got) != "" {
		t.Fatal(err, cmp.Diff(want, got))
	}
	if again, err := MergeSPF(got, new, moving); err != nil || !again.Equal(got) {
		t.Fatal(again, err)
	}
	if alone, err := MergeSPF(RRset{Name: "example.ch.", Type: "TXT"}, new, moving); err != nil || alone.Values[0] != "v=spf1 include:spf.new.net ~all" {
		t.Fatal(alone, err)
	}
	if _, err := MergeSPF(apex.With("v=spf1 a -all"), new, moving); err == nil {
		t.Fatal("two records were merged silently")
	}
	if _, err := MergeSPF(RRset{Name: "x.", Type: "TXT", Values: []string{"v=spf1 bogus"}}, new, moving); err == nil {
		t.Fatal("a broken record was merged")
	}
}

func TestCountSPF(t *testing.T) {
	txt := map[string][]string{
		"a.net.": {"v=spf1 include:b.net mx a -all", "unrelated"}, "b.net.": {`"v=spf1 ip4:192.0.2.1 " "exists:x.b.net -all"`},
		"two.net.": {"v=spf1 -all", "v=spf1 a -all"}, "loop.net.": {"v=spf1 include:loop.net -all"}, "bad.net.": {"v=spf1 nonsense"},
	}
	ask := func(name string) ([]string, error) {
		if name == "down.net." {
			return nil, errors.New("timeout")
		}
		return txt[name], nil
	}
	addr := func(name string) ([]string, error) {
		if name == "void.net." {
			return nil, nil
		}
		return []string{"192.0.2.1"}, nil
	}
	many := func(string) ([]string, error) { return make([]string, 11), nil }
	for _, c := range []struct {
		name, record   string
		lookups, void  int
		problems, dark int
	}{
		{"addresses cost nothing", "v=spf1 ip4:192.0.2.1 ip6:::1 -all", 0, 0, 0, 0},
		{"nested includes count", "v=spf1 include:a.net -all", 5, 0, 1, 0}, // mx of a.net has 11 hosts
		{"redirect counts", "v=spf1 redirect=b.net", 2, 0, 0, 0},
		{"redirect beside all does not", "v=spf1 redirect=b.net -all", 0, 0, 0, 0},
		{"void lookups", "v=spf1 a:void.net include:none.net -all", 2, 2, 1, 0},
		{"two records", "v=spf1 include:two.net -all", 1, 0, 1, 0},
		{"a record that includes itself", "v=spf1 include:loop.net -all", 2, 0, 1, 0},
		{"a broken include", "v=spf1 include:bad.net -all", 1, 0, 1, 0},
		{"an unreachable include is unknown", "v=spf1 include:down.net -all", 1, 0, 0, 1},
		{"a macro is unknown", "v=spf1 exists:%{i}.x.net -all", 1, 0, 0, 1},
		{"eleven", "v=spf1" + strings.Repeat(" a", 11) + " -all", 11, 0, 1, 0},
		{"ten", "v=spf1" + strings.Repeat(" a", 10) + " -all", 10, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := CountSPF("example.ch", mustSPF(t, c.record), SPFResolver{TXT: ask, A: addr, MX: many})
			if got.Lookups != c.lookups || got.Void != c.void || len(got.Problems) != c.problems || len(got.Unknown) != c.dark {
				t.Fatalf("%+v", got)
			}
			if got.OK() != (c.problems == 0 && c.dark == 0) {
				t.Fatal("OK")
			}
		})
	}
	if CheckSPFSize(strings.Repeat("x", 450)) != "" || CheckSPFSize(strings.Repeat("x", 451)) == "" {
		t.Error("size")
	}
}

func TestCountSPFEndsOnHostileRecords(t *testing.T) {
	fan := func(name string) ([]string, error) {
		var b strings.Builder
		b.WriteString("v=spf1")
		for i := range 40 {
			b.WriteString(" include:")
			b.WriteByte(byte('a' + i%26))
			b.WriteString(strings.Repeat("x", i) + "." + name)
		}
		if b.Len() > 4000 {
			return []string{"v=spf1 -all"}, nil
		}
		return []string{b.String()}, nil
	}
	if got := CountSPF("x.ch", mustSPF(t, "v=spf1 include:y.ch"), SPFResolver{TXT: fan}); got.OK() {
		t.Fatalf("%+v", got)
	}
}

func FuzzParseSPF(f *testing.F) {
	for _, s := range []string{"v=spf1 a:b/24//64 -all", "v=spf1 exists:%{ir1-}.x ~all", "v=spf1 ip6:::/0 redirect=x", "V=SPF1 +MX"} {
		f.Add(s, "v=spf1 include:n.net ~all")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		old, err := ParseSPF(a)
		if err != nil {
			return
		}
		if back, err := ParseSPF(old.String()); err != nil || back.String() != old.String() {
			t.Fatalf("%q → %q: %v", a, old, err)
		}
		new, err := ParseSPF(b)
		if err != nil {
			return
		}
		u, err := Union(old, new, moving)
		if err != nil {
			return
		}
		again, err := Union(u, new, moving)
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q + %q = %q, then %q (%v)", a, b, u, again, err)
		}
		if _, err := ParseSPF(u.String()); err != nil {
			t.Fatalf("%q: %v", u, err)
		}
		_ = CountSPF("x.ch", u, SPFResolver{})
	})
}
