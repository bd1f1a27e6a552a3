package demo

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/miekg/dns"

	"bascule/internal/clock"
)

// removeAll removes an RRset of the apex as no careful program would.
func removeAll(t *testing.T, w *World, typ string) bool {
	t.Helper()
	m := new(dns.Msg)
	m.SetUpdate(Domain + ".")
	m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: Domain + ".", Rrtype: dns.StringToType[typ]}}})
	m.SetTsig(keyName+".", dns.HmacSHA256, 300, clock.Real{}.Now().Unix())
	c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{keyName + ".": w.key.Secret}}
	in, _, err := c.Exchange(m, w.Nameservers()[0])
	if err != nil {
		t.Fatal(err)
	}
	return in.Rcode == dns.RcodeSuccess
}

// unwrapAll finds the error of the file system.
func unwrapAll(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path
	}
	return err
}
