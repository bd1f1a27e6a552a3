package imapstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bascule/internal/secret"
)

// peer is a scripted server: it logs anybody in, then says what a test wants.
type peer struct {
	in  *bufio.Reader
	out io.Writer

	mu   sync.Mutex
	said strings.Builder // what the client sent
}

const scriptPassword = "hunter2-canary"

// scripted returns a configuration that reaches a server which answers each
// command after the login with what answer sends.
func scripted(t *testing.T, caps string, answer func(p *peer, tag, cmd string)) (Config, *peer) {
	t.Helper()
	return serving(t, func(p *peer) {
		p.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello")
		for {
			tag, cmd, ok := p.command()
			switch {
			case !ok:
				return
			case strings.HasPrefix(cmd, "AUTHENTICATE"):
				p.send(tag + " OK [CAPABILITY IMAP4rev1 " + caps + "] in")
			case cmd == "LOGOUT":
				p.send("* BYE ciao", tag+" OK")
			default:
				answer(p, tag, cmd)
			}
		}
	})
}

// serving runs a server for one connection.
func serving(t *testing.T, serve func(p *peer)) (Config, *peer) {
	t.Helper()
	p := &peer{}
	var done sync.WaitGroup
	var ends []io.Closer
	dial := func(context.Context, string, string) (net.Conn, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = ln.Close() }()
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		server, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		ends = append(ends, server)
		// Each connection has a side of its own; what is said is kept together.
		side := &peer{in: bufio.NewReader(io.TeeReader(server, p)), out: server}
		done.Go(func() {
			defer func() { _ = server.Close() }()
			serve(side)
		})
		return client, nil
	}
	t.Cleanup(func() {
		for _, e := range ends {
			_ = e.Close()
		}
		done.Wait()
	})
	return Config{
		Host: "old.example", Port: 143, TLS: None, AllowPlaintext: true,
		Login: "alice", Password: secret.New(scriptPassword), Dial: dial,
	}, p
}

// Write keeps what the client sends.
func (p *peer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *peer) transcript() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *peer) send(lines ...string) {
	_, _ = io.WriteString(p.out, strings.Join(lines, "\r\n")+"\r\n")
}

func (p *peer) raw(s string) { _, _ = io.WriteString(p.out, s) }

// command reads a command with its non-synchronising literals.
func (p *peer) command() (tag, cmd string, ok bool) {
	var all strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return "", "", false
		}
		line = strings.TrimRight(line, "\r\n")
		all.WriteString(line)
		n, found := strings.CutSuffix(line[strings.LastIndexByte(line, '{')+1:], "+}")
		if size, err := strconv.Atoi(n); !found || err != nil {
			break
		} else if _, err := io.CopyN(&all, p.in, int64(size)); err != nil {
			return "", "", false
		}
	}
	tag, cmd, _ = strings.Cut(all.String(), " ")
	return tag, cmd, true
}

// ok answers commands a test does not care about.
func (p *peer) ok(tag, cmd string) {
	switch name, _, _ := strings.Cut(cmd, " "); name {
	case "EXAMINE", "SELECT":
		p.send("* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 100] x", tag+" OK [READ-ONLY] x")
	default:
		p.send(tag + " OK done")
	}
}

// on answers one kind of command with fixed lines, %s being its tag.
func on(prefix string, lines ...string) func(p *peer, tag, cmd string) {
	return func(p *peer, tag, cmd string) {
		if !strings.HasPrefix(cmd, prefix) {
			p.ok(tag, cmd)
			return
		}
		for _, l := range lines {
			p.send(strings.ReplaceAll(l, "%s", tag))
		}
	}
}

func fetched(uid int, body string) string {
	return fmt.Sprintf("* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \"03-Feb-2019 03:05:06 +0000\" RFC822.SIZE %d BODY[] {%d}\r\n%s)", uid, uid, len(body), len(body), body)
}
