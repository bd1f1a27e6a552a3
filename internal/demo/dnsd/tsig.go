package dnsd

import (
	"errors"

	"github.com/miekg/dns"

	"bascule/internal/clock"
)

// fudge is how far the clocks may be apart, in seconds (RFC 8945 §10).
const fudge = 300

// authenticate returns nil when the message may go on: unsigned questions may,
// and everything whose signature is right.
func (s *Server) authenticate(w dns.ResponseWriter, q *dns.Msg) *dns.Msg {
	switch {
	case q.IsTsig() == nil && q.Opcode == dns.OpcodeUpdate:
		return rcode(q, dns.RcodeRefused)
	case q.IsTsig() != nil && tsigFault(q, w.TsigStatus()) != dns.RcodeSuccess:
		return rcode(q, dns.RcodeNotAuth) // RFC 8945 §5.2: the TSIG error says what is wrong
	}
	return nil
}

// sign signs the answer to a signed message; nothing may be changed after it.
func sign(m, q *dns.Msg, status error) {
	t := q.IsTsig()
	if t == nil {
		return
	}
	// RFC 8945 §5.2.3: the time of signing is the machine's, whatever time
	// the demonstration lives in.
	m.SetTsig(t.Hdr.Name, t.Algorithm, fudge, clock.Real{}.Now().Unix())
	m.IsTsig().Error = tsigFault(q, status)
}

// tsigFault is the TSIG error of a signed message, 0 when the signature is right.
func tsigFault(q *dns.Msg, status error) uint16 {
	switch {
	case errors.Is(status, dns.ErrSecret), errors.Is(status, dns.ErrKeyAlg), dns.CanonicalName(q.IsTsig().Algorithm) != dns.HmacSHA256:
		return dns.RcodeBadKey
	case errors.Is(status, dns.ErrTime):
		return dns.RcodeBadTime
	case status != nil:
		return dns.RcodeBadSig
	}
	return dns.RcodeSuccess
}
