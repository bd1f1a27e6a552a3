package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bascule/internal/safetext"
)

// placeKind is the scheme of a place.
type placeKind string

// Kinds of place: two servers, two formats of directories.
const (
	imapsPlace   placeKind = "imaps"
	imapPlace    placeKind = "imap"
	maildirPlace placeKind = "maildir"
	mboxPlace    placeKind = "mbox"
)

// place is one mailbox as `bascule copy` is told of it.
type place struct {
	kind placeKind
	user string
	host string
	port int
	// path is absolute.
	path string
}

const placeForms = "A mailbox is imaps://user@host[:port], imap://user@host[:port] (STARTTLS), maildir:PATH or mbox:PATH; a %% or : in the user is written %%25 or %%3A."

// parsePlace reads --from or --to. It never repeats what it was given: there
// may be a password in it.
func parsePlace(flag, text string, absolute func(string) (string, error)) (place, error) {
	if text == "" {
		return place{}, hint(fmt.Errorf("%s is missing", flag), placeForms)
	}
	scheme, rest, _ := strings.Cut(text, ":")
	switch kind := placeKind(strings.ToLower(scheme)); kind {
	case imapsPlace, imapPlace:
		p, err := parseServer(kind, rest)
		if err != nil {
			return place{}, fmt.Errorf("%s: %w", flag, err)
		}
		return p, nil
	case maildirPlace, mboxPlace:
		path, err := absolute(rest)
		if err == nil && rest == "" {
			err = errors.New("no path")
		}
		if err != nil {
			return place{}, hint(fmt.Errorf("%s: %w", flag, err), placeForms)
		}
		return place{kind: kind, path: path}, nil
	}
	return place{}, hint(fmt.Errorf("%s: not the address of a mailbox", flag), placeForms)
}

// parseServer reads //user@host:port. The last @ ends the user, so that an
// address as a user name needs no escapes.
func parseServer(kind placeKind, text string) (place, error) {
	authority, ok := strings.CutPrefix(text, "//")
	authority = strings.TrimSuffix(authority, "/")
	at := strings.LastIndex(authority, "@")
	if !ok || strings.ContainsAny(authority, "/?#") {
		return place{}, hint(errors.New("not the address of a mailbox"), placeForms+" Folders are chosen with --folder.")
	}
	if at <= 0 {
		return place{}, hint(errors.New("no user"), placeForms)
	}
	if strings.Contains(authority[:at], ":") {
		return place{}, hint(errors.New("a password does not belong into an address: it would stand in the history of the shell and in the list of processes"),
			"Leave it out, and give it with --from-password or --to-password as env:NAME, file:PATH or exec:COMMAND, or type it when asked. Change this one if others use this machine.")
	}
	user, err := url.PathUnescape(authority[:at])
	if err != nil || user == "" || safetext.Line(user) != user {
		return place{}, hint(errors.New("the user cannot be read"), placeForms)
	}
	p := place{kind: kind, user: user, port: 993}
	if kind == imapPlace {
		p.port = 143
	}
	return p, p.parseHost(authority[at+1:])
}

func (p *place) parseHost(text string) error {
	p.host = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if host, port, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return hint(errors.New("the port is no number from 1 to 65535"), placeForms)
		}
		p.host, p.port = host, int(n)
	} else if strings.Contains(text, ":") && !strings.HasPrefix(text, "[") {
		return hint(errors.New("the host cannot be read"), placeForms)
	}
	if p.host == "" || strings.ContainsAny(p.host, " %") || safetext.Line(p.host) != p.host {
		return hint(errors.New("the host cannot be read"), placeForms)
	}
	p.host = strings.ToLower(p.host)
	return nil
}

// remote reports whether the place is a server.
func (p place) remote() bool { return p.kind == imapsPlace || p.kind == imapPlace }

// local reports whether the server is on this machine.
func (p place) local() bool { return loopback(p.host) }

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// String is the one spelling of a place; it holds no secret.
func (p place) String() string {
	if !p.remote() {
		return string(p.kind) + ":" + p.path
	}
	return fmt.Sprintf("%s://%s@%s", p.kind, url.PathEscape(p.user), net.JoinHostPort(p.host, strconv.Itoa(p.port)))
}

// same reports whether two places are one mailbox. Another port of a host is
// the same server, but on this machine.
func (p place) same(q place) bool {
	if p.remote() {
		return q.remote() && p.user == q.user && p.host == q.host && (p.port == q.port || !p.local())
	}
	return !q.remote() && p.path == q.path
}

// absolute completes a path; ~/ is the home directory, which no shell puts
// behind a colon.
func (c *cli) absolute(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, found := c.Env("HOME")
		if !found {
			return "", errors.New("HOME is not set")
		}
		path = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.workdir(), path)
	}
	return filepath.Abs(path)
}

// stateHome is the directory for what outlives a run and belongs to no
// configuration (XDG Base Directory Specification).
func (c *cli) stateHome() (string, error) {
	dir, ok := c.Env("XDG_STATE_HOME")
	if ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "bascule"), nil
	}
	home, found := c.Env("HOME")
	if !found || !filepath.IsAbs(home) {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set")
	}
	return filepath.Join(home, ".local", "state", "bascule"), nil
}

// copyLedger is where the ledger of a copy lies by default: named by what is
// copied where, so that the same command goes on where it was.
func (c *cli) copyLedger(from, to place) (string, error) {
	dir, err := c.stateHome()
	if err != nil {
		return "", hint(fmt.Errorf("there is no place for the ledger: %w", err), "Name one with --ledger FILE.")
	}
	return filepath.Join(dir, "copy", shortSum(from.String(), to.String())+".db"), nil
}

// accountFile stands for a target account: whoever writes to it holds it, so
// that two ledgers never copy the same mail side by side. Where there is no
// place for it, "": the ledger's own lease is then all there is.
func (c *cli) accountFile(host string, port int, login string) string {
	dir, err := c.stateHome()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, "accounts")
	if os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	if !loopback(host) {
		port = 0 // another port of a host is the same server, but on this machine
	}
	return filepath.Join(dir, shortSum(strings.ToLower(host), strconv.Itoa(port), strings.ToLower(login)))
}

func shortSum(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}
