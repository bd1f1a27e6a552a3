package clientkit_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bascule/clientkit"
	"bascule/migration"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func alice() clientkit.Person {
	return clientkit.Person{
		Name: "Alice Martin", Address: "alice@example.ch", Login: "alice@example.ch",
		IMAP:       migration.Service{Host: "mail.new-host.example", Port: 993, TLS: migration.Implicit},
		Submission: migration.Service{Host: "mail.new-host.example", Port: 587, TLS: migration.StartTLS},
		Webmail:    "https://webmail.new-host.example/", Password: clientkit.Kept,
		Switch: time.Date(2027, 3, 13, 6, 0, 0, 0, time.FixedZone("CET", 3600)),
	}
}

func TestSheets(t *testing.T) {
	unsure := alice()
	unsure.Name, unsure.Switch, unsure.Webmail, unsure.Submission, unsure.Password = "", time.Time{}, "", migration.Service{}, clientkit.Given
	clear := alice()
	clear.IMAP.Port, clear.IMAP.TLS = 143, migration.NoTLS
	cases := map[string]struct {
		person    clientkit.Person
		languages []string
	}{"several": {alice(), []string{"fr", "de"}}, "default": {alice(), nil}}
	for _, l := range clientkit.Languages() {
		cases["full_"+l] = struct {
			person    clientkit.Person
			languages []string
		}{alice(), []string{l}}
		cases["unsure_"+l] = struct {
			person    clientkit.Person
			languages []string
		}{unsure, []string{l}}
		cases["clear_"+l] = struct {
			person    clientkit.Person
			languages []string
		}{clear, []string{l}}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := clientkit.Sheet(c.person, c.languages...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
			for _, line := range strings.Split(got, "\n") {
				if utf8.RuneCountInString(line) > 72 || strings.TrimRight(line, " ") != line || strings.Contains(line, "%!") {
					t.Errorf("line %q", line)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestASheetThatWouldLeaveAPersonAloneIsNotMade(t *testing.T) {
	for name, spoil := range map[string]func(*clientkit.Person){
		"no address":                   func(p *clientkit.Person) { p.Address = "" },
		"no IMAP server":               func(p *clientkit.Person) { p.IMAP.Host = "" },
		"no IMAP port":                 func(p *clientkit.Person) { p.IMAP.Port = 0 },
		"IMAP in clear":                func(p *clientkit.Person) { p.IMAP.TLS = "" },
		"submission in clear":          func(p *clientkit.Person) { p.Submission.TLS = "none" },
		"no submission port":           func(p *clientkit.Person) { p.Submission.Port = 0 },
		"no word on the password":      func(p *clientkit.Person) { p.Password = "" },
		"an unknown way to a password": func(p *clientkit.Person) { p.Password = "telepathy" },
	} {
		p := alice()
		spoil(&p)
		if got, err := clientkit.Sheet(p); got != "" || !errors.Is(err, clientkit.ErrIncomplete) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := clientkit.Sheet(alice(), "tlh"); err == nil || !strings.Contains(err.Error(), "de, en, fr, it") {
		t.Errorf("an unknown language: %v", err)
	}
}

func TestRemoteTextDoesNoHarm(t *testing.T) {
	p := alice()
	p.Name = "Eve\x1b[2J\r\nPassword: hunter2\u202e"
	p.IMAP.Host = "mail\n.evil\xff.example"
	got, err := clientkit.Sheet(p)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(got, "\x1b\r\u202e") || !utf8.ValidString(got) || strings.Contains(got, "\nPassword: hunter2") || !strings.Contains(got, "mail.evil.example") {
		t.Errorf("%q", got)
	}
}

func TestAPersonComesFromMailboxAndTarget(t *testing.T) {
	at := time.Date(2027, 3, 13, 6, 0, 0, 0, time.UTC)
	want := alice()
	want.Name, want.Switch = "", at
	got := clientkit.For(
		migration.Mailbox{Email: want.Address, Target: migration.TargetAccount{Login: want.Login, Credential: "keep"}},
		migration.Exports{IMAP: want.IMAP, Submission: want.Submission, Webmail: want.Webmail}, at)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatMailProgramsLookUp(t *testing.T) {
	p := alice()
	var got []string
	for _, l := range clientkit.Lookups("Example.CH", p.IMAP, p.Submission) {
		got = append(got, l.Name+" "+l.Type+" "+l.Want)
	}
	want := []string{
		"_imaps._tcp.example.ch. SRV 0 1 993 mail.new-host.example.",
		"_imap._tcp.example.ch. SRV 0 0 0 .",
		"_submission._tcp.example.ch. SRV 0 1 587 mail.new-host.example.",
		"_submissions._tcp.example.ch. SRV 0 0 0 .",
		"_pop3._tcp.example.ch. SRV 0 0 0 .",
		"_pop3s._tcp.example.ch. SRV 0 0 0 .",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := clientkit.Lookups("example.ch", migration.Service{}, migration.Service{}); len(got) != 0 {
		t.Errorf("of unknown servers: %v", got)
	}
	if got := clientkit.ConfigHosts("example.ch."); len(got) != 3 || got[0] != "autoconfig.example.ch." {
		t.Errorf("%v", got)
	}
}
