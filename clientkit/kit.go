package clientkit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"bascule/migration"
)

// Password says how the password is had.
type Password string

// Ways to a password. The values are those of credential in configuration;
// later strategies (generate, device, invite) will be added here.
const (
	// Kept: the password stays what it was.
	Kept Password = "keep"
	// Given: the administrator hands a new one over.
	Given Password = "password"
)

// Person is what a sheet is made from.
type Person struct {
	// Name is how the person is called; the address when empty.
	Name    string
	Address string
	// Login is the user name for both servers.
	Login            string
	IMAP, Submission migration.Service
	// Webmail is a URL, or empty.
	Webmail  string
	Password Password
	// Switch is when the new service takes over, in the time zone to show;
	// zero while it is not known.
	Switch time.Time
}

// For gathers a person from a mailbox and what its target offers.
func For(m migration.Mailbox, e migration.Exports, at time.Time) Person {
	return Person{Address: m.Email, Login: m.Target.Login, IMAP: e.IMAP, Submission: e.Submission,
		Webmail: e.Webmail, Password: Password(m.Target.Credential), Switch: at}
}

// ErrIncomplete: the sheet would leave a person without the settings.
var ErrIncomplete = errors.New("client settings are incomplete")

// Sheet returns the sheet in one or more languages, one after the other;
// English when none is given.
func Sheet(p Person, languages ...string) (string, error) {
	if len(languages) == 0 {
		languages = []string{"en"}
	}
	if err := p.check(); err != nil {
		return "", err
	}
	var parts []string
	for _, name := range languages {
		l, ok := language(name)
		if !ok {
			return "", fmt.Errorf("no sheet in the language %q; there are %s", name, strings.Join(Languages(), ", "))
		}
		parts = append(parts, render(p.clean(), l))
	}
	return strings.Join(parts, "\n"+strings.Repeat("=", width)+"\n\n"), nil
}

func (p Person) check() error {
	missing := func(what string) error { return fmt.Errorf("sheet of %s: %w: %s", p.Address, ErrIncomplete, what) }
	switch {
	case p.Address == "":
		return missing("no address")
	case p.IMAP.Host == "" || p.IMAP.Port == 0:
		return missing("the target names no IMAP server")
	case !encrypted(p.IMAP.TLS) && !p.exposed():
		return missing("nobody says how the connection is protected")
	case p.Submission.Host != "" && !encrypted(p.Submission.TLS):
		return missing("a submission server without TLS is not handed to people")
	case p.Submission.Host != "" && p.Submission.Port == 0:
		return missing("the submission server has no port")
	case !slices.Contains([]Password{Kept, Given}, p.Password):
		return missing(fmt.Sprintf("nobody knows how the password is had (%q)", p.Password))
	}
	return nil
}

func encrypted(m migration.TLSMode) bool { return m == migration.Implicit || m == migration.StartTLS }

// exposed reports whether the password crosses the network in clear, as the
// configuration permits for reading mail.
func (p Person) exposed() bool { return p.IMAP.TLS == migration.NoTLS }

// clean returns the person with every text on one line, and a name.
func (p Person) clean() Person {
	for _, s := range []*string{&p.Name, &p.Address, &p.Login, &p.IMAP.Host, &p.Submission.Host, &p.Webmail} {
		*s = printable(*s)
	}
	if p.Name == "" {
		p.Name = p.Address
	}
	if p.Login == "" {
		p.Login = p.Address
	}
	return p
}

// longest bounds each text, in characters.
const longest = 254

func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > longest {
		return string(r[:longest])
	}
	return strings.TrimSpace(s)
}
