package rfc2136

import (
	"fmt"

	"github.com/miekg/dns"

	"bascule/internal/retry"
	"bascule/maildns/zonewriter"
	"bascule/providers"
)

// refusal explains an answer that is not a success, with the next move. A
// failed prerequisite is ErrConflict: the zone changed under the plan.
func (c *Client) refusal(in *dns.Msg) error {
	if t := in.IsTsig(); t != nil && t.Error != dns.RcodeSuccess {
		return fmt.Errorf("%w: %s answered %s: %s", providers.ErrAuth, c.Server, tsigError(t.Error), c.tsigAdvice(t.Error))
	}
	switch in.Rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return fmt.Errorf("%w (%s answered %s)", zonewriter.ErrConflict, c.Server, dns.RcodeToString[in.Rcode])
	case dns.RcodeNotAuth:
		return fmt.Errorf("%w: %s answered NOTAUTH: it does not hold this zone, or does not know the key %q; check server, the zone's name and key_name",
			providers.ErrAuth, c.Server, c.KeyName)
	case dns.RcodeRefused:
		return fmt.Errorf("%w: %s answered REFUSED: the key %q may not do this; allow it update and transfer of the zone (BIND: allow-update, allow-transfer; Knot: an acl with action [update, transfer])",
			providers.ErrRefused, c.Server, c.KeyName)
	case dns.RcodeNotZone:
		return fmt.Errorf("%w: %s answered NOTZONE: the record's name is not in the zone", providers.ErrRefused, c.Server)
	case dns.RcodeServerFailure:
		return retry.Temporary(fmt.Errorf("%s answered SERVFAIL: look at its log; a secondary that cannot reach its primary and a zone file that cannot be written answer this", c.Server))
	case dns.RcodeNotImplemented:
		return fmt.Errorf("%w: %s answered NOTIMP: it takes no dynamic updates; use another driver or dns \"manual\"", providers.ErrRefused, c.Server)
	}
	return fmt.Errorf("%w: %s answered %s", providers.ErrRefused, c.Server, dns.RcodeToString[in.Rcode])
}

// tsigError names the codes of RFC 8945 §3; 16 is BADVERS elsewhere.
func tsigError(code uint16) string {
	switch code {
	case dns.RcodeBadSig:
		return "BADSIG"
	case dns.RcodeBadKey:
		return "BADKEY"
	case dns.RcodeBadTime:
		return "BADTIME"
	case dns.RcodeBadTrunc:
		return "BADTRUNC"
	}
	return fmt.Sprintf("TSIG error %d", code)
}

func (c *Client) tsigAdvice(code uint16) string {
	switch code {
	case dns.RcodeBadSig:
		return fmt.Sprintf("the secret of the key %q is another one on the server, or its algorithm is not %s", c.KeyName, c.Algorithm)
	case dns.RcodeBadKey:
		return fmt.Sprintf("the server has no key %q with the algorithm %s; key names are compared whole", c.KeyName, c.Algorithm)
	case dns.RcodeBadTime:
		return "the clocks of this machine and of the server are more than five minutes apart"
	}
	return "compare the key statements on both sides"
}
