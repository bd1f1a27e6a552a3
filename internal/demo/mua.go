package demo

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mua is the mail program of the people of this world, and the eyes of the
// proof: as much of IMAP (RFC 3501) as they need, written for this package and
// used nowhere else, so that proof and engine cannot be wrong together.
type mua struct {
	out io.Writer
	in  *bufio.Reader
	tag int
}

// stored is a message as a server gives it.
type stored struct {
	uid uint32
	Message
}

// maxMessage bounds what is read of one message.
const maxMessage = 64 << 20

// login connects to a side and logs in. The context bounds the whole session.
func login(ctx context.Context, addr string, trust *tls.Config, user, password string) (*mua, func(), error) {
	conn, err := (&tls.Dialer{Config: trust}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to %s: %w", trust.ServerName, err)
	}
	m := &mua{out: conn, in: bufio.NewReader(conn)}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	end := func() {
		_, _ = m.command("LOGOUT")
		stop()
		_ = conn.Close()
	}
	if _, err := m.in.ReadString('\n'); err != nil {
		end()
		return nil, nil, fmt.Errorf("greeting of %s: %w", trust.ServerName, err)
	}
	if _, err := m.command("LOGIN " + quote(user) + " " + quote(password)); err != nil {
		end()
		return nil, nil, fmt.Errorf("log in to %s as %s: %w", trust.ServerName, user, err)
	}
	return m, end, nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// response is one untagged response: its text, literals cut out.
type response struct {
	text     string
	literals [][]byte
}

// command sends one command and returns its untagged responses; NO and BAD
// are errors in the server's words.
func (m *mua) command(text string) ([]response, error) {
	m.tag++
	tag := fmt.Sprintf("p%d", m.tag)
	if _, err := io.WriteString(m.out, tag+" "+text+"\r\n"); err != nil {
		return nil, err
	}
	verb, _, _ := strings.Cut(text, " ")
	var out []response
	for {
		r, err := m.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", verb, err)
		}
		if rest, tagged := strings.CutPrefix(r.text, tag+" "); tagged {
			if !strings.HasPrefix(rest, "OK") {
				return nil, fmt.Errorf("%s: the server said %q", verb, rest)
			}
			return out, nil
		}
		out = append(out, r)
	}
}

// read reads one response with its literals (RFC 3501 §4.3).
func (m *mua) read() (response, error) {
	var r response
	for {
		line, err := m.in.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimRight(line, "\r\n")
		r.text += line
		n, literal := literalSize(line)
		if !literal {
			return r, nil
		}
		if n > maxMessage {
			return r, fmt.Errorf("a literal of %d octets is too large", n)
		}
		octets := make([]byte, n)
		if _, err := io.ReadFull(m.in, octets); err != nil {
			return r, err
		}
		r.literals = append(r.literals, octets)
	}
}

func literalSize(line string) (int, bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.Atoi(line[open+1 : len(line)-1])
	return n, err == nil && n >= 0
}

// messages reads a folder whole; verb is EXAMINE or SELECT.
func (m *mua) messages(verb, raw string) ([]stored, error) {
	opened, err := m.command(verb + " " + quote(raw))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(opened, func(r response) bool { return r.text == "* 0 EXISTS" }) {
		return nil, nil // RFC 3501 §6.4.8: 1:* would be out of range for some servers
	}
	fetched, err := m.command("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")
	if err != nil {
		return nil, err
	}
	var out []stored
	for _, r := range fetched {
		if len(r.literals) != 1 {
			continue
		}
		s, err := parseFetch(r)
		if err != nil {
			return nil, fmt.Errorf("FETCH: %w", err)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseFetch(r response) (stored, error) {
	uid, err := strconv.ParseUint(between(r.text, "UID ", " )"), 10, 32)
	if err != nil {
		return stored{}, fmt.Errorf("no UID in %.80q", r.text)
	}
	date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", strings.TrimSpace(between(r.text, `INTERNALDATE "`, `"`)))
	if err != nil {
		return stored{}, fmt.Errorf("UID %d: %w", uid, err)
	}
	flags := strings.Fields(between(r.text, "FLAGS (", ")"))
	return stored{uid: uint32(uid), Message: newMessage(r.literals[0], date, flags)}, nil
}

// between returns the text after a mark up to any of the stops.
func between(s, mark, stops string) string {
	_, rest, ok := strings.Cut(s, mark)
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, stops); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// store adds flags to a message of the selected folder.
func (m *mua) store(uid uint32, flags ...string) error {
	_, err := m.command(fmt.Sprintf("UID STORE %d +FLAGS.SILENT (%s)", uid, strings.Join(flags, " ")))
	return err
}

func (m *mua) move(uid uint32, raw string) error {
	_, err := m.command(fmt.Sprintf("UID MOVE %d %s", uid, quote(raw)))
	return err
}

func (m *mua) remove(uid uint32) error {
	if err := m.store(uid, `\Deleted`); err != nil {
		return err
	}
	_, err := m.command(fmt.Sprintf("UID EXPUNGE %d", uid))
	return err
}

// snapshot reads every folder of a mailbox.
func (m *mua) snapshot() (Mailbox, error) {
	folders, err := m.folders()
	if err != nil {
		return nil, err
	}
	out := Mailbox{}
	for name, raw := range folders {
		list, err := m.messages("EXAMINE", raw)
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", name, err)
		}
		out[name] = []Message{}
		for _, s := range list {
			out[name] = append(out[name], s.Message)
		}
	}
	return out, nil
}
