package imapmem

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Options of a server.
type Options struct {
	// Users maps logins to passwords. Each gets an INBOX.
	Users map[string]string
	// Implicit speaks TLS from the first octet; StartTLS offers the upgrade.
	// With neither, passwords are taken in the clear.
	Implicit, StartTLS *tls.Config
	// Listen is the address, by default a free port of 127.0.0.1.
	Listen string
	// Refuse returns the words with which a message is refused for good, ""
	// for one that is taken; nil takes all.
	Refuse func(message []byte) string
}

// Server is a running server.
type Server struct {
	ln   net.Listener
	srv  *imapserver.Server
	mem  *imapmemserver.Server
	done chan error

	mu    sync.Mutex
	users map[string]*imapmemserver.User
}

// Start listens and serves until Close.
func Start(opt Options) (*Server, error) {
	if opt.Listen == "" {
		opt.Listen = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("start IMAP server: %w", err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("start IMAP server: %s is not loopback", ln.Addr()), ln.Close())
	}
	if opt.Implicit != nil {
		ln = tls.NewListener(ln, opt.Implicit)
	}
	mem := imapmemserver.New()
	s := &Server{ln: ln, mem: mem, users: map[string]*imapmemserver.User{}, done: make(chan error, 1)}
	for login, password := range opt.Users {
		if err := s.AddUser(login, password); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
	}
	s.srv = imapserver.New(serverOptions(mem, opt))
	go func() { s.done <- s.srv.Serve(ln) }()
	return s, nil
}

func serverOptions(mem *imapmemserver.Server, opt Options) *imapserver.Options {
	return &imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s, ok := mem.NewSession().(imapserver.SessionIMAP4rev2)
			if !ok {
				return nil, nil, errors.New("bug: the memory server's session lacks commands of IMAP4rev2")
			}
			return session{s, opt.Refuse}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {}, imap.CapMove: {},
			imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapSpecialUse: {}, imap.CapCreateSpecialUse: {},
			imap.CapLiteralPlus: {}, imap.CapUnselect: {}, imap.CapStatusSize: {},
		},
		TLSConfig:    opt.StartTLS,
		InsecureAuth: opt.StartTLS == nil,
		Logger:       log.New(io.Discard, "", 0),
	}
}

// Addr is "127.0.0.1:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// AddUser makes a further account with an INBOX, while the server runs. A
// login that exists is an error.
func (s *Server) AddUser(login, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[login] != nil {
		return fmt.Errorf("add user %s: there is one already", login)
	}
	u := imapmemserver.NewUser(login, password)
	if err := u.Create("INBOX", nil); err != nil {
		return fmt.Errorf("create INBOX of %s: %w", login, err)
	}
	s.mem.AddUser(u)
	s.users[login] = u
	return nil
}

func (s *Server) user(login string) (*imapmemserver.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[login]
	if !ok {
		return nil, fmt.Errorf("no user %s", login)
	}
	return u, nil
}

// Create makes a folder of a user; use is a special-use attribute or "".
func (s *Server) Create(login, folder, use string) error {
	u, err := s.user(login)
	if err != nil {
		return err
	}
	opt := &imap.CreateOptions{}
	if use != "" {
		opt.SpecialUse = []imap.MailboxAttr{imap.MailboxAttr(use)}
	}
	return u.Create(folder, opt)
}

// Append delivers a message to a folder of a user.
func (s *Server) Append(login, folder, message string, date time.Time, flags ...string) error {
	u, err := s.user(login)
	if err != nil {
		return err
	}
	opt := &imap.AppendOptions{Time: date}
	for _, f := range flags {
		opt.Flags = append(opt.Flags, imap.Flag(f))
	}
	_, err = u.Append(folder, literal{strings.NewReader(message)}, opt)
	return err
}

type literal struct{ *strings.Reader }

func (l literal) Size() int64 { return int64(l.Len()) }

// Close ends the server and every connection.
func (s *Server) Close() error {
	err := s.srv.Close()
	// A server closed before it began to serve has not taken its port along.
	if e := s.ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	<-s.done // says no more than that it was closed
	return err
}
