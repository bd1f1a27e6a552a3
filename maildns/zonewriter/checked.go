package zonewriter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bascule/internal/retry"
	"bascule/maildns"
)

// Checked is a Writer that lets no harm through and proves every write at the
// authoritative servers. One Checked serves all zones of one DNS service; it
// is safe for concurrent use.
type Checked struct {
	// Inner is the service.
	Inner Writer
	// Look asks the authoritative servers.
	Look Look
	// Settle bounds how long the servers are asked again until all serve the
	// same; secondaries take a moment. Zero means DefaultSettle.
	Settle retry.Policy
	// Accepted names servers whose silence a person has accepted.
	Accepted []string

	mu    sync.Mutex
	zones map[string]*sync.Mutex
}

// DefaultSettle waits for about half a minute.
func DefaultSettle() retry.Policy {
	return retry.Policy{Tries: 12, First: 100 * time.Millisecond, Most: 5 * time.Second}
}

var _ Writer = (*Checked)(nil)

// beside are the types whose RRsets at the written name must stay as they are.
func beside() []string {
	return []string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"}
}

// job is one write on its way.
type job struct {
	zone string
	key  maildns.Key
	// want computes the wanted RRset from the current one, or refuses.
	want func(current maildns.RRset) (maildns.RRset, error)
	// act sends the write.
	act func(ctx context.Context, current maildns.RRset) error
}

// ReplaceRRset implements Writer. It refuses with ErrConflict unless the
// servers serve before or already after.
func (c *Checked) ReplaceRRset(ctx context.Context, zone string, before, after maildns.RRset) error {
	before, err := strict(zone, before)
	if err != nil {
		return err
	}
	after, err = strict(zone, after)
	if err != nil {
		return err
	}
	if before.Key() != after.Key() {
		return fmt.Errorf("replace %s by %s: a write stays at its name and type", before.Key(), after.Key())
	}
	return c.run(ctx, job{
		zone: maildns.Name(zone), key: after.Key(),
		want: func(current maildns.RRset) (maildns.RRset, error) {
			if !current.Equal(before) && !current.Equal(after) {
				return after, &Outcome{Kind: ErrConflict, Before: before, Want: after}
			}
			return after, nil
		},
		act: func(ctx context.Context, _ maildns.RRset) error {
			return c.Inner.ReplaceRRset(ctx, zone, before, after)
		},
	})
}

// AddValues implements Writer.
func (c *Checked) AddValues(ctx context.Context, zone string, rr maildns.RRset) error {
	rr, err := strict(zone, rr)
	if err != nil {
		return err
	}
	return c.run(ctx, job{
		zone: maildns.Name(zone), key: rr.Key(),
		want: func(current maildns.RRset) (maildns.RRset, error) {
			if current.IsEmpty() {
				return rr, nil
			}
			return current.With(rr.Values...), nil
		},
		act: func(ctx context.Context, current maildns.RRset) error {
			if !current.IsEmpty() {
				rr.TTL = current.TTL // RFC 2181 §5.2: one TTL per RRset
			}
			return c.Inner.AddValues(ctx, zone, rr)
		},
	})
}

// RemoveValues implements Writer.
func (c *Checked) RemoveValues(ctx context.Context, zone string, rr maildns.RRset) error {
	rr, err := strict(zone, rr)
	if err != nil {
		return err
	}
	return c.run(ctx, job{
		zone: maildns.Name(zone), key: rr.Key(),
		want: func(current maildns.RRset) (maildns.RRset, error) { return current.Without(rr.Values...), nil },
		act: func(ctx context.Context, current maildns.RRset) error {
			rr.TTL = current.TTL
			return c.Inner.RemoveValues(ctx, zone, rr)
		},
	})
}

// strict is the canonical RRset, or the reason why it is none.
func strict(zone string, rr maildns.RRset) (maildns.RRset, error) {
	out, err := maildns.New(rr.Name, rr.Type, rr.TTL, rr.Values...)
	if err != nil {
		return rr, err
	}
	if !maildns.Under(out.Name, zone) {
		return rr, &Outcome{Kind: ErrOutside, Want: out, Detail: fmt.Sprintf("the zone is %s", maildns.Name(zone))}
	}
	return out, nil
}

// run is the whole life of a write: look, refuse or act, look again.
func (c *Checked) run(ctx context.Context, j job) error {
	lock := c.lock(j.zone)
	lock.Lock()
	defer lock.Unlock()

	z, current, err := c.agreement(ctx, j)
	if err != nil {
		return err
	}
	want, err := j.want(current)
	if err != nil {
		return withFound(err, z.Versions(j.key))
	}
	if current.Equal(want) {
		return nil
	}
	if err := refuse(z, j, current, want); err != nil {
		return err
	}
	said := j.act(ctx, current)
	var manual *ManualError
	if errors.As(said, &manual) {
		return &ManualError{Change: maildns.Diff(want, current), Text: manual.Text}
	}
	return c.prove(ctx, j, z, current, want, said)
}

func (c *Checked) lock(zone string) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones == nil {
		c.zones = map[string]*sync.Mutex{}
	}
	if c.zones[zone] == nil {
		c.zones[zone] = &sync.Mutex{}
	}
	return c.zones[zone]
}

func (c *Checked) settle() retry.Policy {
	if c.Settle.Tries == 0 {
		return DefaultSettle()
	}
	return c.Settle
}

// keys are the written RRset and its neighbours.
func (j job) keys() []maildns.Key {
	keys := []maildns.Key{j.key}
	for _, typ := range beside() {
		if typ != j.key.Type {
			keys = append(keys, maildns.Key{Name: j.key.Name, Type: typ})
		}
	}
	return keys
}

// agreement asks until every server that has to answers the same.
func (c *Checked) agreement(ctx context.Context, j job) (z maildns.Zone, current maildns.RRset, err error) {
	err = c.settle().Do(ctx, func(ctx context.Context) error {
		z = c.heard(c.Look(ctx, j.zone, j.keys()), j.key)
		rr, ok := z.Agreed(j.key.Name, j.key.Type)
		if ok {
			current = maildns.RRset{Name: j.key.Name, Type: j.key.Type, TTL: rr.TTL, Values: rr.Values}.Canonical()
			return nil
		}
		return c.undecided(z, j.key, maildns.RRset{}, nil)
	})
	return z, current, err
}

// heard drops the servers that are silent and may be.
func (c *Checked) heard(z maildns.Zone, key maildns.Key) maildns.Zone {
	z.Servers = slices.DeleteFunc(slices.Clone(z.Servers), func(s maildns.ServerView) bool {
		_, ok := s.Lookup(key)
		return !ok && slices.Contains(c.Accepted, s.Name)
	})
	return z
}

// undecided is ErrUnknown when somebody is silent, else ErrPending.
func (c *Checked) undecided(z maildns.Zone, key maildns.Key, before maildns.RRset, cause error) *Outcome {
	o := &Outcome{Kind: ErrPending, Before: before, Want: maildns.RRset{Name: key.Name, Type: key.Type},
		Found: z.Versions(key), Silent: z.Silent(key), Cause: cause}
	if len(o.Silent) > 0 || len(z.Servers) == 0 {
		o.Kind = ErrUnknown
	}
	return o
}
