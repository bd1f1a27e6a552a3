package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/wire"
)

// perServer is how many questions one server is asked at a time: small name
// servers limit the rate of answers.
const perServer = 4

// Snapshot asks every server for every key and returns what each said. It
// takes no longer than the slowest server and never fails as a whole; what
// could not be asked is unknown in the result.
func (r *Resolver) Snapshot(ctx context.Context, zone string, servers []Server, keys []maildns.Key) maildns.Zone {
	z := maildns.Zone{Name: maildns.Name(zone), Servers: make([]maildns.ServerView, len(servers))}
	var wait sync.WaitGroup
	for i, s := range servers {
		wait.Go(func() { z.Servers[i] = r.view(ctx, z.Name, s, keys) })
	}
	wait.Wait()
	return z
}

// view asks one server, at the first of its addresses that answers for the zone.
func (r *Resolver) view(ctx context.Context, zone string, s Server, keys []maildns.Key) maildns.ServerView {
	v := maildns.ServerView{Name: s.Name}
	if len(s.Addrs) == 0 {
		v.Err = "the name server has no address"
		if s.Err != "" {
			v.Err = s.Err
		}
		return v
	}
	var errs []string
	for _, addr := range s.Addrs {
		soa, err := r.soa(ctx, addr, zone)
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		v.Addr, v.Serial = addr, soa.Serial
		v.NegativeTTL = min(soa.Hdr.Ttl, soa.Minttl) // RFC 2308 §5
		r.fill(ctx, &v, keys)
		return v
	}
	v.Addr, v.Err = s.Addrs[0], strings.Join(errs, "; ")
	return v
}

// soa proves that the server is authoritative for the zone.
func (r *Resolver) soa(ctx context.Context, addr, zone string) (*dns.SOA, error) {
	in, err := r.ask(ctx, addr, zone, dns.TypeSOA, false)
	if err != nil {
		return nil, err
	}
	if err := authoritative(in); err != nil {
		return nil, fmt.Errorf("ask %s for %s SOA: %w", addr, zone, err)
	}
	for _, rr := range in.Answer {
		if soa, ok := rr.(*dns.SOA); ok && maildns.Name(soa.Hdr.Name) == zone {
			return soa, nil
		}
	}
	return nil, fmt.Errorf("ask %s for %s SOA: %s is not a zone of this server", addr, zone, zone)
}

func (r *Resolver) fill(ctx context.Context, v *maildns.ServerView, keys []maildns.Key) {
	v.RRsets, v.Unknown = map[maildns.Key]maildns.RRset{}, map[maildns.Key]string{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(perServer)
	for _, k := range keys {
		key := maildns.KeyOf(k.Name, k.Type)
		group.Go(func() error {
			sets, err := r.rrsets(ctx, v.Addr, key)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				v.Unknown[key] = err.Error()
			}
			for _, rr := range sets {
				v.RRsets[rr.Key()] = rr
			}
			return nil
		})
	}
	_ = group.Wait()
}

// rrsets returns the RRset of key, and the CNAME at its name if there is one.
func (r *Resolver) rrsets(ctx context.Context, addr string, key maildns.Key) ([]maildns.RRset, error) {
	number, err := wire.Type(key.Type)
	if err != nil {
		return nil, err
	}
	in, err := r.ask(ctx, addr, key.Name, number, false)
	if err != nil {
		return nil, err
	}
	if err := authoritative(in); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", addr, key, err)
	}
	out := []maildns.RRset{wire.RRset(key.Name, key.Type, in.Answer)}
	if cname := wire.RRset(key.Name, "CNAME", in.Answer); key.Type != "CNAME" && !cname.IsEmpty() {
		out = append(out, cname)
	}
	return out, nil
}

// ErrNotAuthoritative says that the server is no source of truth for the name.
var ErrNotAuthoritative = errors.New("the answer is not authoritative")

// authoritative is nil when the message says what is, or is not, in the zone.
func authoritative(in *dns.Msg) error {
	switch in.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return retry.Temporary(errors.New("the server failed (SERVFAIL)"))
	default:
		return fmt.Errorf("the server answered %s", rcode(in))
	}
	if in.Authoritative {
		return nil
	}
	if cut := delegation(in); cut != "" {
		return fmt.Errorf("%w: %s", ErrNotAuthoritative, cut)
	}
	return ErrNotAuthoritative
}

func rcode(in *dns.Msg) string {
	if s, ok := dns.RcodeToString[in.Rcode]; ok {
		return s
	}
	return fmt.Sprintf("RCODE%d", in.Rcode)
}

// delegation describes a referral: records beneath it in the zone are hidden.
func delegation(in *dns.Msg) string {
	owner, hosts := "", []string{}
	for _, rr := range in.Ns {
		if ns, ok := rr.(*dns.NS); ok {
			owner = maildns.Name(ns.Hdr.Name)
			hosts = append(hosts, maildns.Name(ns.Ns))
		}
	}
	if owner == "" {
		return ""
	}
	slices.Sort(hosts)
	return fmt.Sprintf("%s is delegated to %s", owner, strings.Join(hosts, ", "))
}
