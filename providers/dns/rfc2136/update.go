package rfc2136

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"bascule/maildns"
	"bascule/maildns/wire"
	"bascule/maildns/zonewriter"
)

// races is how often an addition or removal starts again because somebody else
// changed the RRset between reading and writing.
const races = 32

// ReplaceRRset implements zonewriter.Writer as one compare-and-set.
func (c *Client) ReplaceRRset(ctx context.Context, zone string, before, after maildns.RRset) error {
	before, after = before.Canonical(), after.Canonical()
	if after.Type == "MX" && after.IsEmpty() {
		return fmt.Errorf("replace %s: %w", after.Key(), zonewriter.ErrWouldBeEmpty)
	}
	if before.Equal(after) {
		return nil
	}
	err := c.swap(ctx, zone, before, after)
	if !errors.Is(err, zonewriter.ErrConflict) {
		return err
	}
	current, lookErr := c.current(ctx, zone, after.Key())
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if current.Equal(after) {
		return nil
	}
	return fmt.Errorf("replace %s: expected %q TTL %d, found %q TTL %d: %w", after.Key(), before.Values, before.TTL, current.Values, current.TTL, err)
}

// AddValues implements zonewriter.Writer.
func (c *Client) AddValues(ctx context.Context, zone string, rr maildns.RRset) error {
	rr = rr.Canonical()
	return c.change(ctx, zone, rr.Key(), func(current maildns.RRset) (maildns.RRset, error) {
		if current.IsEmpty() {
			return rr, nil
		}
		return current.With(rr.Values...), nil
	})
}

// RemoveValues implements zonewriter.Writer.
func (c *Client) RemoveValues(ctx context.Context, zone string, rr maildns.RRset) error {
	rr = rr.Canonical()
	return c.change(ctx, zone, rr.Key(), func(current maildns.RRset) (maildns.RRset, error) {
		after := current.Without(rr.Values...)
		if rr.Type == "MX" && after.IsEmpty() && !current.IsEmpty() {
			return after, fmt.Errorf("remove %q from %s: %w", rr.Values, rr.Key(), zonewriter.ErrWouldBeEmpty)
		}
		return after, nil
	})
}

// change reads, computes and compares-and-sets, again when it lost a race.
func (c *Client) change(ctx context.Context, zone string, key maildns.Key, f func(maildns.RRset) (maildns.RRset, error)) error {
	var err error
	for range races {
		var current, after maildns.RRset
		if current, err = c.current(ctx, zone, key); err != nil {
			return err
		}
		if after, err = f(current); err != nil || after.Equal(current) {
			return err
		}
		if err = c.swap(ctx, zone, current, after); !errors.Is(err, zonewriter.ErrConflict) {
			return err
		}
	}
	return err
}

// current reads an RRset from the server that is written to. A CNAME at its
// name is an error: nothing can be written beside it.
func (c *Client) current(ctx context.Context, zone string, key maildns.Key) (maildns.RRset, error) {
	number, err := wire.Type(key.Type)
	if err != nil {
		return maildns.RRset{}, err
	}
	m := new(dns.Msg)
	m.SetQuestion(key.Name, number)
	m.RecursionDesired = false
	in, err := c.exchange(ctx, m)
	// An absent name is an answer here, where no prerequisite was asked for.
	if err != nil && (in == nil || in.Rcode != dns.RcodeNameError) {
		return maildns.RRset{}, fmt.Errorf("read %s: %w", key, err)
	}
	if !in.Authoritative {
		return maildns.RRset{}, fmt.Errorf("read %s: %s is not authoritative for %s", key, c.Server, zone)
	}
	if cname := wire.RRset(key.Name, "CNAME", in.Answer); key.Type != "CNAME" && !cname.IsEmpty() {
		return maildns.RRset{}, fmt.Errorf("write %s: %w: %s is a CNAME to %s, and nothing else can stand there (RFC 1034 §3.6.2)",
			key, zonewriter.ErrHazard, key.Name, cname.Values[0])
	}
	return wire.RRset(key.Name, key.Type, in.Answer), nil
}

// swap sends one UPDATE: if the RRset is before, make it after.
func (c *Client) swap(ctx context.Context, zone string, before, after maildns.RRset) error {
	m, err := message(zone, before, after)
	if err != nil {
		return err
	}
	if _, err := c.exchange(ctx, m); err != nil {
		return fmt.Errorf("update %s: %w", after.Key(), err)
	}
	return nil
}

// message builds the UPDATE: prerequisites first, then the change.
func message(zone string, before, after maildns.RRset) (*dns.Msg, error) {
	number, err := wire.Type(after.Type)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	m.SetUpdate(maildns.Name(zone))
	at := func(t uint16) []dns.RR { return []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: after.Name, Rrtype: t}}} }
	if err := require(m, before, after, at(number), at(dns.TypeCNAME)); err != nil {
		return nil, err
	}
	if before.TTL != after.TTL && !before.IsEmpty() && !after.IsEmpty() {
		// RFC 2136 §3.4.2.2 lets an insertion change the TTL of records that
		// are there; Knot ignores it. The whole RRset goes and comes back
		// within the message, which no query sees (§3.7).
		m.RemoveRRset(at(number))
		return m, insert(m, after)
	}
	added, removed := after, before
	added.Values, removed.Values = maildns.Diff(after, before).Added(), maildns.Diff(after, before).Removed()
	if err := insert(m, added); err != nil {
		return nil, err
	}
	if after.Type == "CNAME" && !after.IsEmpty() {
		return m, nil // inserting a CNAME replaces the one there
	}
	gone, err := wire.Records(removed)
	if err != nil {
		return nil, err
	}
	m.Remove(gone)
	return m, nil
}

// require adds the prerequisites: the RRset is before, value by value, and no
// CNAME is in the way. Servers answer NOERROR to a write beside a CNAME, and
// do nothing (RFC 2136 §3.4.2.2); a prerequisite makes them say no.
func require(m *dns.Msg, before, after maildns.RRset, self, cname []dns.RR) error {
	if before.IsEmpty() {
		m.RRsetNotUsed(self)
	} else {
		was, err := wire.Records(before)
		if err != nil {
			return err
		}
		m.Used(was)
	}
	switch {
	case after.Type != "CNAME" && !after.IsEmpty():
		m.RRsetNotUsed(cname)
	case after.Type == "CNAME" && before.IsEmpty():
		m.NameNotUsed(cname)
	}
	return nil
}

func insert(m *dns.Msg, rr maildns.RRset) error {
	records, err := wire.Records(rr)
	if err != nil {
		return err
	}
	m.Insert(records)
	return nil
}
