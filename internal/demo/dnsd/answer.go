package dnsd

import (
	"net"

	"github.com/miekg/dns"
)

// cnames is how many aliases are followed inside the zone.
const cnames = 8

// signature is the room a TSIG record takes at most with the key names in use.
const signature = 200

// udpRoom is the size of the answer the client can take (RFC 6891 §6.2.5),
// less what the signature will need.
func udpRoom(q *dns.Msg) int {
	room := dns.MinMsgSize
	if o := q.IsEdns0(); o != nil {
		room = max(int(o.UDPSize()), room)
	}
	if q.IsTsig() != nil {
		room -= signature
	}
	return room
}

// answer answers a question with authority, from one version of the zone.
func answer(z *zone, q *dns.Msg) *dns.Msg {
	question := q.Question[0]
	if !z.holds(question.Name) || question.Qclass != dns.ClassINET {
		return rcode(q, dns.RcodeRefused)
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative = true
	if o := q.IsEdns0(); o != nil {
		m.SetEdns0(dns.DefaultMsgSize, false)
	}
	name := question.Name
	for range cnames {
		var next string
		if next = collect(z, m, name, question.Qtype); next == "" {
			break
		}
		name = next
	}
	return m
}

// collect adds what is at one name; it returns the name to go on with when
// there is an alias into the zone.
func collect(z *zone, m *dns.Msg, name string, typ uint16) string {
	found := z.set(name, typ)
	if typ == dns.TypeANY {
		for _, t := range z.types(name) {
			found = append(found, z.set(name, t)...)
		}
	}
	if len(found) > 0 {
		m.Answer = append(m.Answer, found...)
		return ""
	}
	if alias := z.set(name, dns.TypeCNAME); len(alias) > 0 {
		m.Answer = append(m.Answer, alias...)
		if target := alias[0].(*dns.CNAME).Target; z.holds(target) {
			return target
		}
		return ""
	}
	if !z.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
	// RFC 2308 §3: the SOA says how long the absence may be remembered.
	m.Ns = []dns.RR{z.soa()}
	return ""
}

// transferBatch is how many records one message of a transfer carries.
const transferBatch = 100

// transfer answers AXFR over TCP to who holds the key (RFC 5936 §2.2); IXFR
// gets the whole zone too, which RFC 1995 §4 allows.
func (i *identity) transfer(w dns.ResponseWriter, q *dns.Msg) *dns.Msg {
	z := i.serving()
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	if q.IsTsig() == nil || !tcp || dns.CanonicalName(q.Question[0].Name) != z.apex {
		return rcode(q, dns.RcodeRefused)
	}
	rrs := z.all()
	rrs = append(rrs, z.soa())
	for first := true; len(rrs) > 0; first = false {
		n := min(transferBatch, len(rrs))
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		m.Answer, rrs = rrs[:n], rrs[n:]
		sign(m, q, nil)
		if w.WriteMsg(m) != nil {
			return nil
		}
		if first {
			w.TsigTimersOnly(true) // RFC 8945 §5.3.1
		}
	}
	return nil
}

// all lists every record, the SOA first.
func (z *zone) all() []dns.RR {
	var out []dns.RR
	for _, k := range z.keys() {
		out = append(out, z.sets[k]...)
	}
	return out
}
