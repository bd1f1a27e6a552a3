package faultproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// answering is a server that says OK to every command, with a literal as long
// as the command, and keeps what it saw.
type answering struct {
	addr string
	mu   sync.Mutex
	seen []string
}

func (s *answering) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

func serve(t *testing.T) *answering {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &answering{addr: ln.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.answer(c) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return s
}

func (s *answering) answer(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		all := line
		for n, _, ok := literal([]byte(line)); ok; n, _, ok = literal([]byte(line)) {
			body := make([]byte, n)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			all += string(body) + line
		}
		s.mu.Lock()
		s.seen = append(s.seen, all)
		s.mu.Unlock()
		tag, _, _ := strings.Cut(all, " ")
		_, _ = fmt.Fprintf(c, "* saw {%d}\r\n%s x\r\n%s OK done\r\n", len(all), strings.Repeat("\n", len(all)), tag)
	}
}

// talk sends everything and returns all that comes back until the end, or
// until the answer to the last tag.
func talk(t *testing.T, addr, say, last string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, say)
	in := bufio.NewReader(c)
	var heard strings.Builder
	for {
		line, err := in.ReadString('\n')
		heard.WriteString(line)
		if err != nil || strings.HasPrefix(line, last+" ") {
			return heard.String()
		}
	}
}

const three = "a NOOP\r\nb APPEND x {12+}\r\nc OK NOOP\r\n!\r\nc UID STORE 1 +FLAGS x\r\n"

func TestAProxyWithoutAFaultIsTransparent(t *testing.T) {
	s := serve(t)
	p := Start(t, s.addr, Fault{At: Command("NOOP", 99)})
	if direct, through := talk(t, s.addr, three, "c"), talk(t, p.Addr, three, "c"); direct != through || !strings.Contains(through, "c OK done") {
		t.Fatalf("%q, directly %q", through, direct)
	}
	if p.Happened() || p.Commands("STORE") != 1 || p.Commands("NOOP") != 1 {
		t.Fatal("the literal was taken for commands, or nothing was counted")
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault Fault
		seen  int    // commands the server saw
		heard string // the client heard
		not   string // and did not hear
	}{
		{"a command that is cut never arrives", Fault{At: Command("APPEND", 1), Do: Cut}, 1, "a OK done", "b OK"},
		{"half a literal is no command", Fault{At: Command("APPEND", 1), Do: Half}, 1, "a OK done", "b OK"},
		{"a lost answer was given", Fault{At: Command("APPEND", 1), Do: LoseReply}, 2, "a OK done", "b OK"},
		{"a goodbye is read", Fault{At: Command("APPEND", 1), Do: Bye}, 1, "* BYE", "b OK"},
		{"a refusal is the server's for the client alone", Fault{At: Command("APPEND", 1), Do: Refuse, Say: "NO [OVERQUOTA] full"}, 2, "b NO [OVERQUOTA] full", "b OK"},
		{"UID is no part of a name", Fault{At: Command("STORE", 1), Do: Refuse, Say: "NO no"}, 2, "c NO no", "c OK"},
		{"octets are counted from the client", Fault{At: Sent(8)}, 1, "", "a OK"},
		{"octets are counted from the server", Fault{At: Received(10)}, 1, "* saw {8}\r", "a OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t)
			p := Start(t, s.addr, tt.fault)
			// One by one: what follows a fault must not overtake what it is about.
			heard := ""
			for _, cmd := range []string{"a NOOP\r\n", "b APPEND x {12+}\r\nc OK NOOP\r\n!\r\n", "c UID STORE 1 +FLAGS x\r\n"} {
				heard += talk(t, p.Addr, cmd, cmd[:1])
				if p.Happened() && tt.fault.Do != Refuse {
					break
				}
			}
			if !strings.Contains(heard, tt.heard) || strings.Contains(heard, tt.not) || !p.Happened() {
				t.Errorf("the client heard %q", heard)
			}
			if got := s.commands(); tt.fault.Do != LoseReply && len(got) > tt.seen || tt.fault.Do == LoseReply && len(got) != tt.seen {
				t.Errorf("the server saw %q", got)
			}
		})
	}
}

// TestARefusalDoesNotComeInTheMiddleOfAMessage: no server could say it there.
func TestARefusalDoesNotComeInTheMiddleOfAMessage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	half := make(chan struct{})
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "* 1 FETCH (BODY {8}\r\n1234")
		<-half
		_, _ = io.WriteString(c, "5678)\r\na OK done\r\n")
		_, _ = io.Copy(io.Discard, c)
	}()
	p := Start(t, l.Addr().String(), Fault{At: Command("EXAMINE", 1), Do: Refuse, Say: "NO because"})
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := make([]byte, len("* 1 FETCH (BODY {8}\r\n1234"))
	if _, err := io.ReadFull(c, begun); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "b EXAMINE x\r\n")
	for !p.Happened() {
		runtime.Gosched()
	}
	close(half)
	in := bufio.NewReader(c)
	for _, want := range []string{"5678)\r\n", ""} {
		if line, err := in.ReadString('\n'); err != nil || want != "" && line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
}

func TestASilentServerSaysNothing(t *testing.T) {
	s := serve(t)
	p := Start(t, s.addr, Fault{At: Command("NOOP", 1), Do: Stall})
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, three)
	// Half a close is all that ends it: nothing was passed on, nothing comes.
	_ = c.(*net.TCPConn).CloseWrite()
	if b, _ := io.ReadAll(c); len(b) > 0 || len(s.commands()) > 0 {
		t.Fatalf("%q, and the server saw %q", b, s.commands())
	}
}

func TestTheClientIsToldWhenTheServerIsThrough(t *testing.T) {
	for name, fault := range map[string]Fault{
		"cut": {At: Command("APPEND", 1), Do: Cut}, "half": {At: Command("APPEND", 1), Do: Half}, "bye": {At: Command("APPEND", 1), Do: Bye},
		"behind an octet": {At: Sent(20)}, "before an octet": {At: Received(1)},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ln.Close() }()
			var through atomic.Bool
			var serving sync.WaitGroup
			serving.Go(func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				in := bufio.NewReader(c)
				_, _ = in.ReadString('\n')
				_, _ = io.WriteString(c, "* OK hello\r\n")
				_, _ = io.Copy(io.Discard, in) // what it was given, it does in the end
				through.Store(true)
				_ = c.Close()
			})
			p := Start(t, ln.Addr().String(), fault)
			talk(t, p.Addr, three, "nothing")
			if !through.Load() || !p.Happened() {
				t.Errorf("the fault came: %v, and the server was through: %v", p.Happened(), through.Load())
			}
			_ = ln.Close()
			serving.Wait()
		})
	}
}
