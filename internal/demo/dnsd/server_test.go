package dnsd_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"bascule/internal/clock"
	"bascule/internal/demo/dnsd"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/maildns/zonewriter"
	"bascule/maildns/zonewriter/writertest"
	"bascule/providers"
	"bascule/providers/dns/rfc2136"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2027, 3, 6, 5, 0, 0, 0, time.UTC)

func key() dnsd.Key {
	return dnsd.Key{Name: "bascule", Secret: base64.StdEncoding.EncodeToString([]byte("a key of thirty-two octets long!"))}
}

func start(t *testing.T, o dnsd.Options) *dnsd.Server {
	t.Helper()
	if o.Zone == "" {
		o.Zone = "demo.example"
	}
	if o.Clock == nil {
		o.Clock = clock.NewVirtual(begin)
	}
	o.Key = key()
	s, err := dnsd.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

func client(t *testing.T, s *dnsd.Server, k dnsd.Key) *rfc2136.Client {
	t.Helper()
	c, err := rfc2136.New(map[string]string{"server": s.Primary(), "key_name": k.Name},
		func(context.Context) (secret.Value, error) { return secret.New(k.Secret), nil }, dial)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func look(s *dnsd.Server) zonewriter.Look {
	r := &lookup.Resolver{Dialer: dial}
	var servers []lookup.Server
	for _, addr := range s.Nameservers() {
		servers = append(servers, lookup.Server{Name: addr, Addrs: []string{addr}})
	}
	return func(ctx context.Context, zone string, keys []maildns.Key) maildns.Zone {
		return r.Snapshot(ctx, zone, servers, keys)
	}
}

func TestWriterContract(t *testing.T) {
	var zones atomic.Int64
	writertest.Run(t, func(t *testing.T) writertest.Zone {
		name := fmt.Sprintf("zone%d.example", zones.Add(1))
		s := start(t, dnsd.Options{Zone: name, Lag: 2 * time.Millisecond})
		return writertest.Zone{Name: name, Writer: client(t, s, key()), Look: look(s), ComparesAndSets: true}
	})
}

func mustRR(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rr)
	}
	return out
}

// send signs a message as the holder of the key and returns the answer.
func send(t *testing.T, addr string, m *dns.Msg) *dns.Msg {
	t.Helper()
	k := key()
	m.SetTsig(k.Name+".", dns.HmacSHA256, 300, clock.Real{}.Now().Unix())
	c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{k.Name + ".": k.Secret}}
	in, _, err := c.Exchange(m, addr)
	// The library makes an error of NOTAUTH, whoever it is meant for.
	if err != nil && !errors.Is(err, dns.ErrAuth) {
		t.Fatal(err)
	}
	return in
}

const records = `
@ 300 MX 10 mx.old
@ 300 TXT "v=spf1 mx -all"
www 300 CNAME web
web 300 A 192.0.2.1
a.b.c 300 A 192.0.2.2
`

func TestUpdatesOfRFC2136(t *testing.T) {
	name := func(n string) []dns.RR { return []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: n + ".demo.example."}}} }
	typed := func(n, typ string) []dns.RR {
		return []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: n, Rrtype: dns.StringToType[typ]}}}
	}
	for _, c := range []struct {
		name   string
		build  func(m *dns.Msg)
		want   int
		serial uint32
		key    maildns.Key
		have   []string
	}{
		{"a value-dependent prerequisite holds, and the update is done",
			func(m *dns.Msg) {
				m.Used(mustRR(t, "demo.example. MX 10 mx.old.demo.example."))
				m.Insert(mustRR(t, "demo.example. 300 MX 10 mx.new.demo.example."))
			},
			dns.RcodeSuccess, 2, maildns.KeyOf("demo.example", "MX"), []string{"10 mx.new.demo.example.", "10 mx.old.demo.example."}},
		{"a set with one value less than asserted is another set",
			func(m *dns.Msg) {
				m.Used(mustRR(t, "demo.example. MX 10 mx.old.demo.example.", "demo.example. MX 20 b.example."))
				m.Insert(mustRR(t, "demo.example. 300 MX 10 mx.new.demo.example."))
			},
			dns.RcodeNXRrset, 1, maildns.KeyOf("demo.example", "MX"), []string{"10 mx.old.demo.example."}},
		{"a set with one value more than asserted is another set",
			func(m *dns.Msg) {
				m.Used(mustRR(t, "demo.example. NS ns1.demo.example."))
				m.Insert(mustRR(t, "x.demo.example. 300 A 192.0.2.9"))
			},
			dns.RcodeNXRrset, 1, maildns.KeyOf("x.demo.example", "A"), nil},
		{"a name asserted to be in use is not", func(m *dns.Msg) { m.NameUsed(name("none")) }, dns.RcodeNameError, 1, maildns.Key{}, nil},
		{"an empty non-terminal is no name in use", func(m *dns.Msg) { m.NameUsed(name("b.c")) }, dns.RcodeNameError, 1, maildns.Key{}, nil},
		{"a name asserted to be free is not", func(m *dns.Msg) { m.NameNotUsed(name("web")) }, dns.RcodeYXDomain, 1, maildns.Key{}, nil},
		{"a set asserted to exist does not", func(m *dns.Msg) { m.RRsetUsed(typed("web.demo.example.", "MX")) }, dns.RcodeNXRrset, 1, maildns.Key{}, nil},
		{"a set asserted not to exist does", func(m *dns.Msg) { m.RRsetNotUsed(typed("web.demo.example.", "A")) }, dns.RcodeYXRrset, 1, maildns.Key{}, nil},
		{"a name outside the zone is refused", func(m *dns.Msg) { m.Insert(mustRR(t, "other.example. 300 A 192.0.2.9")) }, dns.RcodeNotZone, 1, maildns.Key{}, nil},
		{"one bad record refuses the good ones too",
			func(m *dns.Msg) {
				m.Insert(mustRR(t, "x.demo.example. 300 A 192.0.2.9", "other.example. 300 A 192.0.2.9"))
			},
			dns.RcodeNotZone, 1, maildns.KeyOf("x.demo.example", "A"), nil},
		{"an update that changes nothing makes no version",
			func(m *dns.Msg) { m.Insert(mustRR(t, "demo.example. 300 MX 10 mx.old.demo.example.")) },
			dns.RcodeSuccess, 1, maildns.KeyOf("demo.example", "MX"), []string{"10 mx.old.demo.example."}},
		{"a set is removed", func(m *dns.Msg) { m.RemoveRRset(typed("web.demo.example.", "A")) }, dns.RcodeSuccess, 2, maildns.KeyOf("web.demo.example", "A"), nil},
		{"a name is removed", func(m *dns.Msg) { m.RemoveName(name("web")) }, dns.RcodeSuccess, 2, maildns.KeyOf("web.demo.example", "A"), nil},
		{"removing everything at the apex leaves SOA and NS",
			func(m *dns.Msg) { m.RemoveName(typed("demo.example.", "ANY")) },
			dns.RcodeSuccess, 2, maildns.KeyOf("demo.example", "NS"), []string{"ns1.demo.example.", "ns2.demo.example."}},
		{"the NS set of the apex is not removed",
			func(m *dns.Msg) { m.RemoveRRset(typed("demo.example.", "NS")) },
			dns.RcodeSuccess, 1, maildns.KeyOf("demo.example", "NS"), []string{"ns1.demo.example.", "ns2.demo.example."}},
		{"the last name server stays",
			func(m *dns.Msg) {
				m.Remove(mustRR(t, "demo.example. NS ns1.demo.example.", "demo.example. NS ns2.demo.example."))
			},
			dns.RcodeSuccess, 2, maildns.KeyOf("demo.example", "NS"), []string{"ns2.demo.example."}},
		{"nothing is inserted beside a CNAME",
			func(m *dns.Msg) { m.Insert(mustRR(t, "www.demo.example. 300 TXT x")) },
			dns.RcodeSuccess, 1, maildns.KeyOf("www.demo.example", "TXT"), nil},
		{"a CNAME is not inserted beside anything",
			func(m *dns.Msg) { m.Insert(mustRR(t, "web.demo.example. 300 CNAME www.demo.example.")) },
			dns.RcodeSuccess, 1, maildns.KeyOf("web.demo.example", "CNAME"), nil},
		{"a CNAME replaces the one there",
			func(m *dns.Msg) { m.Insert(mustRR(t, "www.demo.example. 300 CNAME a.b.c.demo.example.")) },
			dns.RcodeSuccess, 2, maildns.KeyOf("www.demo.example", "CNAME"), []string{"a.b.c.demo.example."}},
		{"a serial that goes back is ignored",
			func(m *dns.Msg) { m.Insert(mustRR(t, "demo.example. 60 SOA a. b. 0 1 1 1 1")) },
			dns.RcodeSuccess, 1, maildns.Key{}, nil},
		{"a serial that goes on is taken",
			func(m *dns.Msg) { m.Insert(mustRR(t, "demo.example. 60 SOA a. b. 77 1 1 1 1")) },
			dns.RcodeSuccess, 77, maildns.Key{}, nil},
		{"another zone is not ours", func(m *dns.Msg) { m.Question[0].Name = "other.example." }, dns.RcodeNotAuth, 1, maildns.Key{}, nil},
		{"a zone section without SOA is no update", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }, dns.RcodeFormatError, 1, maildns.Key{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, dnsd.Options{Records: records})
			m := new(dns.Msg)
			m.SetUpdate("demo.example.")
			c.build(m)
			if in := send(t, s.Primary(), m); in.Rcode != c.want {
				t.Errorf("got %s, want %s", dns.RcodeToString[in.Rcode], dns.RcodeToString[c.want])
			}
			v := s.Versions()[len(s.Versions())-1]
			if v.Serial != c.serial {
				t.Errorf("serial %d, want %d", v.Serial, c.serial)
			}
			if got := v.RRset(c.key.Name, c.key.Type).Values; c.key.Type != "" && !cmp.Equal(got, c.have) && len(got)+len(c.have) > 0 {
				t.Error(cmp.Diff(c.have, got))
			}
		})
	}
}

func TestOnlyTheHolderOfTheKeyWritesAndTransfers(t *testing.T) {
	s := start(t, dnsd.Options{Records: records})
	rr := maildns.RRset{Name: "x.demo.example.", Type: "TXT", TTL: 60, Values: []string{"x"}}
	for name, k := range map[string]dnsd.Key{
		"another secret": {Name: "bascule", Secret: base64.StdEncoding.EncodeToString([]byte("guessed"))},
		"another name":   {Name: "other", Secret: key().Secret},
	} {
		t.Run(name, func(t *testing.T) {
			if err := client(t, s, k).AddValues(t.Context(), "demo.example", rr); !errors.Is(err, providers.ErrAuth) {
				t.Errorf("got %v, want ErrAuth", err)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		m := new(dns.Msg)
		m.SetUpdate("demo.example.")
		m.Insert(mustRR(t, "x.demo.example. 60 TXT x"))
		in, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, s.Primary())
		if err != nil || in.Rcode != dns.RcodeRefused {
			t.Errorf("update: %v %v, want REFUSED", in, err)
		}
		m.SetAxfr("demo.example.")
		in, _, err = (&dns.Client{Net: "tcp"}).Exchange(m, s.Primary())
		if err != nil || in.Rcode != dns.RcodeRefused {
			t.Errorf("transfer: %v %v, want REFUSED", in, err)
		}
	})
	t.Run("on the secondary", func(t *testing.T) {
		m := new(dns.Msg)
		m.SetUpdate("demo.example.")
		m.Insert(mustRR(t, "x.demo.example. 60 TXT x"))
		if in := send(t, s.Secondary(), m); in.Rcode != dns.RcodeRefused {
			t.Errorf("got %s, want REFUSED", dns.RcodeToString[in.Rcode])
		}
	})
	if n := len(s.Versions()); n != 1 {
		t.Errorf("%d versions, want 1", n)
	}
}

func TestATransferGivesTheWholeZone(t *testing.T) {
	text := records
	for i := range 250 { // several messages
		text += fmt.Sprintf("host%d 300 A 192.0.2.%d\n", i, i)
	}
	s := start(t, dnsd.Options{Records: text})
	got, err := client(t, s, key()).Records(t.Context(), "demo.example")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(s.Versions()[0].RRsets); len(got) != want {
		t.Errorf("%d record sets, want %d", len(got), want)
	}
}

func TestAnswers(t *testing.T) {
	s := start(t, dnsd.Options{Records: records})
	for _, c := range []struct {
		name, at string
		typ      uint16
		want     int
		answers  int
	}{
		{"a record set", "demo.example.", dns.TypeMX, dns.RcodeSuccess, 1},
		{"an alias is followed", "www.demo.example.", dns.TypeA, dns.RcodeSuccess, 2},
		{"a name in other letters", "WWW.Demo.Example.", dns.TypeCNAME, dns.RcodeSuccess, 1},
		{"a type that is not there", "web.demo.example.", dns.TypeMX, dns.RcodeSuccess, 0},
		{"a name with something below exists", "b.c.demo.example.", dns.TypeA, dns.RcodeSuccess, 0},
		{"a name that is not there", "none.demo.example.", dns.TypeA, dns.RcodeNameError, 0},
		{"another zone", "example.com.", dns.TypeA, dns.RcodeRefused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, addr := range s.Nameservers() {
				m := new(dns.Msg)
				m.SetQuestion(c.at, c.typ)
				in, err := dns.Exchange(m, addr)
				if err != nil {
					t.Fatal(err)
				}
				if in.Rcode != c.want || len(in.Answer) != c.answers {
					t.Errorf("%s: got %v", addr, in)
				}
				if in.Authoritative == (c.want == dns.RcodeRefused) {
					t.Errorf("%s: authority %v", addr, in.Authoritative)
				}
			}
		})
	}
}

func TestAnAnswerTooLargeForUDPIsCutShort(t *testing.T) {
	text := ""
	for i := range 40 {
		text += fmt.Sprintf("big 300 TXT %q\n", fmt.Sprintf("%d %s", i, strings.Repeat("x", 200)))
	}
	s := start(t, dnsd.Options{Records: text})
	m := new(dns.Msg)
	m.SetQuestion("big.demo.example.", dns.TypeTXT)
	in, err := dns.Exchange(m, s.Primary())
	if err != nil || !in.Truncated {
		t.Errorf("over UDP: %v, want a truncated answer", err)
	}
	key := maildns.KeyOf("big.demo.example", "TXT")
	z := look(s)(t.Context(), "demo.example", []maildns.Key{key})
	if rr, ok := z.Agreed(key.Name, key.Type); !ok || len(rr.Values) != 40 {
		t.Errorf("asked again over TCP: %d values, %v", len(rr.Values), ok)
	}
}

func TestTheSecondaryFollowsWhenItMay(t *testing.T) {
	now := clock.NewVirtual(begin)
	var seen []uint32
	s := start(t, dnsd.Options{Records: records, Clock: now, OnChange: func(v dnsd.Version) { seen = append(seen, v.Serial) }})
	serials := func() [2]uint32 {
		z := look(s)(t.Context(), "demo.example", nil)
		return [2]uint32{z.Servers[0].Serial, z.Servers[1].Serial}
	}
	s.Hold()
	now.Advance(time.Hour)
	rr := maildns.RRset{Name: "x.demo.example.", Type: "TXT", TTL: 60, Values: []string{"x"}}
	if err := client(t, s, key()).AddValues(t.Context(), "demo.example", rr); err != nil {
		t.Fatal(err)
	}
	if got := serials(); got != [2]uint32{2, 1} {
		t.Errorf("held: serials %v, want 2 and 1", got)
	}
	s.Release()
	if got := serials(); got != [2]uint32{2, 2} {
		t.Errorf("released: serials %v, want 2 and 2", got)
	}
	v := s.Versions()[1]
	if !v.At.Equal(begin.Add(time.Hour)) || !cmp.Equal(seen, []uint32{2}) {
		t.Errorf("version at %v, reported %v", v.At, seen)
	}
}
