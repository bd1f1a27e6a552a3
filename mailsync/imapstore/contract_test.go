package imapstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"bascule/internal/imapmem"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

func fixture(cfg Config) storetest.Fixture {
	return storetest.Fixture{
		Open: func(t *testing.T) mailsync.Target {
			s, err := OpenTarget(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		OpenReadOnly: func(t *testing.T) mailsync.Source {
			s, err := OpenSource(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
}

func TestTheMemoryServerKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		srv, err := imapmem.Start(imapmem.Options{Users: map[string]string{"alice": "pw"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = srv.Close() })
		f := fixture(at(t, srv.Addr(), "alice", "pw"))
		f.AltersBodies = true // it gives no text without a header back
		return f
	})
}

func TestDovecotKeepsTheContract(t *testing.T) {
	old := "imap_capability = IMAP4rev1 SASL-IR "
	for name, opt := range map[string]testservers.DovecotOptions{
		"as it is":                     {},
		"in Maildir, with dots":        {Format: testservers.Maildir, Separator: "."},
		"with single APPENDs":          {Extra: old + "LITERAL+ UIDPLUS ENABLE NAMESPACE LIST-EXTENDED SPECIAL-USE"},
		"with LITERAL-":                {Extra: old + "LITERAL- MULTIAPPEND UIDPLUS MOVE NAMESPACE CONDSTORE"},
		"as a server of RFC 3501 only": {Extra: old},
	} {
		t.Run(name, func(t *testing.T) {
			opt.SaveCRLF = true
			for n := range 30 {
				opt.Users = append(opt.Users, testservers.User{Name: fmt.Sprintf("user%d@new.example", n), Password: "pw"})
			}
			d := testservers.StartDovecot(t, opt)
			n := 0
			storetest.Run(t, func(t *testing.T) storetest.Fixture {
				cfg := overTLS(t, d, Implicit)
				cfg.Login, cfg.Password = opt.Users[n].Name, secret.New("pw")
				n++
				return fixture(cfg)
			})
		})
	}
}

func TestMoxKeepsTheContract(t *testing.T) {
	m := testservers.StartMox(t, testservers.MoxOptions{})
	m.AddDomain("new.example")
	port, err := strconv.Atoi(testservers.Port(m.IMAPSAddr))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		n++
		login := fmt.Sprintf("user%d@new.example", n)
		m.AddAccount(fmt.Sprintf("user%d", n), login, "a long enough password")
		f := fixture(Config{Host: m.Host, Port: port, TLS: Implicit, CAs: m.CA.Pool(), Login: login, Password: secret.New("a long enough password")})
		open := f.Open
		f.Open = func(t *testing.T) mailsync.Target { return unmarked{open(t)} }
		return f
	})
}

// unmarked leaves out $NotJunk, with which mox marks what it is given.
type unmarked struct{ mailsync.Target }

func (u unmarked) Scan(ctx context.Context, since uint64, fn func(mailsync.Meta) error) error {
	return u.Target.Scan(ctx, since, func(m mailsync.Meta) error {
		m.Flags = slices.DeleteFunc(m.Flags, func(f string) bool { return f == "$NotJunk" })
		return fn(m)
	})
}
