package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"bascule/internal/clock"
	"bascule/internal/imapmem"
)

// Post counts what a side's mail server did.
type Post struct {
	// Delivered counts copies put into mailboxes, Refused recipients refused,
	// Submitted messages taken from people.
	Delivered, Refused, Submitted int64
}

// postOffice is the mail server of one side: an MX, and a submission server
// for people with an account.
type postOffice struct {
	side  Side
	host  string
	imap  *imapmem.Server
	book  *book
	clock clock.Clock
	// accounts returns the logins an address delivers to; none when it is unknown.
	accounts func(address string) []string
	// admits checks a login for submission.
	admits func(login, password string) bool
	// life ends when the world does; forward sends what people submit to
	// whoever receives it now.
	life    context.Context
	forward func(ctx context.Context, from string, to []string, octets []byte) error

	mx, submission                net.Listener
	closed                        atomic.Bool
	delivered, refused, submitted atomic.Int64
	servers                       []*smtp.Server
	ended                         sync.WaitGroup
	mu                            sync.Mutex // one delivery at a time
}

// maxPost bounds a message that is delivered or submitted.
const maxPost = 16 << 20

// listen opens both ports; serve answers on them.
func (p *postOffice) listen(ctx context.Context, identity *tls.Config) error {
	var listeners [2]net.Listener
	for i := range listeners {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("open the %s mail server: %w", p.side, err)
		}
		listeners[i] = l
	}
	p.mx, p.submission = listeners[0], tls.NewListener(listeners[1], identity)
	return nil
}

func (p *postOffice) serve() {
	for _, submission := range []bool{false, true} {
		s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
			if submission {
				return &submissionSession{envelope: envelope{office: p}}, nil
			}
			return &mxSession{envelope{office: p}}, nil
		}))
		s.Domain, s.MaxMessageBytes, s.AllowInsecureAuth, s.ErrorLog = p.host, maxPost, submission, log.New(io.Discard, "", 0)
		l := map[bool]net.Listener{false: p.mx, true: p.submission}[submission]
		p.servers = append(p.servers, s)
		p.ended.Go(func() { _ = s.Serve(l) }) // ends with close, and says nothing then
	}
}

func (p *postOffice) close() error {
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.Close())
	}
	for _, l := range []net.Listener{p.mx, p.submission} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	p.ended.Wait()
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, net.ErrClosed) })...)
}

func (p *postOffice) counts() Post {
	return Post{Delivered: p.delivered.Load(), Refused: p.refused.Load(), Submitted: p.submitted.Load()}
}

// envelope is what MX and submission have in common.
type envelope struct {
	office *postOffice
	from   string
	to     []string
}

func (e *envelope) Reset() { e.from, e.to = "", nil }

func (e *envelope) Logout() error { return nil }

func (e *envelope) Mail(from string, _ *smtp.MailOptions) error {
	e.from = from
	return nil
}

// refuse answers RCPT TO with 550 and counts it.
func (e *envelope) refuse(text string) error {
	e.office.refused.Add(1)
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: text}
}

// mxSession takes mail from anybody, for the addresses it knows.
type mxSession struct{ envelope }

func (s *mxSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case s.office.closed.Load():
		return s.refuse("this domain is not received here any more")
	case len(s.office.accounts(to)) == 0:
		return s.refuse("no such address here")
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mxSession) Data(r io.Reader) error {
	octets, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		if err := s.office.deliver(s.from, to, octets); err != nil {
			return err
		}
	}
	return nil
}

// deliver puts a message into the INBOX of everybody an address stands for,
// with the trace lines of RFC 5321 §4.4.
func (p *postOffice) deliver(from, to string, octets []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	trace := fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\nReceived: from sender.example by %s; %s\r\n",
		from, to, p.host, now.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	message := append([]byte(trace), octets...)
	for _, account := range p.accounts(to) {
		if err := p.imap.Append(account, "INBOX", string(message), now); err != nil {
			return fmt.Errorf("deliver to %s: %w", account, err)
		}
		p.book.arrive(p.side, account, "INBOX", newMessage(message, now, nil))
		p.delivered.Add(1)
	}
	return nil
}

// submissionSession takes mail from people who log in.
type submissionSession struct {
	envelope
	login string
}

var _ smtp.AuthSession = (*submissionSession)(nil)

func (s *submissionSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *submissionSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, login, password string) error {
		if !s.office.admits(login, password) {
			return smtp.ErrAuthFailed
		}
		s.login = login
		return nil
	}), nil
}

func (s *submissionSession) Mail(from string, o *smtp.MailOptions) error {
	if s.login == "" {
		return smtp.ErrAuthRequired
	}
	return s.envelope.Mail(from, o)
}

func (s *submissionSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !strings.HasSuffix(strings.ToLower(to), "@"+Domain) {
		return s.refuse("this world ends at " + Domain)
	}
	s.to = append(s.to, to)
	return nil
}

func (s *submissionSession) Data(r io.Reader) error {
	octets, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.office.submitted.Add(1)
	return s.office.forward(s.office.life, s.from, s.to, octets)
}

// send hands a message to an MX as a sender's server would.
func send(ctx context.Context, addr, from string, to []string, octets []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("send to %s: %w", addr, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c := smtp.NewClient(conn)
	defer c.Close()
	if err := c.SendMail(from, to, strings.NewReader(string(octets))); err != nil {
		return fmt.Errorf("send to %s at %s: %w", strings.Join(to, ", "), addr, err)
	}
	return c.Quit()
}

// routes resolves addresses through aliases to accounts, each once.
func routes(address string, accounts func(string) bool, aliases map[string][]string) []string {
	address = strings.ToLower(address)
	if accounts(address) {
		return []string{address}
	}
	var out []string
	for _, to := range aliases[address] {
		if accounts(to) && !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	return out
}

// submit sends as a person's mail program does: TLS, login, message.
func (w *World) submit(ctx context.Context, s Side, from, to string, octets []byte) error {
	conn, err := (&tls.Dialer{Config: w.ca.trust(hostOf(s))}).DialContext(ctx, "tcp", w.Submission(s))
	if err != nil {
		return fmt.Errorf("submit on the %s side: %w", s, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c := smtp.NewClient(conn)
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", from, w.password(s, from))); err != nil {
		return fmt.Errorf("submit on the %s side as %s: %w", s, from, err)
	}
	if err := c.SendMail(from, []string{to}, strings.NewReader(string(octets))); err != nil {
		return fmt.Errorf("submit on the %s side as %s: %w", s, from, err)
	}
	return c.Quit()
}
