package zonewriter_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/zonewriter"
	"bascule/maildns/zonewriter/writertest"
	"bascule/providers/dns/manual"
)

// service is an honest DNS service in memory with a primary and a secondary
// that is some looks late; its methods can be replaced by hostile ones.
type service struct {
	mu   sync.Mutex
	sets map[maildns.Key]maildns.RRset
	late []map[maildns.Key]maildns.RRset // what the secondary still has to go through
	lag  int
	dead map[string]string
	// before is called inside every write, with the wanted set; it may change
	// it, or end the write with an error or quietly.
	before func(s *service, current, want maildns.RRset) (maildns.RRset, error)
	writes int
}

var errQuiet = errors.New("end quietly")

func newService() *service {
	return &service{sets: map[maildns.Key]maildns.RRset{}, dead: map[string]string{}}
}

func (s *service) change(key maildns.Key, f func(current maildns.RRset) (maildns.RRset, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	current := s.get(key)
	want, err := f(current)
	if err != nil {
		return err
	}
	if err := maildns.CheckCNAME(want, s.at(key.Name)); err != nil {
		return err
	}
	if s.before != nil {
		want, err = s.before(s, current, want)
	}
	if errors.Is(err, errQuiet) {
		return nil
	}
	for range s.lag {
		s.late = append(s.late, maps.Clone(s.sets))
	}
	s.sets[key] = want
	return err
}

func (s *service) get(key maildns.Key) maildns.RRset {
	if rr, ok := s.sets[key]; ok {
		return rr
	}
	return maildns.RRset{Name: key.Name, Type: key.Type}.Canonical()
}

func (s *service) at(name string) (out []maildns.RRset) {
	for k, rr := range s.sets {
		if k.Name == name {
			out = append(out, rr)
		}
	}
	return out
}

func (s *service) ReplaceRRset(_ context.Context, _ string, before, after maildns.RRset) error {
	return s.change(after.Key(), func(current maildns.RRset) (maildns.RRset, error) {
		switch {
		case after.Type == "MX" && after.IsEmpty():
			return current, zonewriter.ErrWouldBeEmpty
		case !current.Equal(before) && !current.Equal(after):
			return current, zonewriter.ErrConflict
		}
		return after, nil
	})
}

func (s *service) AddValues(_ context.Context, _ string, rr maildns.RRset) error {
	return s.change(rr.Key(), func(current maildns.RRset) (maildns.RRset, error) {
		if current.IsEmpty() {
			return rr, nil
		}
		return current.With(rr.Values...), nil
	})
}

func (s *service) RemoveValues(_ context.Context, _ string, rr maildns.RRset) error {
	return s.change(rr.Key(), func(current maildns.RRset) (maildns.RRset, error) {
		want := current.Without(rr.Values...)
		if rr.Type == "MX" && want.IsEmpty() {
			return want, zonewriter.ErrWouldBeEmpty
		}
		return want, nil
	})
}

func (s *service) look(_ context.Context, zone string, keys []maildns.Key) maildns.Zone {
	s.mu.Lock()
	defer s.mu.Unlock()
	secondary := s.sets
	if len(s.late) > 0 {
		secondary, s.late = s.late[0], s.late[1:]
	}
	z := maildns.Zone{Name: zone}
	for name, sets := range map[string]map[maildns.Key]maildns.RRset{"ns1": s.sets, "ns2": secondary} {
		v := maildns.ServerView{Name: name, Err: s.dead[name], RRsets: map[maildns.Key]maildns.RRset{}}
		for _, k := range keys {
			v.RRsets[k] = maildns.RRset{Name: k.Name, Type: k.Type}.Canonical()
			if rr, ok := sets[k]; ok {
				v.RRsets[k] = rr
			}
		}
		z.Servers = append(z.Servers, v)
	}
	return z
}

func (s *service) set(name, typ string, ttl uint32, values ...string) maildns.RRset {
	rr, err := maildns.New(name, typ, ttl, values...)
	if err != nil {
		panic(err)
	}
	if !rr.IsEmpty() {
		s.sets[rr.Key()] = rr
	}
	return rr
}

func (s *service) checked() *zonewriter.Checked {
	return &zonewriter.Checked{Inner: s, Look: s.look, Settle: retry.Policy{Tries: 4, First: time.Microsecond, Most: time.Microsecond}}
}

func TestContractOnAnHonestServiceWithALateSecondary(t *testing.T) {
	for _, lag := range []int{0, 2} {
		writertest.Run(t, func(t *testing.T) writertest.Zone {
			s := newService()
			s.lag = lag
			return writertest.Zone{Name: "example.ch.", Writer: s, Look: s.look, ComparesAndSets: true}
		})
	}
}

func TestCheckedKeepsTheContract(t *testing.T) {
	writertest.Run(t, func(t *testing.T) writertest.Zone {
		s := newService()
		s.lag = 2
		c := s.checked()
		return writertest.Zone{Name: "example.ch.", Writer: c, Look: s.look, ComparesAndSets: true}
	})
}

func mx(values ...string) maildns.RRset {
	rr, err := maildns.New("example.ch", "MX", 300, values...)
	if err != nil {
		panic(err)
	}
	return rr
}

// A service that misbehaves is found out, and the truth is told.
func TestCheckedCatchesAHostileService(t *testing.T) {
	old, both := mx("10 a.old.net", "20 b.old.net"), mx("10 a.old.net", "20 b.old.net", "5 new.net")
	add := func(c *zonewriter.Checked) error { return c.AddValues(t.Context(), "example.ch", mx("5 new.net")) }
	remove := func(c *zonewriter.Checked) error {
		return c.RemoveValues(t.Context(), "example.ch", mx("20 b.old.net"))
	}
	lower := func(c *zonewriter.Checked) error {
		return c.ReplaceRRset(t.Context(), "example.ch", old, old.WithTTL(60))
	}
	text := func(c *zonewriter.Checked) error {
		rr, _ := maildns.New("example.ch", "TXT", 300, `v=spf1 exists:%{i}.x -all`)
		return c.AddValues(t.Context(), "example.ch", rr)
	}
	vendorSays := errors.New("500 internal error")
	for _, c := range []struct {
		name   string
		before func(s *service, current, want maildns.RRset) (maildns.RRset, error)
		write  func(*zonewriter.Checked) error
		want   error
		says   string
		left   maildns.RRset
	}{
		{"says nil and does nothing", func(_ *service, current, _ maildns.RRset) (maildns.RRset, error) { return current, errQuiet }, add, zonewriter.ErrNotWritten, "no effect", old},
		{"ignores deletes", func(_ *service, current, want maildns.RRset) (maildns.RRset, error) {
			return current.With(want.Values...), nil
		}, remove, zonewriter.ErrNotWritten, "20 b.old.net.", old},
		{"floors the TTL", func(_ *service, _, want maildns.RRset) (maildns.RRset, error) {
			return want.WithTTL(max(want.TTL, 120)), nil
		}, lower, zonewriter.ErrTTL, "asked for 60 s, served with 120 s", old.WithTTL(120)},
		{"rewrites TXT", func(_ *service, _, want maildns.RRset) (maildns.RRset, error) {
			want.Values = []string{strings.ReplaceAll(want.Values[0], "%", "")}
			return want, nil
		}, text, zonewriter.ErrDifferent, "exists:{i}.x", old},
		{"keeps only the last value", func(_ *service, _, want maildns.RRset) (maildns.RRset, error) {
			want.Values = want.Values[:1]
			return want, nil
		}, add, zonewriter.ErrDifferent, "5 new.net.", mx("5 new.net")},
		{"fails and has done nothing", func(_ *service, current, _ maildns.RRset) (maildns.RRset, error) { return current, vendorSays }, add, vendorSays, "500", old},
		{"fails half-way", func(_ *service, current, want maildns.RRset) (maildns.RRset, error) {
			return mx("5 new.net", "10 a.old.net"), vendorSays
		}, add, zonewriter.ErrDifferent, "500 internal error", mx("5 new.net", "10 a.old.net")},
		{"fails after it deleted every MX: they are put back", func(s *service, current, want maildns.RRset) (maildns.RRset, error) {
			s.before = nil
			return current.Without(current.Values...), vendorSays
		}, add, zonewriter.ErrDifferent, "was put back", old},
		{"reports an error although it wrote", func(_ *service, _, want maildns.RRset) (maildns.RRset, error) { return want, vendorSays }, add, nil, "", both},
		{"touches another record", func(s *service, _, want maildns.RRset) (maildns.RRset, error) {
			s.set("example.ch", "A", 1, "192.0.2.66")
			return want, nil
		}, add, zonewriter.ErrCollateral, "192.0.2.66", both},
		{"appends the zone to the target", func(_ *service, current, want maildns.RRset) (maildns.RRset, error) {
			return current.With("5 new.net.example.ch."), nil
		}, add, zonewriter.ErrDifferent, "new.net.example.ch.", old.With("5 new.net.example.ch.")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService()
			s.sets[old.Key()] = old
			s.before = c.before
			err := c.write(s.checked())
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.want != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if c.want != nil && retry.IsTemporary(err) {
				t.Errorf("%v is called temporary", err)
			}
			if got := s.get(old.Key()); !got.Equal(c.left) {
				t.Errorf("left %v", got)
			}
		})
	}
}

func TestCheckedRefusesBeforeItWrites(t *testing.T) {
	old := mx("10 a.old.net", "20 b.old.net")
	for _, c := range []struct {
		name  string
		want  error
		write func(ctx context.Context, c *zonewriter.Checked, s *service) error
	}{
		{"a zone that is not as reviewed", zonewriter.ErrConflict, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.ReplaceRRset(ctx, "example.ch", mx("10 a.old.net"), mx("10 a.old.net", "5 new.net"))
		}},
		{"a TTL that is not as reviewed", zonewriter.ErrConflict, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.ReplaceRRset(ctx, "example.ch", old.WithTTL(3600), old.WithTTL(60))
		}},
		{"the last MX", zonewriter.ErrWouldBeEmpty, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.RemoveValues(ctx, "example.ch", old)
		}},
		{"an MX set replaced in one jump", zonewriter.ErrJump, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.ReplaceRRset(ctx, "example.ch", old, mx("5 new.net"))
		}},
		{"an MX without its final dot", zonewriter.ErrHazard, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.AddValues(ctx, "example.ch", mx("5 mx.service.com.example.ch."))
		}},
		{"a second SPF record", zonewriter.ErrHazard, func(ctx context.Context, c *zonewriter.Checked, s *service) error {
			s.set("example.ch", "TXT", 300, "v=spf1 -all")
			return c.AddValues(ctx, "example.ch", maildns.RRset{Name: "example.ch", Type: "TXT", Values: []string{"v=spf1 a -all"}})
		}},
		{"a record beside a CNAME", zonewriter.ErrHazard, func(ctx context.Context, c *zonewriter.Checked, s *service) error {
			s.set("_dmarc.example.ch", "CNAME", 300, "dmarc.ionos.com")
			return c.AddValues(ctx, "example.ch", maildns.RRset{Name: "_dmarc.example.ch", Type: "TXT", Values: []string{"v=DMARC1; p=none"}})
		}},
		{"a name of another zone", zonewriter.ErrOutside, func(ctx context.Context, c *zonewriter.Checked, _ *service) error {
			return c.AddValues(ctx, "example.ch", maildns.RRset{Name: "notexample.ch", Type: "A", Values: []string{"192.0.2.1"}})
		}},
		{"a server that does not answer", zonewriter.ErrUnknown, func(ctx context.Context, c *zonewriter.Checked, s *service) error {
			s.dead["ns2"] = "timeout"
			return c.AddValues(ctx, "example.ch", mx("5 new.net"))
		}},
		{"servers that disagree", zonewriter.ErrPending, func(ctx context.Context, c *zonewriter.Checked, s *service) error {
			for range 9 {
				s.late = append(s.late, map[maildns.Key]maildns.RRset{})
			}
			return c.AddValues(ctx, "example.ch", mx("5 new.net"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService()
			s.sets[old.Key()] = old
			err := c.write(t.Context(), s.checked(), s)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if temporary := c.want == zonewriter.ErrUnknown || c.want == zonewriter.ErrPending; retry.IsTemporary(err) != temporary {
				t.Errorf("temporary: %v", !temporary)
			}
			if s.writes != 0 {
				t.Error("the service was called")
			}
		})
	}
}

func TestCheckedLetsAnAcceptedSilencePass(t *testing.T) {
	s := newService()
	s.dead["ns2"] = "timeout"
	c := s.checked()
	c.Accepted = []string{"ns2"}
	if err := c.AddValues(t.Context(), "example.ch", mx("5 new.net")); err != nil {
		t.Fatal(err)
	}
	s.dead["ns1"] = "timeout" // the last one that could tell
	if err := c.AddValues(t.Context(), "example.ch", mx("6 new.net")); !errors.Is(err, zonewriter.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestCheckedWaitsForASecondaryButNotForEver(t *testing.T) {
	s := newService()
	s.lag = 9
	err := s.checked().AddValues(t.Context(), "example.ch", mx("5 new.net"))
	if !errors.Is(err, zonewriter.ErrPending) || !retry.IsTemporary(err) || !strings.Contains(err.Error(), "ns2: nothing") {
		t.Fatal(err)
	}
	s.late = nil
	if err := s.checked().AddValues(t.Context(), "example.ch", mx("5 new.net")); err != nil || s.writes != 1 {
		t.Fatalf("%v after %d writes: what is done is not done again", err, s.writes)
	}
}

func TestManualBecomesAnInstruction(t *testing.T) {
	s := newService()
	s.sets[mx().Key()] = mx("10 old.net").WithTTL(3600)
	c := &zonewriter.Checked{Inner: manual.Hand{Where: "the panel"}, Look: s.look}
	err := c.ReplaceRRset(t.Context(), "example.ch", mx("10 old.net").WithTTL(3600), mx("10 old.net", "5 new.net"))
	var instruction *zonewriter.ManualError
	if !errors.As(err, &instruction) || instruction.Change.Kind != maildns.Add || !instruction.Change.After.Equal(mx("10 old.net", "5 new.net")) {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"the panel", "5 new.net.", "300 seconds (5 min)"} {
		if !strings.Contains(instruction.Text, want) {
			t.Errorf("%s\ndoes not say %q", instruction.Text, want)
		}
	}
	s.sets[mx().Key()] = mx("10 old.net", "5 new.net") // a person did it
	if err := c.ReplaceRRset(t.Context(), "example.ch", mx("10 old.net").WithTTL(3600), mx("10 old.net", "5 new.net")); err != nil {
		t.Fatal(err)
	}
}

func ExampleOutcome() {
	o := &zonewriter.Outcome{Kind: zonewriter.ErrNotWritten, Before: mx("10 a.net"), Want: mx("10 a.net", "5 b.net"),
		Found: []maildns.Version{{RRset: mx("10 a.net"), Servers: []string{"ns1.net", "ns2.net"}}}}
	fmt.Println(o)
	// Output: write example.ch. MX: the write has no effect: every authoritative server still serves what was there; before: ["10 a.net."] TTL 300; wanted: ["5 b.net." "10 a.net."] TTL 300; ns1.net, ns2.net: ["10 a.net."] TTL 300
}
