package demo

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
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

// folders lists the folders, names decoded, raw names as values.
func (m *mua) folders() (map[string]string, error) {
	list, err := m.command(`LIST "" "*"`)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range list {
		rest, ok := strings.CutPrefix(r.text, "* LIST (")
		if !ok {
			continue
		}
		attributes, rest, _ := strings.Cut(rest, ") ")
		if strings.Contains(strings.ToLower(attributes), `\noselect`) || strings.Contains(strings.ToLower(attributes), `\nonexistent`) {
			continue
		}
		raw, err := listedName(rest, r.literals)
		if err != nil {
			return nil, fmt.Errorf("LIST: %q: %w", r.text, err)
		}
		name, err := decodeUTF7(raw)
		if err != nil {
			return nil, fmt.Errorf("LIST: %q: %w", raw, err)
		}
		out[name] = raw
	}
	return out, nil
}

// listedName reads the name that follows the delimiter of a LIST response.
func listedName(rest string, literals [][]byte) (string, error) {
	_, name, ok := strings.Cut(rest, " ")
	switch {
	case !ok:
		return "", errors.New("no name")
	case len(literals) > 0:
		return string(literals[0]), nil
	case strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) && len(name) > 1:
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(name[1 : len(name)-1]), nil
	}
	return name, nil
}

// decodeUTF7 decodes a folder name (RFC 3501 §5.1.3).
func decodeUTF7(raw string) (string, error) {
	alphabet := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var b strings.Builder
	for {
		before, rest, shifted := strings.Cut(raw, "&")
		b.WriteString(before)
		if !shifted {
			return b.String(), nil
		}
		coded, after, closed := strings.Cut(rest, "-")
		octets, err := alphabet.DecodeString(coded)
		if !closed || err != nil || len(octets)%2 != 0 {
			return "", errors.New("not modified UTF-7")
		}
		if len(octets) == 0 {
			b.WriteByte('&')
		}
		units := make([]uint16, len(octets)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(octets[2*i:])
		}
		b.WriteString(string(utf16.Decode(units)))
		raw = after
	}
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

// newMessage is a message as the book keeps it.
func newMessage(octets []byte, date time.Time, flags []string) Message {
	sum := sha256.Sum256(octets)
	return Message{Digest: hex.EncodeToString(sum[:]), ID: messageID(octets), Date: date.UTC().Truncate(time.Second), Flags: tidyFlags(flags)}
}

func messageID(octets []byte) string {
	head, err := textproto.NewReader(bufio.NewReader(strings.NewReader(string(octets)))).ReadMIMEHeader()
	if err != nil && len(head) == 0 {
		return ""
	}
	return mail.Header(head).Get("Message-Id")
}

// tidyFlags makes flags comparable: they know no case (RFC 3501 §2.3.2), and
// \Recent is the session's, not the message's.
func tidyFlags(flags []string) []string {
	out := make([]string, 0, len(flags))
	for _, f := range flags {
		if f = strings.ToLower(f); f != `\recent` {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
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
