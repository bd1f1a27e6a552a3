package testservers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"bascule/internal/clock"
)

// FrontOptions says what mail server to play.
type FrontOptions struct {
	// Hostname is what the server calls itself; "mx.old.example" if empty.
	Hostname string
	// LMTPAddr is where accepted mail is delivered, usually Dovecot.LMTPAddr.
	LMTPAddr string
	// Recipients maps every address the server knows to the user it is
	// delivered to. Nothing else is accepted.
	Recipients map[string]string
	// Logins are the users that may submit, with their passwords.
	Logins map[string]string
	// CA, if set, gives the server a certificate and STARTTLS.
	CA *CA
	// Certificate is what the server claims to be.
	Certificate Certificate
}

// Front is the old mail server's SMTP side, as the world sees it: an MX that
// knows its recipients, and a place where users submit. It runs inside the
// test; the mail itself is stored by the Dovecot behind it. It is safe for
// concurrent use.
type Front struct {
	// Addr takes mail from the world and from users.
	Addr string

	opts FrontOptions

	mu         sync.Mutex
	recipients map[string]string
	refusal    *smtp.SMTPError // nil while inbound is open
	counts     FrontCounts
	deliveries []Delivery
}

// FrontCounts is what a Front has seen since it started.
type FrontCounts struct {
	// Connections is how often somebody connected, logged in or not.
	Connections int
	// Accepted and Refused count RCPT commands; Unknown are those of the
	// refused that named nobody the server knows.
	Accepted, Refused, Unknown int
	// Logins counts successful authentications, by user.
	Logins map[string]int
}

// Delivery is one message the server took and handed on.
type Delivery struct {
	From string
	To   []string
	// Login is the user who submitted it, empty for mail from the world.
	Login string
	// Size is in octets, as received.
	Size int
	At   time.Time
}

// StartFront starts the server and stops it when the test ends.
func StartFront(t testing.TB, opts FrontOptions) *Front {
	t.Helper()
	if opts.Hostname == "" {
		opts.Hostname = "mx.old.example"
	}
	f := &Front{opts: opts, recipients: map[string]string{}, counts: FrontCounts{Logins: map[string]int{}}}
	for address, user := range opts.Recipients {
		f.recipients[strings.ToLower(address)] = user
	}
	server, err := f.server()
	if err != nil {
		t.Fatalf("start SMTP front: %v", err)
	}
	listener := listenLoopback(t)
	f.Addr = listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("SMTP front: %v", err)
		}
	})
	return f
}

func (f *Front) server() (*smtp.Server, error) {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		f.count(func(c *FrontCounts) { c.Connections++ })
		return &frontSession{front: f}, nil
	}))
	server.Domain = f.opts.Hostname
	// Everything stays on loopback; who wants to prove that a password needs
	// TLS looks at what the client does.
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = true
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	if f.opts.CA == nil {
		return server, nil
	}
	var err error
	server.TLSConfig, err = f.opts.CA.ServerTLS(f.opts.Certificate)
	return server, err
}

// CloseInbound refuses every recipient from now on with the code: 550 as an
// administrator who removed the domain, 450 as one who defers it. It binds
// users who submit as well.
func (f *Front) CloseInbound(code int) {
	enhanced := smtp.EnhancedCode{code / 100, 1, 2}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "this server no longer receives mail for the domain"}
}

// OpenInbound accepts mail for known recipients again.
func (f *Front) OpenInbound() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = nil
}

// SetRecipient makes an address known; an empty user makes it unknown.
func (f *Front) SetRecipient(address, user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if user == "" {
		delete(f.recipients, strings.ToLower(address))
		return
	}
	f.recipients[strings.ToLower(address)] = user
}

// Counts returns what the server has seen so far.
func (f *Front) Counts() FrontCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := f.counts
	counts.Logins = maps.Clone(f.counts.Logins)
	return counts
}

// Deliveries returns the messages taken so far, oldest first.
func (f *Front) Deliveries() []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Delivery(nil), f.deliveries...)
}

func (f *Front) count(change func(*FrontCounts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.counts)
}

// admit decides about one recipient and returns the user it is for.
func (f *Front) admit(address string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refusal != nil {
		f.counts.Refused++
		return "", f.refusal
	}
	user, known := f.recipients[strings.ToLower(address)]
	if !known {
		f.counts.Refused++
		f.counts.Unknown++
		return "", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"}
	}
	f.counts.Accepted++
	return user, nil
}

// deliver hands a message to the server behind, once for all its users.
func (f *Front) deliver(from string, users []string, message []byte) error {
	conn, err := net.DialTimeout("tcp", f.opts.LMTPAddr, probeTimeout)
	if err != nil {
		return temporary(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.SendMail(from, users, bytes.NewReader(message)); err != nil {
		return temporary(err)
	}
	return c.Quit()
}

// temporary tells the sender to try again: nothing was stored.
func temporary(err error) error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: fmt.Sprintf("cannot store the message: %v", err)}
}

// frontSession is one connection. go-smtp calls it from one goroutine.
type frontSession struct {
	front *Front
	login string
	from  string
	to    []string
	users []string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *frontSession) AuthMechanisms() []string {
	if len(s.front.opts.Logins) == 0 {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *frontSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		want, known := s.front.opts.Logins[username]
		if !known || want != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong user or password"}
		}
		s.login = username
		s.front.count(func(c *FrontCounts) { c.Logins[username]++ })
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *frontSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *frontSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	user, err := s.front.admit(to)
	if err != nil {
		return err
	}
	s.to, s.users = append(s.to, to), append(s.users, user)
	return nil
}

// Data implements smtp.Session.
func (s *frontSession) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.front.deliver(s.from, s.users, message); err != nil {
		return err
	}
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	s.front.deliveries = append(s.front.deliveries,
		Delivery{From: s.from, To: s.to, Login: s.login, Size: len(message), At: clock.Real{}.Now()})
	return nil
}

// Reset implements smtp.Session.
func (s *frontSession) Reset() { s.from, s.to, s.users = "", nil, nil }

// Logout implements smtp.Session.
func (s *frontSession) Logout() error { return nil }
