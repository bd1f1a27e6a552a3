package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/maildns/zonewriter"
	"bascule/maildns/zonewriter/writertest"
	"bascule/migration"
	"bascule/providers"
)

// zones are enough for every case of the contract.
func zones() testservers.DNSOptions {
	var o testservers.DNSOptions
	for i := range 16 {
		o.Zones = append(o.Zones, testservers.Zone{Name: fmt.Sprintf("zone%d.example", i)})
	}
	return o
}

func client(t *testing.T, addr string, key testservers.TSIGKey) *Client {
	t.Helper()
	var d net.Dialer
	c, err := New(map[string]string{"server": addr, "key_name": key.Name},
		func(context.Context) (secret.Value, error) { return secret.New(key.Secret), nil }, d.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func look(addrs ...string) zonewriter.Look {
	var d net.Dialer
	r := &lookup.Resolver{Dialer: d.DialContext, Timeout: 2 * time.Second}
	var servers []lookup.Server
	for _, a := range addrs {
		servers = append(servers, lookup.Server{Name: a, Addrs: []string{a}})
	}
	return func(ctx context.Context, zone string, keys []maildns.Key) maildns.Zone {
		return r.Snapshot(ctx, zone, servers, keys)
	}
}

func TestContract(t *testing.T) {
	run := func(t *testing.T, addr string, key testservers.TSIGKey, servers ...string) {
		n := -1
		writertest.Run(t, func(t *testing.T) writertest.Zone {
			n++
			return writertest.Zone{Name: fmt.Sprintf("zone%d.example", n), Writer: client(t, addr, key), Look: look(servers...), ComparesAndSets: true}
		})
	}
	t.Run("Knot", func(t *testing.T) {
		k := testservers.StartKnot(t, zones())
		run(t, k.Addr, k.Key, k.Addr)
	})
	t.Run("BIND", func(t *testing.T) {
		b := testservers.StartBIND(t, zones())
		run(t, b.Addr, b.Key, b.Addr)
	})
}

// A secondary serves what was written a moment later; the guard waits for it.
func TestGuardWaitsForTheSecondary(t *testing.T) {
	o := testservers.DNSOptions{Zones: []testservers.Zone{{Name: company, Records: companyRecords}}}
	primary, secondary := testservers.StartKnotPair(t, o)
	both := look(primary.Addr, secondary.Addr)
	checked := &zonewriter.Checked{Inner: client(t, primary.Addr, primary.Key), Look: both}
	old, err := maildns.New(company, "MX", 86400, "10 mx1.old.example", "20 mx2.old.example")
	must(t, err)
	low := old.WithTTL(300)
	must(t, checked.ReplaceRRset(t.Context(), company, old, low))
	steps, err := maildns.SwitchSteps(low, mustNew(t, "MX", "5 mx.new.example"))
	must(t, err)
	for _, step := range steps {
		must(t, checked.ReplaceRRset(t.Context(), company, low, step))
		if z := both(t.Context(), company, []maildns.Key{step.Key()}); !z.Everywhere(step) {
			t.Fatalf("nil although not everywhere: %v", z.Disagreements())
		}
		low = step
	}
	secondary.Stop()
	checked.Settle = retry.Policy{Tries: 1}
	if err := checked.AddValues(t.Context(), company, mustNew(t, "MX", "6 mx2.new.example")); !errors.Is(err, zonewriter.ErrUnknown) {
		t.Fatal(err)
	}
}

func mustNew(t *testing.T, typ string, values ...string) maildns.RRset {
	t.Helper()
	rr, err := maildns.New(company, typ, 300, values...)
	must(t, err)
	return rr
}

const company = "company.example"

const companyRecords = `
@ 86400 IN MX 10 mx1.old.example.
@ 86400 IN MX 20 mx2.old.example.
@ IN TXT "v=spf1 mx -all"
@ IN TXT "back\\slash \"quoted\" \195\169"
@ IN TXT "\"starts with a quote"
s1._domainkey IN TXT "v=DKIM1; p=AAAA" "BBBB"
_imaps._tcp IN SRV 0 1 993 imap.old.example.
@ IN CAA 0 issue "letsencrypt.org"
alias IN CNAME www.old.example.
`

func onBoth(t *testing.T, f func(t *testing.T, addr string, key testservers.TSIGKey, update func(func(*dns.Msg)))) {
	o := testservers.DNSOptions{Zones: []testservers.Zone{{Name: company, Records: companyRecords}}}
	t.Run("Knot", func(t *testing.T) {
		k := testservers.StartKnot(t, o)
		f(t, k.Addr, k.Key, func(change func(*dns.Msg)) { must(t, k.Update(k.Key, company, change)) })
	})
	t.Run("BIND", func(t *testing.T) {
		b := testservers.StartBIND(t, o)
		f(t, b.Addr, b.Key, func(change func(*dns.Msg)) { must(t, b.Update(b.Key, company, change)) })
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What libdns reads by zone transfer is what the server answers to queries.
func TestRecordsAgreeWithQueries(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string, key testservers.TSIGKey, _ func(func(*dns.Msg))) {
		records, err := client(t, addr, key).Records(t.Context(), company)
		must(t, err)
		var keys []maildns.Key
		for _, rr := range records {
			keys = append(keys, rr.Key())
		}
		for _, want := range []maildns.Key{maildns.KeyOf(company, "MX"), maildns.KeyOf(company, "TXT"), maildns.KeyOf("s1._domainkey."+company, "TXT"), maildns.KeyOf("alias."+company, "CNAME")} {
			if !slices.Contains(keys, want) {
				t.Errorf("%s is missing in %v", want, keys)
			}
		}
		z := look(addr)(t.Context(), company, keys)
		for _, got := range records {
			if got.Type == "SOA" {
				continue
			}
			want, ok := z.Servers[0].Lookup(got.Key())
			if d := cmp.Diff(want, got); !ok || d != "" {
				t.Errorf("%s: %s %s", got.Key(), z.Servers[0].WhyUnknown(got.Key()), d)
			}
		}
	})
}

// Somebody edits the zone between plan and apply: the server itself refuses.
func TestAnEditInBetweenIsAConflict(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string, key testservers.TSIGKey, update func(func(*dns.Msg))) {
		before, _ := maildns.New(company, "MX", 86400, "10 mx1.old.example", "20 mx2.old.example")
		c := client(t, addr, key)
		update(func(m *dns.Msg) {
			rr, _ := dns.NewRR(company + ". 86400 IN MX 30 mx3.old.example.")
			m.Insert([]dns.RR{rr})
		})
		err := c.ReplaceRRset(t.Context(), company, before, before.With("5 mx.new.example"))
		if !errors.Is(err, zonewriter.ErrConflict) || !strings.Contains(err.Error(), "mx3.old.example.") {
			t.Fatal(err)
		}
		z := look(addr)(t.Context(), company, []maildns.Key{before.Key()})
		if got, _ := z.Agreed(company, "MX"); !got.Equal(before.With("30 mx3.old.example")) {
			t.Fatalf("the refused update changed the zone: %v", got)
		}
		// An addition does not depend on what else is there.
		must(t, c.AddValues(t.Context(), company, before.With("5 mx.new.example").Without(before.Values...)))
	})
}

// Each refusal names who said it and what to do.
func TestRefusalsAreExplained(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string, key testservers.TSIGKey, _ func(func(*dns.Msg))) {
		rr, _ := maildns.New("x."+company, "TXT", 300, "x")
		outside, _ := maildns.New("x.elsewhere.example", "TXT", 300, "x")
		for _, c := range []struct {
			name string
			key  testservers.TSIGKey
			zone string
			rr   maildns.RRset
			want error
			says string
		}{
			{"wrong secret", testservers.NewTSIGKey(key.Name), company, rr, providers.ErrAuth, "another one on the server"},
			{"unknown key", testservers.NewTSIGKey("stranger"), company, rr, providers.ErrAuth, `has no key "stranger"`},
			{"not base64", testservers.TSIGKey{Name: key.Name, Secret: "päss"}, company, rr, providers.ErrAuth, "not base64"},
			{"a zone it does not hold", key, "elsewhere.example", outside, nil, addr},
			{"a name outside the zone", key, company, outside, nil, addr},
		} {
			t.Run(c.name, func(t *testing.T) {
				client := client(t, addr, c.key)
				for _, err := range []error{
					client.ReplaceRRset(t.Context(), c.zone, maildns.RRset{Name: c.rr.Name, Type: "TXT"}, c.rr),
					client.AddValues(t.Context(), c.zone, c.rr),
				} {
					if err == nil || c.want != nil && !errors.Is(err, c.want) {
						t.Fatalf("got %v, want %v", err, c.want)
					}
					if c.want != nil && !strings.Contains(err.Error(), c.says) {
						t.Errorf("%v\ndoes not say %q", err, c.says)
					}
					if retry.IsTemporary(err) {
						t.Errorf("%v is called temporary", err)
					}
					if strings.Contains(err.Error(), c.key.Secret) {
						t.Errorf("%v shows the secret", err)
					}
				}
			})
		}
		c := client(t, addr, testservers.NewTSIGKey("stranger"))
		if _, err := c.Records(t.Context(), company); err == nil {
			t.Error("a stranger was given the zone")
		}
	})
}

// scripted answers every message in process as a test says.
func scripted(t *testing.T, answer func(q *dns.Msg) *dns.Msg) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	accept := func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	server := &dns.Server{Listener: l, MsgAcceptFunc: accept, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(answer(q)) })}
	ready := make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	go func() { _ = server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = server.Shutdown() })
	return l.Addr().String()
}

func TestAnAnswerNobodySignedIsNotBelieved(t *testing.T) {
	addr := scripted(t, func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetReply(q) })
	rr, _ := maildns.New(company, "TXT", 300, "x")
	err := client(t, addr, testservers.NewTSIGKey("k")).ReplaceRRset(t.Context(), company, maildns.RRset{Name: rr.Name, Type: "TXT"}, rr)
	if err == nil || !strings.Contains(err.Error(), "no signature") {
		t.Fatal(err)
	}
}

func TestRcodesSayTheNextMove(t *testing.T) {
	rr, _ := maildns.New(company, "TXT", 300, "x")
	for rcode, want := range map[int]string{
		dns.RcodeRefused: "allow-update", dns.RcodeNotAuth: "does not hold this zone", dns.RcodeNotZone: "not in the zone",
		dns.RcodeServerFailure: "look at its log", dns.RcodeNotImplemented: `dns "manual"`, dns.RcodeFormatError: "FORMERR",
	} {
		addr := scripted(t, func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, rcode) })
		err := client(t, addr, testservers.NewTSIGKey("k")).ReplaceRRset(t.Context(), company, maildns.RRset{Name: rr.Name, Type: "TXT"}, rr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dns.RcodeToString[rcode], err)
		}
		if retry.IsTemporary(err) != (rcode == dns.RcodeServerFailure) {
			t.Errorf("%s: temporary", dns.RcodeToString[rcode])
		}
	}
}

func TestAServerThatIsNotThereIsTemporary(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	rr, _ := maildns.New(company, "TXT", 300, "x")
	if err := client(t, addr, testservers.NewTSIGKey("k")).AddValues(t.Context(), company, rr); !retry.IsTemporary(err) {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	d := Descriptor()
	for _, c := range []struct {
		settings map[string]string
		server   string
		ok       bool
	}{
		{map[string]string{"server": "ns1.example", "key_name": "k"}, "ns1.example:53", true},
		{map[string]string{"server": "2001:db8::1", "key_name": "k", "key_algorithm": "HMAC-SHA512."}, "[2001:db8::1]:53", true},
		{map[string]string{"server": "ns1.example:5353", "key_name": "k"}, "ns1.example:5353", true},
		{map[string]string{"server": "ns1.example", "key_name": "k", "key_algorithm": "hmac-md5"}, "", false},
		{map[string]string{"key_name": "k"}, "", false},
	} {
		p, err := d.Open(providers.Config{Server: migration.Server{Settings: c.settings}})
		if (err == nil) != c.ok {
			t.Fatal(err)
		}
		if c.ok && p.(*Client).Server != c.server {
			t.Error(p.(*Client).Server)
		}
	}
}
