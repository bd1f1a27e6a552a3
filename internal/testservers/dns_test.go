package testservers

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/libdns/rfc2136"
	"github.com/miekg/dns"
)

const dnsZone = "company.example"

func dnsOptions() DNSOptions {
	return DNSOptions{Zones: []Zone{
		{Name: dnsZone, Records: "@ 86400 IN MX 10 mx.old.example.\n@ IN TXT \"v=spf1 mx -all\""},
		{Name: "other.example"},
	}}
}

// authority is what the tests below need of either server.
type authority interface {
	Lookup(name string, recordType uint16) []dns.RR
	Serial(zone string) uint32
	Update(key TSIGKey, zone string, change func(*dns.Msg)) error
	Journal(zone string) string
	Restart()
}

func TestNameServersTakeSignedUpdates(t *testing.T) {
	t.Run("Knot", func(t *testing.T) {
		k := StartKnot(t, dnsOptions())
		checkAuthority(t, k, k.Addr, k.Key)
	})
	t.Run("BIND", func(t *testing.T) {
		b := StartBIND(t, dnsOptions())
		checkAuthority(t, b, b.Addr, b.Key)
	})
}

func checkAuthority(t *testing.T, server authority, addr string, key TSIGKey) {
	t.Helper()
	for _, zone := range []string{dnsZone, "other.example"} {
		if got := server.Serial(zone); got == 0 {
			t.Errorf("%s has no serial number", zone)
		}
	}
	before := server.Serial(dnsZone)
	provider := rfc2136.Provider{Server: addr, KeyName: dns.Fqdn(key.Name), KeyAlg: TSIGAlgorithm, Key: key.Secret}
	mx := libdns.MX{Name: "@", TTL: 5 * time.Minute, Preference: 20, Target: "mx.new.example."}
	if _, err := provider.AppendRecords(context.Background(), dnsZone+".", []libdns.Record{mx}); err != nil {
		t.Fatalf("append: %v", err)
	}
	if got := server.Lookup(dnsZone, dns.TypeMX); len(got) != 2 {
		t.Errorf("MX after the update: %v", got)
	}
	if after := server.Serial(dnsZone); after <= before {
		t.Errorf("serial went from %d to %d", before, after)
	}
	if journal := server.Journal(dnsZone); !strings.Contains(journal, "mx.new.example.") {
		t.Errorf("the journal does not tell of the update:\n%s", journal)
	}
	server.Restart()
	if got := server.Lookup(dnsZone, dns.TypeMX); len(got) != 2 {
		t.Errorf("MX after a restart: %v", got)
	}
	stranger := NewTSIGKey(key.Name)
	if err := server.Update(stranger, dnsZone, removeMX); err == nil {
		t.Error("an update under a wrong key was accepted")
	}
	if err := server.Update(key, dnsZone, removeMX); err != nil {
		t.Errorf("update under the right key: %v", err)
	}
	if got := server.Lookup(dnsZone, dns.TypeMX); len(got) != 0 {
		t.Errorf("MX after removal: %v", got)
	}
}

func removeMX(update *dns.Msg) {
	update.RemoveRRset([]dns.RR{&dns.MX{Hdr: dns.RR_Header{Name: dnsZone + ".", Rrtype: dns.TypeMX}}})
}

func TestKnotSecondaryFollowsItsPrimary(t *testing.T) {
	primary, secondary := StartKnotPair(t, dnsOptions())
	if err := primary.Update(primary.Key, dnsZone, removeMX); err != nil {
		t.Fatal(err)
	}
	secondary.WaitSerial(dnsZone, primary.Serial(dnsZone))
	if got := secondary.Lookup(dnsZone, dns.TypeMX); len(got) != 0 {
		t.Errorf("the secondary still serves %v", got)
	}
}
