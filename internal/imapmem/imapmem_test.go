package imapmem

import (
	"net"
	"testing"
	"time"
)

func TestTheServerListensOnLoopbackOnlyAndEnds(t *testing.T) {
	if s, err := Start(Options{Listen: "0.0.0.0:0"}); err == nil {
		_ = s.Close()
		t.Fatal("it listens to everybody")
	}
	s, err := Start(Options{Users: map[string]string{"alice": "pw"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create("alice", "Sent", `\Sent`); err != nil {
		t.Fatal(err)
	}
	if err := s.Append("alice", "Sent", "A: b\r\n\r\n", time.Unix(0, 0), `\Seen`); err != nil {
		t.Fatal(err)
	}
	if err := s.Append("bob", "Sent", "A: b\r\n\r\n", time.Unix(0, 0)); err == nil {
		t.Fatal("mail for nobody was taken")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		_ = c.Close()
		t.Fatal("the port is still open")
	}
}
