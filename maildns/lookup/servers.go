package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/wire"
)

// Server is one authoritative server: a name, and the addresses ("ip:port")
// it may be asked at. Err says why it has none.
type Server struct {
	Name  string
	Addrs []string
	Err   string
}

// AuthoritativeServers finds the servers of the zone that domain is in,
// through the recursive resolvers. A server whose address is not found is
// still in the list: it is unknown, not absent.
func (r *Resolver) AuthoritativeServers(ctx context.Context, domain string) ([]Server, error) {
	zone, err := r.ZoneOf(ctx, domain)
	if err != nil {
		return nil, err
	}
	in, err := r.recurse(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, fmt.Errorf("find name servers of %s: %w", zone, err)
	}
	names := wire.RRset(zone, "NS", in.Answer).Values
	if len(names) == 0 {
		return nil, fmt.Errorf("find name servers of %s: there is none", zone)
	}
	var out []Server
	for _, name := range names {
		out = append(out, r.server(ctx, strings.TrimSuffix(name, "."), name, "53"))
	}
	return out, nil
}

// ExplicitServers is AuthoritativeServers for a list written by a person:
// "host", "ip", "host:port" or "[ip]:port". Their names stay as written.
func (r *Resolver) ExplicitServers(ctx context.Context, nameservers []string) ([]Server, error) {
	var out []Server
	for _, ns := range nameservers {
		host, port, err := net.SplitHostPort(ns)
		if err != nil {
			host, port = strings.Trim(ns, "[]"), "53"
		}
		if _, err := netip.ParseAddr(host); err == nil {
			out = append(out, Server{Name: ns, Addrs: []string{net.JoinHostPort(host, port)}})
			continue
		}
		if _, err := maildns.ParseName(host); err != nil {
			return nil, fmt.Errorf("read name server %q: %w", ns, err)
		}
		out = append(out, r.server(ctx, ns, host, port))
	}
	return out, nil
}

func (r *Resolver) server(ctx context.Context, name, host, port string) Server {
	s := Server{Name: name}
	addrs, err := r.LookupHost(ctx, host)
	switch {
	case err != nil:
		s.Err = err.Error()
	case len(addrs) == 0:
		s.Err = fmt.Sprintf("%s has no address", host)
	}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, net.JoinHostPort(a, port))
	}
	return s
}

// ZoneOf returns the apex of the zone that holds name.
func (r *Resolver) ZoneOf(ctx context.Context, name string) (string, error) {
	in, err := r.recurse(ctx, name, dns.TypeSOA)
	if err != nil {
		return "", fmt.Errorf("find the zone of %s: %w", name, err)
	}
	// The SOA is the answer at the apex, and in the authority section below it
	// (RFC 2308 §3).
	for _, rr := range slices.Concat(in.Answer, in.Ns) {
		if soa, ok := rr.(*dns.SOA); ok && maildns.Under(name, soa.Hdr.Name) {
			return maildns.Name(soa.Hdr.Name), nil
		}
	}
	return "", fmt.Errorf("find the zone of %s: the resolver names no SOA", name)
}

// recurse asks the recursive resolvers in order; NXDOMAIN is an answer.
func (r *Resolver) recurse(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	if len(r.Recursive) == 0 {
		return nil, ErrNoResolver
	}
	var errs []error
	for _, addr := range r.Recursive {
		in, err := r.ask(ctx, addr, name, typ, true)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if in.Rcode == dns.RcodeSuccess || in.Rcode == dns.RcodeNameError {
			return in, nil
		}
		errs = append(errs, retry.Temporary(fmt.Errorf("%s answered %s", addr, rcode(in))))
	}
	return nil, errors.Join(errs...)
}

// LookupTXT returns the TXT values at name, following CNAMEs; none when there
// are none.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return r.values(ctx, name, "TXT")
}

// LookupMX returns the MX values at name, following CNAMEs.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]string, error) {
	return r.values(ctx, name, "MX")
}

// LookupCNAME returns the target of the CNAME at name, or nothing.
func (r *Resolver) LookupCNAME(ctx context.Context, name string) (string, error) {
	values, err := r.values(ctx, name, "CNAME")
	if err != nil || len(values) == 0 {
		return "", err
	}
	return values[0], nil
}

// LookupHost returns the addresses of a host, IPv4 first; none when it has none.
func (r *Resolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	four, err4 := r.values(ctx, host, "A")
	six, err6 := r.values(ctx, host, "AAAA")
	if all := slices.Concat(four, six); len(all) > 0 {
		return all, nil
	}
	return nil, errors.Join(err4, err6)
}

func (r *Resolver) values(ctx context.Context, name, typ string) ([]string, error) {
	name, err := maildns.ParseName(name)
	if err != nil {
		return nil, err
	}
	number, err := wire.Type(typ)
	if err != nil {
		return nil, err
	}
	in, err := r.recurse(ctx, name, number)
	if err != nil {
		return nil, fmt.Errorf("look %s %s up: %w", name, typ, err)
	}
	return wire.RRset(followed(name, typ, in.Answer), typ, in.Answer).Values, nil
}

// followed walks the CNAMEs of one answer; eight are more than anybody needs.
func followed(name, typ string, answer []dns.RR) string {
	for range 8 {
		if typ == "CNAME" {
			break
		}
		cname := wire.RRset(name, "CNAME", answer)
		if cname.IsEmpty() {
			break
		}
		name = cname.Values[0]
	}
	return name
}

// SPF answers the questions of maildns.CountSPF through the recursive
// resolvers, each name and type once.
func (r *Resolver) SPF(ctx context.Context) maildns.SPFResolver {
	type answer struct {
		values []string
		err    error
	}
	seen := map[maildns.Key]answer{}
	once := func(typ string, ask func(context.Context, string) ([]string, error)) func(string) ([]string, error) {
		return func(name string) ([]string, error) {
			key := maildns.KeyOf(name, typ)
			if a, ok := seen[key]; ok {
				return a.values, a.err
			}
			values, err := ask(ctx, name)
			seen[key] = answer{values, err}
			return values, err
		}
	}
	return maildns.SPFResolver{TXT: once("TXT", r.LookupTXT), A: once("A", r.LookupHost), MX: once("MX", r.LookupMX)}
}
