package dnsd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"

	"bascule/internal/clock"
)

// Options say what to serve.
type Options struct {
	// Zone is the apex: "demo.example".
	Zone string
	// Records are zone file lines, relative names allowed; lines without TTL
	// get an hour. SOA and NS records and the addresses of the name servers
	// are added.
	Records string
	// Key signs updates and transfers.
	Key Key
	// Clock dates the versions of the journal.
	Clock clock.Clock
	// Lag is how long (in the machine's time) the secondary stays behind.
	Lag time.Duration
	// OnChange is called after every change, before the update is answered,
	// with the version just made. It must not send updates.
	OnChange func(Version)
}

// Key is a TSIG key for HMAC-SHA-256.
type Key struct {
	// Name is the key's name without the final dot.
	Name string
	// Secret is in base64.
	Secret string
}

// Server is a running pair of name servers.
type Server struct {
	key      Key
	clock    clock.Clock
	onChange func(Version)

	primary, secondary *identity

	mu      sync.Mutex
	zone    *zone // what the primary serves; replaced, never changed
	journal []Version
	follow  follower
}

// identity is one of the two name servers: a port, and what it serves.
type identity struct {
	name    string
	addr    string
	server  *Server
	primary bool
	udp     *dns.Server
	tcp     *dns.Server
	ended   sync.WaitGroup
}

// Start serves the zone on two loopback ports until Close. The context bounds
// the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	if _, err := base64.StdEncoding.DecodeString(o.Key.Secret); err != nil || o.Key.Secret == "" || o.Key.Name == "" {
		return nil, errors.New("start name server: the TSIG key needs a name and a secret in base64")
	}
	z, err := parseZone(o.Zone, o.Records)
	if err != nil {
		return nil, fmt.Errorf("start name server: %w", err)
	}
	s := &Server{key: o.Key, clock: o.Clock, onChange: o.OnChange, zone: z, follow: follower{lag: o.Lag, zone: z}}
	s.journal = []Version{version(z, o.Clock.Now())}
	s.primary = &identity{name: "ns1", server: s, primary: true}
	s.secondary = &identity{name: "ns2", server: s}
	for _, id := range []*identity{s.primary, s.secondary} {
		if err := id.listen(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("start name server %s: %w", id.name, err), s.Close())
		}
	}
	return s, nil
}

// Primary returns the address ("127.0.0.1:port") that takes updates.
func (s *Server) Primary() string { return s.primary.addr }

// Secondary returns the address of the server that follows.
func (s *Server) Secondary() string { return s.secondary.addr }

// Nameservers returns both addresses, the primary first.
func (s *Server) Nameservers() []string { return []string{s.primary.addr, s.secondary.addr} }

// Close stops both servers and waits for what they are doing.
func (s *Server) Close() error {
	s.mu.Lock()
	s.follow.stop()
	s.mu.Unlock()
	return errors.Join(s.primary.close(), s.secondary.close())
}

// samePort is how often a port is looked for that is free for UDP and TCP.
const samePort = 20

// listen opens one port for both transports and serves it.
func (i *identity) listen(ctx context.Context) error {
	var err error
	for range samePort {
		var l net.Listener
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		port := l.Addr().(*net.TCPAddr).Port
		var pc net.PacketConn
		if pc, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			_ = l.Close()
			continue
		}
		i.addr = l.Addr().String()
		return i.serve(l, pc)
	}
	return err
}

// serve starts both transports and returns when they are ready.
func (i *identity) serve(l net.Listener, pc net.PacketConn) error {
	secrets := map[string]string{dns.CanonicalName(i.server.key.Name): i.server.key.Secret}
	begin := func(d *dns.Server) (*dns.Server, error) {
		d.Handler, d.TsigSecret, d.MsgAcceptFunc = i, secrets, accept
		ready, failed := make(chan struct{}), make(chan error, 1)
		d.NotifyStartedFunc = func() { close(ready) }
		i.ended.Go(func() { failed <- d.ActivateAndServe() })
		select {
		case <-ready:
			return d, nil
		case err := <-failed:
			return nil, err
		}
	}
	var errTCP, errUDP error
	i.tcp, errTCP = begin(&dns.Server{Listener: l})
	i.udp, errUDP = begin(&dns.Server{PacketConn: pc, UDPSize: dns.DefaultMsgSize})
	return errors.Join(errTCP, errUDP)
}

func (i *identity) close() error {
	var errs []error
	for _, d := range []*dns.Server{i.tcp, i.udp} {
		if d != nil {
			errs = append(errs, d.Shutdown())
		}
	}
	i.ended.Wait()
	return errors.Join(errs...)
}

// accept lets updates through, which the library refuses unasked.
func accept(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	if h.Bits&response != 0 {
		return dns.MsgIgnore
	}
	switch opcode := int(h.Bits>>11) & 0xF; opcode {
	case dns.OpcodeQuery, dns.OpcodeUpdate:
		return dns.MsgAccept
	default:
		return dns.MsgRejectNotImplemented
	}
}

// ServeDNS implements dns.Handler.
func (i *identity) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := i.reply(w, q)
	if m == nil {
		return // a transfer has answered
	}
	if _, tcp := w.RemoteAddr().(*net.TCPAddr); !tcp {
		m.Truncate(udpRoom(q))
	}
	sign(m, q, w.TsigStatus())
	// A client that went away is not this server's concern.
	_ = w.WriteMsg(m)
}

// reply makes the answer, or nil when it was sent already.
func (i *identity) reply(w dns.ResponseWriter, q *dns.Msg) *dns.Msg {
	if refused := i.server.authenticate(w, q); refused != nil {
		return refused
	}
	if len(q.Question) != 1 {
		return rcode(q, dns.RcodeFormatError)
	}
	switch {
	case q.Opcode == dns.OpcodeUpdate && i.primary:
		return i.server.update(q)
	case q.Opcode == dns.OpcodeUpdate:
		// RFC 2136 §6: forwarding is optional, and this secondary does none.
		return rcode(q, dns.RcodeRefused)
	case q.Question[0].Qtype == dns.TypeAXFR, q.Question[0].Qtype == dns.TypeIXFR:
		return i.transfer(w, q)
	}
	return answer(i.serving(), q)
}

// serving is the version this server answers from at this moment.
func (i *identity) serving() *zone {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	if i.primary {
		return i.server.zone
	}
	return i.server.follow.zone
}

func rcode(q *dns.Msg, code int) *dns.Msg {
	m := new(dns.Msg)
	m.SetRcode(q, code)
	return m
}
