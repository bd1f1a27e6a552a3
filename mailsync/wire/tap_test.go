package wire

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
)

// talk answers each line a client sends with the reply prepared for it.
func talk(t *testing.T, replies map[string]string) *Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		in := bufio.NewScanner(server)
		for in.Scan() {
			_, cmd, _ := strings.Cut(in.Text(), " ")
			if _, err := server.Write([]byte(replies[cmd])); err != nil {
				return
			}
		}
	}()
	c := NewConn(client, Options{Allow: ReadOnly})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestALibraryReadsOnlyWhatItAskedFor(t *testing.T) {
	c := talk(t, map[string]string{"NOOP": "* 3 EXISTS\r\n* XYZZY {3}\r\nabc\r\nT1 NO [CODE \"]\"] w\xffrds\r\n"})
	tap := NewTap(c, "* OK ready")
	lines := bufio.NewScanner(tap)
	if !lines.Scan() || lines.Text() != "* OK ready" {
		t.Fatal(lines.Text())
	}
	err := tap.Lend(func() error {
		if _, err := tap.Write([]byte("T1 NO")); err != nil {
			return err
		}
		if _, err := tap.Write([]byte("OP\r\n")); err != nil {
			return err
		}
		if !lines.Scan() || lines.Text() != "T1 NO done" {
			t.Errorf("%q", lines.Text())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := tap.Reply(); r.Code != "CODE" || r.Args != `"]"` || r.Text != "w\xffrds" {
		t.Fatalf("%+v", r)
	}
	if n := c.Meter().Commands["NOOP"]; n != 1 {
		t.Fatalf("%d commands", n)
	}
}

func TestALibrarySpeaksInItsTurnOnly(t *testing.T) {
	c := talk(t, nil)
	tap := NewTap(c, "* OK ready")
	if _, err := tap.Write([]byte("T1 NOOP\r\n")); !errors.Is(err, ErrForbidden) {
		t.Fatal(err)
	}
	err := tap.Lend(func() error {
		_, err := tap.Write([]byte("T1 EXPUNGE\r\n"))
		return err
	})
	if !errors.Is(err, ErrForbidden) {
		t.Fatal(err)
	}
	if n := c.Meter().Out; n != 0 {
		t.Fatalf("%d octets left", n)
	}
}

func TestAnEndedConnectionWakesTheLibrary(t *testing.T) {
	c := talk(t, nil)
	tap := NewTap(c, "")
	woken := make(chan error)
	go func() {
		b := make([]byte, 100)
		_, err := tap.Read(b)
		for err == nil {
			_, err = tap.Read(b)
		}
		woken <- err
	}()
	_ = c.Close()
	if err := <-woken; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

func TestRepliesOfPipelinedCommandsMayComeInAnyOrder(t *testing.T) {
	c := talk(t, map[string]string{"NOOP": "", "LIST a": "b2 OK list\r\nb1 OK noop\r\n"})
	one, two := c.Begin("NOOP", Synchronising), c.Begin("LIST", Synchronising).Text(" a")
	for _, m := range []*Command{one, two} {
		if err := m.End(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct{ tag, text string }{{one.Tag, "noop"}, {two.Tag, "list"}} {
		if r, err := c.Await(want.tag, nil); err != nil || r.Text != want.text {
			t.Fatal(r, err)
		}
	}
}
