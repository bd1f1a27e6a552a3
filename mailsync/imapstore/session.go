package imapstore

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2/imapclient"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// session is one connection, logged in, and what is known of the server.
type session struct {
	cfg  Config
	lim  wire.Limits
	conn *wire.Conn
	tap  *wire.Tap
	lib  *imapclient.Client
	id   mailsync.Identity

	caps    map[string]bool
	lit     wire.Literals
	qresync bool // ENABLEd: VANISHED instead of EXPUNGE
	ns      [3][]wire.Namespace
	// met holds the introduction as long as its replies were not taken.
	met []*wire.Command
	// plainList and metaFirst are set once a server failed at the better way.
	plainList, metaFirst bool
	// names: the server is asked how it calls messages; see naming.
	names bool

	// in is true once the login was accepted.
	in   bool
	open opened
	// told is signalled when something changed in the open folder since it was
	// opened, noticed when something did in another; see watched.
	told, noticed atomic.Pointer[chan struct{}]
	// gone receives the UIDs of VANISHED responses while somebody asks, or is nil.
	gone func(first, last uint32) error
}

// opened is the folder that EXAMINE or SELECT opened.
type opened struct {
	folder           mailsync.Folder
	valid, writable  bool
	status           mailsync.Status
	exists, expunged uint32
	flags, permanent []string
	hasPermanent     bool
}

// start connects and logs in.
func start(ctx context.Context, cfg Config, allow wire.Admission) (*session, error) {
	s := &session{cfg: cfg, lim: cfg.Limits.WithDefaults()}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.who(), err)
	}
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.who(), err)
	}
	s.conn = wire.NewConn(nc, wire.Options{Limits: s.lim, Allow: allow, Trace: cfg.trace(), Untagged: s.untagged, Refused: s.complained})
	if err := s.conn.Do(ctx, func() error { return s.enter(ctx) }); err != nil {
		s.drop()
		return nil, fmt.Errorf("%s: log in: %w", cfg.who(), err)
	}
	return s, nil
}

// enter does everything between the greeting and the first question.
func (s *session) enter(ctx context.Context) error {
	if err := s.greet(); err != nil {
		return err
	}
	if s.cfg.TLS == StartTLS {
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	if err := s.login(); err != nil {
		return err
	}
	s.in = true
	return s.introduce()
}

func (s *session) greet() error {
	g, err := s.conn.Greeting()
	if err != nil {
		return err
	}
	switch {
	case g.Type == "PREAUTH":
		// On a plain connection this also prevents STARTTLS (RFC 9051 §7.1.4).
		return fmt.Errorf("server says that somebody is logged in already; that is not the mailbox asked for")
	case g.Type != "OK":
		return serverError("connect", g)
	case g.Code == "CAPABILITY":
		s.setCaps(strings.Fields(g.Args))
		return nil
	}
	return s.askCaps()
}

func (s *session) startTLS(ctx context.Context) error {
	if !s.caps["STARTTLS"] {
		return fmt.Errorf("server offers no STARTTLS: refusing to send the password in the clear (this may be an interception; try tls = \"implicit\" on port 993)")
	}
	r, err := s.ask(s.conn.Begin("STARTTLS", wire.Synchronising), nil)
	if err != nil {
		return err
	}
	if err := replied("STARTTLS", r); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.lim.Patience, fmt.Errorf("TLS handshake took longer than %s", s.lim.Patience))
	defer cancel()
	if err := s.conn.Upgrade(func(nc net.Conn) (net.Conn, error) { return s.secure(ctx, nc) }); err != nil {
		return err
	}
	s.caps = nil // RFC 3501 §6.2.1: what was said before TLS is void
	return s.askCaps()
}

func (s *session) askCaps() error {
	var caps []string
	r, err := s.ask(s.conn.Begin("CAPABILITY", wire.Synchronising), func(r *wire.Response) (bool, error) {
		if r.Type != "CAPABILITY" {
			return false, nil
		}
		for len(caps) < 500 {
			t, err := s.conn.R.Token()
			if err != nil || t.Kind != wire.Atom {
				return true, err
			}
			caps = append(caps, string(t.Text))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	s.setCaps(caps)
	return replied("CAPABILITY", r)
}

func (s *session) setCaps(caps []string) {
	s.caps = map[string]bool{}
	for _, c := range caps {
		s.caps[strings.ToUpper(c)] = true
	}
	switch {
	case s.caps["LITERAL+"]:
		s.lit = wire.LiteralPlus
	case s.caps["LITERAL-"] || s.caps["IMAP4REV2"]:
		s.lit = wire.LiteralMinus
	default:
		s.lit = wire.Synchronising
	}
}

// has reports a capability that IMAP4rev2 includes (RFC 9051 appendix E).
func (s *session) has(capability string) bool {
	if s.caps[capability] {
		return true
	}
	switch capability {
	case "NAMESPACE", "UIDPLUS", "ESEARCH", "ENABLE", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "SPECIAL-USE", "UNSELECT", "SASL-IR", "IDLE":
		return s.caps["IMAP4REV2"]
	}
	return false
}

func (s *session) condstore() bool { return s.caps["CONDSTORE"] || s.caps["QRESYNC"] }

// appendLimit is the size of APPENDLIMIT=n (RFC 7889), or 0.
func (s *session) appendLimit() int64 {
	for c := range s.caps {
		if n, ok := strings.CutPrefix(c, "APPENDLIMIT="); ok {
			if size, err := strconv.ParseInt(n, 10, 64); err == nil {
				return size
			}
		}
	}
	return 0
}

// introduce asks who the server is and where folders are, and does not wait:
// the first question, mostly a LIST, goes out in the same flight. The answers
// are taken by untagged whoever reads them, and by meet.
//
// It waits for the login: Cyrus 3.6 answers what comes behind AUTHENTICATE in
// the same flight partly, answers AUTHENTICATE twice, and then says nothing more.
func (s *session) introduce() error {
	wanted := []struct {
		name, text string
		when       bool
	}{
		{"ID", ` ("name" "bascule")`, s.caps["ID"]},
		{"NAMESPACE", "", s.has("NAMESPACE")},
		{"ENABLE", " QRESYNC", s.caps["QRESYNC"] && s.has("ENABLE")},
	}
	for _, w := range wanted {
		if !w.when {
			continue
		}
		m := s.conn.Begin(w.name, s.lit).Text(w.text)
		if err := m.End(); err != nil {
			return err
		}
		s.met = append(s.met, m)
	}
	return nil
}

// meet takes the replies to the introduction, for what depends on them. A NO
// to any of it leaves what it would have said unknown.
func (s *session) meet() error {
	for len(s.met) > 0 {
		if _, err := s.conn.Await(s.met[0].Tag, nil); err != nil {
			return err
		}
		s.met = s.met[1:]
	}
	return nil
}

// lend lets the library speak, which knows nothing of replies on their way.
func (s *session) lend(f func() error) error {
	if err := s.meet(); err != nil {
		return err
	}
	return s.tap.Lend(f)
}

// introduced takes what a server tells of itself, as long as it was asked.
func (s *session) introduced(r *wire.Response) (err error) {
	if len(s.met) == 0 {
		return nil
	}
	switch r.Type {
	case "ID":
		s.id.ID, err = s.conn.R.Pairs()
	case "NAMESPACE":
		s.ns, err = s.conn.R.Namespaces()
	case "ENABLED":
		for {
			t, err := s.conn.R.Token()
			if err != nil || t.Kind == wire.End {
				return err
			}
			s.qresync = s.qresync || strings.EqualFold(string(t.Text), "QRESYNC")
		}
	}
	return err
}

// untagged follows what the server says of the open folder at any time.
func (s *session) untagged(r *wire.Response) error {
	s.changes(r)
	switch r.Type {
	case "EXISTS":
		s.open.exists = r.Num
	case "EXPUNGE":
		s.open.expunged++
		if s.open.exists > 0 {
			s.open.exists--
		}
	case "VANISHED":
		return s.vanished()
	case "ID", "NAMESPACE", "ENABLED":
		return s.introduced(r)
	}
	return nil
}

// vanished reads "VANISHED [(EARLIER)] set" (RFC 7162 §3.2.10).
func (s *session) vanished() error {
	for earlier := false; ; {
		if set, err := s.conn.R.Number(); err != nil {
			return err
		} else if set {
			return s.disappeared(earlier)
		}
		t, err := s.conn.R.Token()
		if err != nil || t.Kind == wire.End {
			return err
		}
		earlier = earlier || t.Kind == wire.Atom && strings.EqualFold(string(t.Text), "EARLIER")
	}
}

func (s *session) disappeared(earlier bool) error {
	n := uint64(0)
	err := s.conn.R.Ranges(func(first, last uint32) error {
		n += uint64(last-first) + 1
		if s.gone == nil {
			return nil
		}
		return s.gone(first, last)
	})
	if err == nil && !earlier && n <= uint64(s.open.exists) {
		s.open.exists -= uint32(n)
		s.open.expunged += uint32(n)
	}
	return err
}

// ask ends a command and waits for its reply.
func (s *session) ask(m *wire.Command, data wire.Data) (wire.Response, error) {
	if err := m.End(); err != nil {
		return wire.Response{}, err
	}
	return s.conn.Await(m.Tag, data)
}

// do runs f on the connection and says who and what an error is about. What
// was still open of the introduction was answered before whatever f asked.
func (s *session) do(ctx context.Context, what string, f func() error) error {
	err := s.conn.Do(ctx, func() error {
		if err := f(); err != nil {
			return err
		}
		return s.meet()
	})
	if err != nil {
		return fmt.Errorf("%s: %s: %w", s.cfg.who(), what, err)
	}
	return nil
}

// drop closes the connection and waits for the library's reader to end.
func (s *session) drop() {
	_ = s.conn.Close()
	if s.lib != nil {
		<-s.lib.Closed()
	}
}
