package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// endpoint is one mailbox on one server.
type endpoint struct {
	addr, user string
	// cas verify the server; nil speaks in the clear.
	cas *x509.CertPool
}

// client speaks as little IMAP as a measurement needs, to a server it trusts.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	tag  int
}

const password = "secret"

// clientBuffer is what one read or write moves at most.
const clientBuffer = 256 << 10

func (e endpoint) dial() (net.Conn, error) {
	if e.cas == nil {
		return net.Dial("tcp", e.addr)
	}
	return tls.Dial("tcp", e.addr, &tls.Config{RootCAs: e.cas})
}

func (e endpoint) login() (*client, error) {
	conn, err := e.dial()
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, clientBuffer), w: bufio.NewWriterSize(conn, clientBuffer)}
	if _, err := c.line(); err != nil {
		return nil, fmt.Errorf("greeting of %s: %w", e.addr, err)
	}
	return c, c.run(nil, "LOGIN %s %s", e.user, password)
}

func (c *client) Close() { _ = c.conn.Close() }

func (c *client) line() (string, error) {
	b, err := c.r.ReadSlice('\n')
	return strings.TrimRight(string(b), "\r\n"), err
}

// send writes a command and returns its tag; flush sends it.
func (c *client) send(format string, args ...any) string {
	c.tag++
	tag := "x" + strconv.Itoa(c.tag)
	fmt.Fprintf(c.w, tag+" "+format+"\r\n", args...)
	return tag
}

// run sends a command and waits for its OK.
func (c *client) run(untagged func(line string) error, format string, args ...any) error {
	tag := c.send(format, args...)
	if err := c.w.Flush(); err != nil {
		return err
	}
	return c.await(tag, untagged)
}

// await reads to the reply of a command. Untagged lines may be followed by a
// literal, which the handler must read.
func (c *client) await(tag string, untagged func(line string) error) error {
	for {
		line, err := c.line()
		if err != nil {
			return fmt.Errorf("await reply: %w", err)
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return fmt.Errorf("server said %q", rest)
			}
			return nil
		}
		if untagged != nil {
			if err := untagged(line); err != nil {
				return err
			}
		}
	}
}

func (c *client) folders() ([]string, error) {
	var out []string
	err := c.run(func(line string) error {
		if strings.HasPrefix(line, "* LIST ") {
			name := line[strings.LastIndex(line, `" `)+2:]
			if strings.HasSuffix(line, `"`) {
				name = line[strings.Index(line, `" "`)+2:]
			}
			out = append(out, strings.Trim(name, `"`))
		}
		return nil
	}, `LIST "" "*"`)
	return out, err
}

// fetched is what a FETCH response says before the literal of its body.
type fetched struct {
	uid         string
	flags, date string
	size        int64
}

// parseFetch reads `* 1 FETCH (UID 1 FLAGS (\Seen) INTERNALDATE "…" BODY[] {42}`.
func parseFetch(line string) (f fetched, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return f, false
	}
	open := strings.LastIndexByte(line, '{')
	n, err := strconv.ParseInt(line[open+1:len(line)-1], 10, 64)
	if err != nil {
		return f, false
	}
	f.size = n
	_, rest, _ := strings.Cut(line, "UID ")
	f.uid, _, _ = strings.Cut(rest, " ")
	if _, rest, found := strings.Cut(line, "FLAGS ("); found {
		flags, _, _ := strings.Cut(rest, ")")
		f.flags = strings.TrimSpace(strings.ReplaceAll(flags, `\Recent`, ""))
	}
	if _, rest, found := strings.Cut(line, `INTERNALDATE "`); found {
		f.date, _, _ = strings.Cut(rest, `"`)
	}
	return f, true
}

// each fetches every message of a folder that EXAMINE or SELECT opened.
func (c *client) each(tag string, fn func(f fetched, body io.Reader) error) error {
	return c.await(tag, func(line string) error {
		f, ok := parseFetch(line)
		if !ok {
			return nil
		}
		body := &io.LimitedReader{R: c.r, N: f.size}
		if err := fn(f, body); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, body)
		return err
	})
}
