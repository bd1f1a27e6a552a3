package dnsd

import (
	"testing"

	"github.com/miekg/dns"
)

// Whatever an update asks for, a zone stays a zone, and a refused update
// leaves it as it was.
func FuzzUpdate(f *testing.F) {
	z, err := parseZone("demo.example", "@ MX 10 mx\nwww CNAME web\nweb A 192.0.2.1\n")
	if err != nil {
		f.Fatal(err)
	}
	seed := func(build func(m *dns.Msg)) {
		m := new(dns.Msg)
		m.SetUpdate("demo.example.")
		build(m)
		if packed, err := m.Pack(); err == nil {
			f.Add(packed)
		}
	}
	rr := func(line string) []dns.RR {
		r, err := dns.NewRR(line)
		if err != nil {
			f.Fatal(err)
		}
		return []dns.RR{r}
	}
	seed(func(m *dns.Msg) {
		m.Used(rr("demo.example. MX 10 mx.demo.example."))
		m.Insert(rr("demo.example. 60 MX 5 new.demo.example."))
	})
	seed(func(m *dns.Msg) { m.Insert(rr("demo.example. 60 SOA a. b. 9 1 1 1 1")) })
	seed(func(m *dns.Msg) { m.RemoveName(rr("demo.example. A 192.0.2.1")) })
	seed(func(m *dns.Msg) { m.RemoveRRset(rr("demo.example. NS x.")) })
	seed(func(m *dns.Msg) { m.Remove(rr("demo.example. NS ns1.demo.example.")) })
	seed(func(m *dns.Msg) { m.Insert(rr("web.demo.example. 60 CNAME www.demo.example.")) })
	f.Fuzz(func(t *testing.T, packed []byte) {
		q := new(dns.Msg)
		if q.Unpack(packed) != nil || len(q.Question) != 1 {
			t.Skip()
		}
		before := z.clone()
		code, next := z.updated(q)
		if !z.same(before) {
			t.Fatal("the served version was changed")
		}
		if code != dns.RcodeSuccess {
			return
		}
		if len(next.set(next.apex, dns.TypeSOA)) != 1 || len(next.set(next.apex, dns.TypeNS)) == 0 {
			t.Fatal("a zone without SOA or NS")
		}
		for k, set := range next.sets {
			if len(set) == 0 || k.typ == dns.TypeCNAME && (len(set) > 1 || len(next.types(k.name)) > 1) {
				t.Fatalf("%v holds %v", k, set)
			}
		}
	})
}
