package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"

	"bascule/internal/retry"
)

const (
	defaultTimeout = 3 * time.Second
	defaultTries   = 3
	// udpSize avoids fragments (RFC 9715 §3.1 recommends at most 1400).
	udpSize = 1232
)

// Resolver asks name servers. Its zero value needs a Dialer; it may be used by
// several goroutines.
type Resolver struct {
	// Dialer opens connections, network "udp" or "tcp".
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeout bounds one exchange; zero means 3 s.
	Timeout time.Duration
	// Tries is how often a question is asked; the last time over TCP. Zero means 3.
	Tries int
	// Recursive are the resolvers ("ip:port") that find name servers and
	// answer for other zones, asked in order.
	Recursive []string
}

// ErrNoResolver is returned when a lookup needs a recursive resolver and none is set.
var ErrNoResolver = errors.New("no recursive resolver is configured")

// SystemResolvers reads the resolvers of a resolv.conf file, as "ip:port".
func SystemResolvers(path string) ([]string, error) {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read resolvers: %w", err)
	}
	var out []string
	for _, s := range conf.Servers {
		out = append(out, net.JoinHostPort(s, conf.Port))
	}
	return out, nil
}

// ask puts one question to one server until it answers or the tries are used
// up. The answer may have any rcode.
func (r *Resolver) ask(ctx context.Context, addr, name string, typ uint16, recursive bool) (*dns.Msg, error) {
	tries := r.Tries
	if tries == 0 {
		tries = defaultTries
	}
	var last error
	for i := range tries {
		network := "udp"
		if i > 0 && i == tries-1 {
			network = "tcp" // some networks lose every UDP answer
		}
		in, err := r.exchange(ctx, network, addr, question(name, typ, recursive))
		if err == nil {
			return in, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ask %s for %s %s: %w", addr, name, dns.TypeToString[typ], context.Cause(ctx))
		}
		last = err
	}
	return nil, retry.Temporary(fmt.Errorf("ask %s for %s %s: %w", addr, name, dns.TypeToString[typ], last))
}

func question(name string, typ uint16, recursive bool) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), typ)
	m.RecursionDesired = recursive
	m.SetEdns0(udpSize, false)
	return m
}

// exchange asks once, again over TCP when the answer is cut short, and again
// without EDNS when the server does not know it (RFC 6891 §7).
func (r *Resolver) exchange(ctx context.Context, network, addr string, m *dns.Msg) (*dns.Msg, error) {
	in, err := r.once(ctx, network, addr, m)
	if err != nil {
		return nil, err
	}
	if in.Rcode == dns.RcodeFormatError || in.Rcode == dns.RcodeNotImplemented {
		plain := m.Copy()
		plain.Extra = nil
		if in, err = r.once(ctx, network, addr, plain); err != nil {
			return nil, err
		}
	}
	if in.Truncated && network == "udp" {
		return r.once(ctx, "tcp", addr, m)
	}
	return in, nil
}

func (r *Resolver) once(ctx context.Context, network, addr string, m *dns.Msg) (*dns.Msg, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nc, err := r.Dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	// Package dns knows the context's deadline, not its cancellation.
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	defer nc.Close()
	client := &dns.Client{Net: network, Timeout: timeout, UDPSize: udpSize}
	in, _, err := client.ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: nc, UDPSize: udpSize})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("timeout: no answer over %s within %s", network, timeout)
	}
	if err != nil {
		return nil, err
	}
	return in, matches(m, in)
}

// matches refuses an answer to another question.
func matches(out, in *dns.Msg) error {
	if !in.Response {
		return errors.New("the server sent a question back")
	}
	// Servers that do not understand a question may leave it out (RFC 1035 §4.1.1).
	if len(in.Question) == 0 && in.Rcode != dns.RcodeSuccess {
		return nil
	}
	if len(in.Question) != 1 || in.Question[0].Qtype != out.Question[0].Qtype ||
		dns.CanonicalName(in.Question[0].Name) != dns.CanonicalName(out.Question[0].Name) {
		return errors.New("the server answered another question")
	}
	return nil
}
