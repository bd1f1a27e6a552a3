package limits

import (
	"context"
	"slices"

	"bascule/mailsync"
)

// slots are the connections to one server.
type slots struct {
	// most is the cap; 0 for a place that is no server.
	most, used int
}

// hold is some connections, taken together.
type hold struct {
	set     *Set
	servers []*Server
	// recalled is closed when somebody waits; nil for a hold that is not lent.
	recalled chan struct{}
	over     bool
}

// waiter wants connections and has none.
type waiter struct {
	servers []*Server
	// got receives the hold; it has room for it.
	got chan *hold
}

// fits reports whether one connection to each server is free. Both sides of a
// mailbox may be on a server that bears one connection only.
func fits(servers []*Server) bool {
	for i, s := range servers {
		want := 1 + count(servers[:i], s)
		if s.most > 0 && s.used+want > s.most && (s.used > 0 || want <= s.most) {
			return false
		}
	}
	return true
}

func count(servers []*Server, s *Server) (n int) {
	for _, x := range servers {
		if x == s {
			n++
		}
	}
	return n
}

// grab takes what fits; the set is locked.
func (s *Set) grab(servers []*Server) *hold {
	for _, x := range servers {
		x.used++
		x.peak = max(x.peak, x.used)
	}
	return &hold{set: s, servers: servers}
}

// take waits for a connection to each of some servers, all at once.
func (s *Set) take(ctx context.Context, servers ...*Server) (*hold, error) {
	w := &waiter{servers: servers, got: make(chan *hold, 1)}
	s.mu.Lock()
	s.line = append(s.line, w)
	s.serve()
	s.mu.Unlock()
	select {
	case h := <-w.got:
		return h, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = slices.DeleteFunc(s.line, func(x *waiter) bool { return x == w })
	select {
	case h := <-w.got:
		s.free(h)
	default:
	}
	s.serve() // somebody behind us may fit
	return nil, context.Cause(ctx)
}

// lend gives connections that somebody may want back, or nil. wake is
// signalled when asking again may help.
func (s *Set) lend(wake chan<- struct{}, servers ...*Server) *hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.line) > 0 && s.claimed(servers) || !fits(servers) {
		if wake != nil {
			s.wakes[wake] = true
		}
		return nil
	}
	h := s.grab(servers)
	h.recalled = make(chan struct{})
	s.lent = append(s.lent, h)
	return h
}

// claimed reports whether somebody waits for one of these servers.
func (s *Set) claimed(servers []*Server) bool {
	return slices.ContainsFunc(s.line, func(w *waiter) bool { return share(w.servers, servers) })
}

func share(a, b []*Server) bool {
	return slices.ContainsFunc(a, func(x *Server) bool { return slices.Contains(b, x) })
}

// serve gives those who wait what is free, in the order they came: nobody
// overtakes one who waits for the same server.
func (s *Set) serve() {
	var held []*Server
	s.line = slices.DeleteFunc(s.line, func(w *waiter) bool {
		if share(w.servers, held) || !fits(w.servers) {
			held = append(held, w.servers...)
			s.recall(w.servers)
			return false
		}
		w.got <- s.grab(w.servers)
		return true
	})
	if len(s.line) == 0 {
		for wake := range s.wakes {
			select {
			case wake <- struct{}{}:
			default:
			}
		}
		clear(s.wakes)
	}
}

// recall asks for one loan back on each server that is full.
func (s *Set) recall(servers []*Server) {
	for _, x := range servers {
		if x.most == 0 || x.used+count(servers, x) <= x.most {
			continue
		}
		asked := false
		for _, h := range s.lent {
			asked = asked || h.asked() && slices.Contains(h.servers, x)
		}
		if i := slices.IndexFunc(s.lent, func(h *hold) bool { return slices.Contains(h.servers, x) }); i >= 0 && !asked {
			close(s.lent[i].recalled)
		}
	}
}

func (h *hold) asked() bool {
	select {
	case <-h.recalled:
		return true
	default:
		return false
	}
}

// free takes a hold back; the set is locked.
func (s *Set) free(h *hold) {
	if h.over {
		return
	}
	h.over = true
	for _, x := range h.servers {
		x.used--
	}
	s.lent = slices.DeleteFunc(s.lent, func(l *hold) bool { return l == h })
}

// Recalled implements mailsync.Loan.
func (h *hold) Recalled() <-chan struct{} { return h.recalled }

// Return implements mailsync.Loan.
func (h *hold) Return() {
	h.set.mu.Lock()
	defer h.set.mu.Unlock()
	h.set.free(h)
	h.set.serve()
}

var _ mailsync.Loan = (*hold)(nil)
