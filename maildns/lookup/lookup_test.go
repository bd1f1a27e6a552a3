package lookup

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"bascule/internal/retry"
	"bascule/maildns"
)

// zoneText is what the honest server serves.
const zoneText = `
example.ch. 3600 IN SOA ns1.example.ch. hostmaster.example.ch. 42 7200 900 86400 300
example.ch. 3600 IN NS ns1.example.ch.
example.ch. 3600 IN NS ns2.example.ch.
ns1.example.ch. 3600 IN A 127.0.0.1
ns2.example.ch. 3600 IN A 127.0.0.1
example.ch. 300 IN MX 10 MX1.Old.net.
example.ch. 300 IN MX 20 mx2.old.net.
example.ch. 300 IN TXT "v=spf1 " "mx -all"
example.ch. 300 IN TXT "quote \" and é"
_dmarc.example.ch. 300 IN CNAME dmarc.old.net.
big.example.ch. 60 IN TXT "1234567890123456789012345678901234567890"
`

// fake is a name server on loopback whose answers a test may spoil.
type fake struct {
	mu      sync.Mutex
	records []dns.RR
	// spoil changes an answer, or returns nil to stay silent.
	spoil func(network string, in *dns.Msg) *dns.Msg
	asked []string
}

func start(t *testing.T, spoil func(network string, in *dns.Msg) *dns.Msg) (*fake, string) {
	t.Helper()
	f := &fake{spoil: spoil}
	parser := dns.NewZoneParser(strings.NewReader(zoneText), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		f.records = append(f.records, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	stream, packets := listen(t)
	for _, server := range []*dns.Server{{Listener: stream, Handler: f.handler("tcp")}, {PacketConn: packets, Handler: f.handler("udp")}} {
		ready := make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return f, packets.LocalAddr().String()
}

// listen takes the same port for both, as name servers do.
func listen(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stream, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return stream, packets
		}
		_ = packets.Close()
	}
	t.Fatal("no port is free for both networks")
	return nil, nil
}

func (f *fake) handler(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		f.mu.Lock()
		in := f.answer(q)
		f.asked = append(f.asked, network)
		spoil := f.spoil
		f.mu.Unlock()
		if spoil != nil {
			in = spoil(network, in)
		}
		if in != nil {
			_ = w.WriteMsg(in)
		}
	}
}

func (f *fake) answer(q *dns.Msg) *dns.Msg {
	in := new(dns.Msg)
	in.SetReply(q)
	in.Authoritative = true
	exists := false
	for _, rr := range f.records {
		if !strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
			continue
		}
		exists = true
		if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
			in.Answer = append(in.Answer, rr)
		}
	}
	if !exists {
		in.Rcode = dns.RcodeNameError
	}
	if len(in.Answer) == 0 {
		in.Ns = f.records[:1]
	}
	return in
}

func (f *fake) networks() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func resolver() *Resolver {
	var d net.Dialer
	return &Resolver{Dialer: d.DialContext, Timeout: 250 * time.Millisecond, Tries: 2}
}

func at(addr string) []Server { return []Server{{Name: "ns1", Addrs: []string{addr}}} }

func TestSnapshotOfAnHonestServer(t *testing.T) {
	_, addr := start(t, nil)
	keys := []maildns.Key{{Name: "Example.ch", Type: "mx"}, {Name: "example.ch.", Type: "TXT"}, {Name: "_dmarc.example.ch.", Type: "TXT"}, {Name: "none.example.ch.", Type: "TXT"}, {Name: "example.ch.", Type: "CAA"}}
	z := resolver().Snapshot(t.Context(), "example.ch", at(addr), keys)
	set := func(name, typ string, ttl uint32, values ...string) maildns.RRset {
		return maildns.RRset{Name: name, Type: typ, TTL: ttl, Values: values}.Canonical()
	}
	want := maildns.Zone{Name: "example.ch.", Servers: []maildns.ServerView{{
		Name: "ns1", Addr: addr, Serial: 42, NegativeTTL: 300, Unknown: map[maildns.Key]string{}, RRsets: map[maildns.Key]maildns.RRset{},
	}}}
	for _, rr := range []maildns.RRset{
		set("example.ch.", "MX", 300, "10 mx1.old.net.", "20 mx2.old.net."),
		set("example.ch.", "TXT", 300, "v=spf1 mx -all", `quote \" and \195\169`),
		set("_dmarc.example.ch.", "TXT", 0),
		set("_dmarc.example.ch.", "CNAME", 300, "dmarc.old.net."),
		set("none.example.ch.", "TXT", 0),
		set("example.ch.", "CAA", 0),
	} {
		want.Servers[0].RRsets[rr.Key()] = rr
	}
	if d := cmp.Diff(want, z); d != "" {
		t.Fatal(d)
	}
}

// Whatever goes wrong makes the record unknown, never absent.
func TestTroubleIsUnknownNotAbsent(t *testing.T) {
	only := func(typ uint16, spoil func(in *dns.Msg) *dns.Msg) func(string, *dns.Msg) *dns.Msg {
		return func(_ string, in *dns.Msg) *dns.Msg {
			if in.Question[0].Qtype != typ {
				return in
			}
			return spoil(in)
		}
	}
	empty := func(rcode int, aa bool) func(*dns.Msg) *dns.Msg {
		return func(in *dns.Msg) *dns.Msg {
			in.Answer, in.Ns, in.Rcode, in.Authoritative = nil, nil, rcode, aa
			return in
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(string, *dns.Msg) *dns.Msg
		says  string
		whole bool // the server as a whole is unknown
	}{
		{"lame server", only(dns.TypeSOA, empty(dns.RcodeRefused, false)), "REFUSED", true},
		{"not authoritative for the zone", only(dns.TypeSOA, empty(dns.RcodeSuccess, false)), "not authoritative", true},
		{"silent server", func(string, *dns.Msg) *dns.Msg { return nil }, "timeout", true},
		{"SERVFAIL for one name", only(dns.TypeMX, empty(dns.RcodeServerFailure, true)), "SERVFAIL", false},
		{"REFUSED for one name", only(dns.TypeMX, empty(dns.RcodeRefused, true)), "REFUSED", false},
		{"NXDOMAIN without authority", only(dns.TypeMX, empty(dns.RcodeNameError, false)), "not authoritative", false},
		{"silent for one name", only(dns.TypeMX, func(*dns.Msg) *dns.Msg { return nil }), "timeout", false},
		{"wrong id", only(dns.TypeMX, func(in *dns.Msg) *dns.Msg { in.Id++; return in }), "id", false},
		{"another question", only(dns.TypeMX, func(in *dns.Msg) *dns.Msg { in.Question[0].Name = "other.ch."; return in }), "another question", false},
		{"delegated elsewhere", only(dns.TypeMX, func(in *dns.Msg) *dns.Msg {
			ns, _ := dns.NewRR("example.ch. 60 IN NS ns.provider.net.")
			in.Answer, in.Ns, in.Authoritative = nil, []dns.RR{ns}, false
			return in
		}), "delegated to ns.provider.net.", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, addr := start(t, c.spoil)
			key := maildns.KeyOf("example.ch", "MX")
			z := resolver().Snapshot(t.Context(), "example.ch", at(addr), []maildns.Key{key})
			if rr, ok := z.Servers[0].Lookup(key); ok {
				t.Fatalf("known as %v", rr)
			}
			if why := z.Servers[0].WhyUnknown(key); !strings.Contains(why, c.says) {
				t.Errorf("%q does not say %q", why, c.says)
			}
			if (z.Servers[0].Err != "") != c.whole {
				t.Errorf("%+v", z.Servers[0])
			}
			if z.Nowhere("example.ch", "MX", "10 x.") || z.Everywhere(maildns.RRset{Name: "example.ch.", Type: "MX"}) {
				t.Error("unknown was taken for absent")
			}
		})
	}
}

func TestAnswersThatNeedASecondTry(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(n int, network string, in *dns.Msg) *dns.Msg
		tcp   bool
	}{
		{"truncated over UDP", func(_ int, network string, in *dns.Msg) *dns.Msg {
			if network == "udp" {
				in.Answer, in.Truncated = nil, true
			}
			return in
		}, true},
		{"UDP is lost", func(_ int, network string, in *dns.Msg) *dns.Msg {
			if network == "udp" {
				return nil
			}
			return in
		}, true},
		{"EDNS is not understood", func(n int, _ string, in *dns.Msg) *dns.Msg {
			if n%2 == 0 {
				in.Answer, in.Rcode = nil, dns.RcodeFormatError
			}
			return in
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			n := -1
			f, addr := start(t, func(network string, in *dns.Msg) *dns.Msg {
				mu.Lock()
				defer mu.Unlock()
				n++
				return c.spoil(n, network, in)
			})
			key := maildns.KeyOf("big.example.ch", "TXT")
			z := resolver().Snapshot(t.Context(), "example.ch", at(addr), []maildns.Key{key})
			if rr, ok := z.Servers[0].Lookup(key); !ok || rr.IsEmpty() {
				t.Fatalf("%v: %s", rr, z.Servers[0].WhyUnknown(key))
			}
			if slices.Contains(f.networks(), "tcp") != c.tcp {
				t.Errorf("asked over %q", f.networks())
			}
		})
	}
}

func TestSnapshotTriesEveryAddressAndEndsWithTheContext(t *testing.T) {
	_, dead := start(t, func(string, *dns.Msg) *dns.Msg { return nil })
	_, alive := start(t, nil)
	key := maildns.KeyOf("example.ch", "MX")
	z := resolver().Snapshot(t.Context(), "example.ch", []Server{{Name: "ns1", Addrs: []string{dead, alive}}, {Name: "ns2", Err: "no address"}}, []maildns.Key{key})
	if z.Servers[0].Addr != alive || z.Servers[0].Err != "" || z.Servers[1].Err != "no address" {
		t.Fatalf("%+v", z.Servers)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the user left")
	cancel(gone)
	r := resolver()
	r.Timeout = time.Hour
	z = r.Snapshot(ctx, "example.ch", at(dead), []maildns.Key{key})
	if !strings.Contains(z.Servers[0].Err, gone.Error()) {
		t.Fatalf("%+v", z.Servers)
	}
}

// The recursive resolver finds the servers; the dialer stands for the network.
func TestAuthoritativeServers(t *testing.T) {
	f, addr := start(t, nil)
	r := resolver()
	r.Recursive = []string{addr}
	servers, err := r.AuthoritativeServers(t.Context(), "mail.example.ch")
	want := []Server{{Name: "ns1.example.ch", Addrs: []string{"127.0.0.1:53"}}, {Name: "ns2.example.ch", Addrs: []string{"127.0.0.1:53"}}}
	if d := cmp.Diff(want, servers); err != nil || d != "" {
		t.Fatal(err, d)
	}
	f.mu.Lock()
	f.records = slices.DeleteFunc(f.records, func(rr dns.RR) bool { return rr.Header().Name == "ns2.example.ch." })
	f.mu.Unlock()
	servers, err = r.AuthoritativeServers(t.Context(), "example.ch")
	if err != nil || len(servers) != 2 || servers[1].Err == "" {
		t.Fatal(servers, err)
	}
	r.Recursive = nil
	if _, err := r.AuthoritativeServers(t.Context(), "example.ch"); !errors.Is(err, ErrNoResolver) {
		t.Fatal(err)
	}
}

func TestExplicitServers(t *testing.T) {
	_, addr := start(t, nil)
	r := resolver()
	r.Recursive = []string{addr}
	got, err := r.ExplicitServers(t.Context(), []string{"127.0.0.1:5300", "2001:db8::1", "[2001:db8::2]:54", "ns1.example.ch:5353"})
	want := []Server{
		{Name: "127.0.0.1:5300", Addrs: []string{"127.0.0.1:5300"}}, {Name: "2001:db8::1", Addrs: []string{"[2001:db8::1]:53"}},
		{Name: "[2001:db8::2]:54", Addrs: []string{"[2001:db8::2]:54"}}, {Name: "ns1.example.ch:5353", Addrs: []string{"127.0.0.1:5353"}},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Fatal(err, d)
	}
	if _, err := r.ExplicitServers(t.Context(), []string{"not a host"}); err == nil {
		t.Error("a name with spaces")
	}
}

func TestPlainLookups(t *testing.T) {
	_, addr := start(t, nil)
	_, broken := start(t, func(_ string, in *dns.Msg) *dns.Msg { in.Rcode, in.Answer = dns.RcodeServerFailure, nil; return in })
	r := resolver()
	r.Recursive = []string{broken, addr}
	txt, err := r.LookupTXT(t.Context(), "example.ch")
	if d := cmp.Diff([]string{`quote \" and \195\169`, "v=spf1 mx -all"}, txt); err != nil || d != "" {
		t.Error(err, d)
	}
	if hosts, err := r.LookupHost(t.Context(), "none.example.ch"); err != nil || len(hosts) != 0 {
		t.Error(hosts, err)
	}
	if target, err := r.LookupCNAME(t.Context(), "_dmarc.example.ch"); err != nil || target != "dmarc.old.net." {
		t.Error(target, err)
	}
	r.Recursive = []string{broken}
	if _, err := r.LookupMX(t.Context(), "example.ch"); !retry.IsTemporary(err) {
		t.Errorf("%v is not called temporary", err)
	}
}

func TestSPFIsCountedOverTheNetwork(t *testing.T) {
	f, addr := start(t, nil)
	r := resolver()
	r.Recursive = []string{addr}
	record, err := maildns.ParseSPF("v=spf1 include:example.ch include:example.ch a:none.example.ch -all")
	if err != nil {
		t.Fatal(err)
	}
	got := maildns.CountSPF("customer.ch", record, r.SPF(t.Context()))
	if got.Lookups != 5 || got.Void != 1 || !got.OK() {
		t.Fatalf("%+v", got)
	}
	// TXT and MX of example.ch once, A and AAAA of the name that is not there.
	if n := len(f.networks()); n != 4 {
		t.Errorf("%d questions were asked", n)
	}
}
