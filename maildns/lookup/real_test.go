package lookup

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/testservers"
	"bascule/maildns"
)

// What real servers say is read as it stands in their zone.
func TestSnapshotOfRealServers(t *testing.T) {
	o := testservers.DNSOptions{Zones: []testservers.Zone{{Name: "company.example", Records: `
@ 86400 IN MX 10 mx1.old.example.
@ 86400 IN MX 20 MX2.old.example.
@ 300 IN TXT "v=spf1 " "mx -all"
@ 300 IN TXT "\"quoted\" back\\slash \195\169"
_dmarc 60 IN CNAME dmarc.old.example.
sub IN NS ns.provider.example.
`}}}
	t.Run("Knot", func(t *testing.T) { checkReal(t, testservers.StartKnot(t, o).Addr) })
	t.Run("BIND", func(t *testing.T) { checkReal(t, testservers.StartBIND(t, o).Addr) })
}

func checkReal(t *testing.T, addr string) {
	var d net.Dialer
	r := &Resolver{Dialer: d.DialContext, Timeout: 2 * time.Second}
	servers, err := r.ExplicitServers(t.Context(), []string{addr})
	if err != nil {
		t.Fatal(err)
	}
	key := func(name, typ string) maildns.Key { return maildns.KeyOf(name, typ) }
	hidden := key("s1._domainkey.sub.company.example", "TXT")
	keys := []maildns.Key{key("company.example", "MX"), key("company.example", "TXT"), key("_dmarc.company.example", "TXT"), key("none.company.example", "A"), hidden}
	z := r.Snapshot(t.Context(), "company.example", servers, keys)
	view := z.Servers[0]
	if view.Err != "" || view.Serial != 1 || view.NegativeTTL != 300 {
		t.Fatalf("%+v", view)
	}
	for k, want := range map[maildns.Key][]string{
		keys[0]:                                {"10 mx1.old.example.", "20 mx2.old.example."},
		keys[1]:                                {`\"quoted\" back\\slash \195\169`, "v=spf1 mx -all"},
		keys[2]:                                {},
		key("_dmarc.company.example", "CNAME"): {"dmarc.old.example."},
		keys[3]:                                {},
	} {
		rr, ok := view.Lookup(k)
		if diff := cmp.Diff(want, rr.Values); !ok || diff != "" {
			t.Errorf("%s: %s %s", k, view.WhyUnknown(k), diff)
		}
	}
	if z.MaxTTL("company.example", "MX") != 86400 {
		t.Error("TTL")
	}
	// Beneath a delegation the zone cannot speak.
	if rr, ok := view.Lookup(hidden); ok || !strings.Contains(view.WhyUnknown(hidden), "delegated to ns.provider.example.") {
		t.Errorf("%v %q", rr, view.WhyUnknown(hidden))
	}
	lame := r.Snapshot(t.Context(), "elsewhere.example", servers, []maildns.Key{key("elsewhere.example", "MX")})
	if lame.Servers[0].Err == "" {
		t.Error("a zone that is not there was believed")
	}
}
