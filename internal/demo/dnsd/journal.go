package dnsd

import (
	"slices"
	"time"

	"bascule/maildns"
	"bascule/maildns/wire"

	"github.com/miekg/dns"
)

// Version is what the zone was from one moment on.
type Version struct {
	Serial uint32
	// At is when it began, by the server's clock.
	At time.Time
	// RRsets are in canonical form, sorted.
	RRsets []maildns.RRset
}

// RRset returns the record set of a name and type, empty when it is not there.
func (v Version) RRset(name, typ string) maildns.RRset {
	key := maildns.KeyOf(name, typ)
	for _, rr := range v.RRsets {
		if rr.Key() == key {
			return rr
		}
	}
	return maildns.RRset{Name: key.Name, Type: key.Type}
}

func version(z *zone, at time.Time) Version {
	v := Version{Serial: z.soa().Serial, At: at}
	for _, k := range z.keys() {
		v.RRsets = append(v.RRsets, wire.RRset(k.name, dns.TypeToString[k.typ], z.sets[k]))
	}
	return v
}

// Versions returns every version there was, the first first.
func (s *Server) Versions() []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// follower is the secondary's way of following the primary.
type follower struct {
	lag   time.Duration
	held  bool
	zone  *zone
	timer *time.Timer
}

// changed begins to follow a change; the server's lock is held.
func (f *follower) changed(s *Server) {
	switch {
	case f.held || f.timer != nil:
	case f.lag == 0:
		f.zone = s.zone
	default:
		f.timer = time.AfterFunc(f.lag, s.refresh)
	}
}

func (f *follower) stop() {
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
}

// refresh is the end of the lag.
func (s *Server) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow.timer = nil
	if !s.follow.held {
		s.follow.zone = s.zone
	}
}

// Hold keeps the secondary at what it serves now, until Release.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow.stop()
	s.follow.held = true
}

// Release lets the secondary follow again, at once.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow.held, s.follow.zone = false, s.zone
}
