package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	absolute := func(p string) (string, error) { return filepath.Join("/work", p), nil }
	for text, want := range map[string]string{
		"imaps://alice@old.example":                 "imaps://alice@old.example:993",
		"imaps://alice%40example.ch@Old.Example":    "imaps://alice@example.ch@old.example:993",
		"imaps://alice@example.ch@old.example:9993": "imaps://alice@example.ch@old.example:9993",
		"imap://alice@old.example/":                 "imap://alice@old.example:143",
		"imaps://a%3Ab%25@[2001:db8::1]:143":        "imaps://a:b%25@[2001:db8::1]:143",
		"imaps://a@[2001:db8::1]":                   "imaps://a@[2001:db8::1]:993",
		"IMAPS://a@b":                               "imaps://a@b:993",
		"maildir:mail":                              "maildir:/work/mail",
		"mbox:a/b:c":                                "mbox:/work/a/b:c",
	} {
		p, err := parsePlace("--from", text, absolute)
		if err != nil || p.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, p, err, want)
			continue
		}
		if again, err := parsePlace("--from", p.String(), func(p string) (string, error) { return p, nil }); p.remote() && !strings.Contains(p.user, ":") && (err != nil || again != p) {
			t.Errorf("%s came back as %+v, %v", p, again, err)
		}
	}
	for _, text := range []string{"", "x", "imaps:", "imaps://", "imaps://@h", "imaps://h", "imaps://a@", "imaps://a@h:0", "imaps://a@h:99999", "imaps://a@h:x",
		"imaps://a@::1", "imaps://a%zz@h", "imaps://a%0Ab@h", "imaps://a@h/INBOX", "imaps://a@h?x", "imaps://a:secret@h", "imap://a:@h", "maildir:", "pop3://a@h", "imaps://a@h%00"} {
		p, err := parsePlace("--from", text, absolute)
		if err == nil {
			t.Errorf("%q was taken as %v", text, p)
			continue
		}
		if strings.Contains(err.Error()+nextMove(err), "secret@") {
			t.Errorf("%q: the password is repeated: %v", text, err)
		}
	}
}

func TestWhichPlacesAreOneMailbox(t *testing.T) {
	absolute := func(p string) (string, error) { return p, nil }
	for pair, want := range map[[2]string]bool{
		{"imaps://a@h.example", "imap://a@h.example"}:      true,
		{"imaps://a@h.example", "imaps://b@h.example"}:     false,
		{"imaps://a@localhost:1", "imaps://a@localhost:2"}: false,
		{"imaps://a@127.0.0.1:1", "imaps://a@127.0.0.1:1"}: true,
		{"maildir:/a", "mbox:/a"}:                          true,
		{"maildir:/a", "maildir:/b"}:                       false,
		{"maildir:/a", "imaps://a@h.example"}:              false,
	} {
		a, err := parsePlace("--from", pair[0], absolute)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parsePlace("--to", pair[1], absolute)
		if err != nil {
			t.Fatal(err)
		}
		if a.same(b) != want || b.same(a) != want {
			t.Errorf("%v: %v", pair, !want)
		}
	}
}
