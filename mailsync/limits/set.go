package limits

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bascule/internal/clock"
	"bascule/mailsync"
)

// Options of a Set.
type Options struct {
	Clock clock.Clock
	// Random returns a number in [0,1).
	Random func() float64
	// Zone is where days begin; nil is UTC.
	Zone *time.Location
	// Budget is how many octets may be under way; 0 is mailsync.DefaultBudget.
	Budget int64
}

// Set is what the passes of a run share. It is safe for concurrent use.
type Set struct {
	Options
	// Octets bounds what is under way.
	Octets *mailsync.Budget
	// Kept is signalled when Export has something new that is worth keeping;
	// it holds one signal.
	Kept chan struct{}

	mu       sync.Mutex
	servers  map[string]*Server
	accounts map[accountKey]*Account
	line     []*waiter
	lent     []*hold
	wakes    map[chan<- struct{}]bool
}

// New returns an empty set.
func New(o Options) *Set {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Budget == 0 {
		o.Budget = mailsync.DefaultBudget
	}
	return &Set{Options: o, Octets: mailsync.NewBudget(o.Budget), Kept: make(chan struct{}, 1), servers: map[string]*Server{}, accounts: map[accountKey]*Account{}, wakes: map[chan<- struct{}]bool{}}
}

// Terms are what a server bears.
type Terms struct {
	// Connections at once; 0 is as many as one likes: a directory.
	Connections int
	// Bandwidth in octets a second, both ways together; 0 is unbounded.
	Bandwidth int64
}

// Server is one endpoint.
type Server struct {
	slots
	set      *Set
	endpoint string
	// peak is the most connections there were at once.
	peak  int
	pause Pause
	rate  *rate.Limiter
}

// Server returns the server at an endpoint, "host:port". Where two blocks name
// one server, the lower limits hold.
func (s *Set) Server(endpoint string, t Terms) *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.servers[endpoint]
	if x == nil {
		x = &Server{set: s, endpoint: endpoint, slots: slots{most: t.Connections}}
		s.servers[endpoint] = x
	}
	if t.Connections > 0 && (x.most == 0 || t.Connections < x.most) {
		x.most = t.Connections
	}
	if t.Bandwidth > 0 && (x.rate == nil || rate.Limit(t.Bandwidth) < x.rate.Limit()) {
		x.rate = rate.NewLimiter(rate.Limit(t.Bandwidth), chunk)
	}
	return x
}

func (x *Server) limiter() *rate.Limiter {
	x.set.mu.Lock()
	defer x.set.mu.Unlock()
	return x.rate
}

// Cap returns how many connections the server bears, as known by now.
func (x *Server) Cap() int {
	x.set.mu.Lock()
	defer x.set.mu.Unlock()
	return x.most
}

// Peak returns the most connections that were taken at once.
func (x *Server) Peak() int {
	x.set.mu.Lock()
	defer x.set.mu.Unlock()
	return x.peak
}

// crowded lowers the cap below what is taken now: one of those was refused.
// It reports false when there is nothing left to give up.
func (x *Server) crowded() bool {
	if x.used <= 1 {
		return false
	}
	if x.most == 0 || x.used-1 < x.most {
		x.most = x.used - 1
	}
	return true
}

// Record is what outlives a run of one account, or of a whole server where
// Login is empty.
type Record struct {
	Endpoint string
	Login    string
	Side     Side
	Pause    Pause
	// Day is the local day, "2006-01-02", on which Octets went.
	Day    string
	Octets int64
}

// Export returns what a later run must know, in a stable order.
func (s *Set) Export() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Record
	now := s.Clock.Now()
	for _, x := range s.servers {
		if x.pause.remembered(now) {
			out = append(out, Record{Endpoint: x.endpoint, Pause: x.pause})
		}
	}
	for key, a := range s.accounts {
		r := Record{Endpoint: key.endpoint, Login: key.login, Side: key.side}
		if a.pause.remembered(now) {
			r.Pause = a.pause
		}
		if a.daily > 0 && a.day == s.today(now) {
			r.Day, r.Octets = a.day, a.spent()
		}
		if r.Day != "" || !r.Pause.Until.IsZero() {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Login, b.Login), cmp.Compare(a.Side, b.Side))
	})
	return out
}

// Import takes over what an earlier run exported. What this run knows better stays.
func (s *Set) Import(list []Record) {
	for _, r := range list {
		x := s.Server(r.Endpoint, Terms{})
		if r.Login == "" {
			s.mu.Lock()
			x.pause = longer(x.pause, r.Pause)
			s.mu.Unlock()
			continue
		}
		a := x.Account(r.Side, r.Login, 0)
		s.mu.Lock()
		a.pause = longer(a.pause, r.Pause)
		if a.turn(s.Clock.Now()); a.day == r.Day {
			a.before += max(0, r.Octets-a.spent())
		}
		s.mu.Unlock()
	}
}

// memory is how long after a pause the next complaint counts as another try.
const memory = 24 * time.Hour

func (p Pause) remembered(now time.Time) bool {
	return now.Before(p.Until) || p.Tries > 0 && now.Before(p.Until.Add(memory))
}

func longer(a, b Pause) Pause {
	if b.Until.After(a.Until) {
		return b
	}
	return a
}

// today is the local day of an instant.
func (s *Set) today(now time.Time) string { return now.In(s.Zone).Format(time.DateOnly) }

// tomorrow is when the next local day begins.
func (s *Set) tomorrow(now time.Time) time.Time {
	y, m, d := now.In(s.Zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, s.Zone)
}
