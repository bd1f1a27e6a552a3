package imapstore

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// login hands the connection to the library, which knows SASL.
func (s *session) login() error {
	mech, err := s.mechanism()
	if err != nil {
		return err
	}
	s.tap = wire.NewTap(s.conn, "* OK [CAPABILITY "+s.libraryCaps()+"] ready")
	s.lib = imapclient.New(s.tap, nil)
	err = s.tap.Lend(func() error {
		if err := s.lib.WaitGreeting(); err != nil {
			return err
		}
		if mech == Plain {
			return s.lib.Authenticate(sasl.NewPlainClient(s.cfg.Authzid, s.cfg.Login, s.cfg.Password.Reveal()))
		}
		return s.lib.Login(s.cfg.Login, s.cfg.Password.Reveal()).Wait()
	})
	reply := s.tap.Reply()
	if err != nil {
		return s.loginError(err, reply)
	}
	if reply.Code == "CAPABILITY" {
		s.setCaps(strings.Fields(reply.Args))
		return nil
	}
	return s.askCaps()
}

// libraryCaps are the capabilities that change how a login is written.
func (s *session) libraryCaps() string {
	caps := []string{"IMAP4rev1"}
	for _, c := range []string{"SASL-IR", "LITERAL+", "LITERAL-"} {
		if s.caps[c] {
			caps = append(caps, c)
		}
	}
	return strings.Join(caps, " ")
}

func (s *session) mechanism() (AuthMech, error) {
	plain, login := s.caps["AUTH=PLAIN"], !s.caps["LOGINDISABLED"]
	switch {
	case s.cfg.AuthMech == Plain && plain, s.cfg.AuthMech == Auto && s.cfg.Authzid != "" && plain:
		return Plain, nil
	case s.cfg.AuthMech == Login && login:
		return Login, nil
	case s.cfg.AuthMech != Auto || s.cfg.Authzid != "":
		return "", fmt.Errorf("server does not take the login by %q here; it offers %s", firstOf(s.cfg.AuthMech, Plain), s.offers())
	case plain && (s.has("SASL-IR") || !login):
		return Plain, nil
	case login:
		return Login, nil
	}
	return "", fmt.Errorf("server takes neither LOGIN nor PLAIN here (LOGINDISABLED); it offers %s", s.offers())
}

func firstOf(a, b AuthMech) AuthMech {
	if a != "" {
		return a
	}
	return b
}

func (s *session) offers() string {
	var mechs []string
	for c := range s.caps {
		if m, ok := strings.CutPrefix(c, "AUTH="); ok {
			mechs = append(mechs, m)
		}
	}
	if len(mechs) == 0 {
		return "nothing"
	}
	sort.Strings(mechs)
	return strings.Join(mechs, ", ")
}

// loginError tells refused credentials, which are final, from a server that
// cannot serve now. The server's words may repeat the password: it is cut out.
func (s *session) loginError(err error, reply wire.Response) error {
	if reply.Type != "NO" && reply.Type != "BAD" {
		return err
	}
	reply.Text = s.cfg.scrub(reply.Text)
	said := serverError("login", reply)
	if retry.IsTemporary(said) {
		return said
	}
	var server *mailsync.ServerError
	if errors.As(said, &server) && reply.Code == "REFERRAL" {
		return fmt.Errorf("%w; it names another server, which is not followed: %w", mailsync.ErrAuth, said)
	}
	return fmt.Errorf("%w: %w", mailsync.ErrAuth, said)
}
