package mailsync_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/internal/hostile"
)

// judge is an IMAP client of a hundred lines that shares nothing with the
// engine: it fills mailboxes, and reads what became of them.
type judge struct {
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// access is how a mailbox is reached.
type access struct {
	addr           string
	tls            *tls.Config // nil = in clear
	user, password string
}

const judgePatience = time.Minute

func newJudge(a access) (*judge, error) {
	conn, err := net.Dial("tcp", a.addr)
	if err != nil {
		return nil, err
	}
	if a.tls != nil {
		conn = tls.Client(conn, a.tls)
	}
	j := &judge{conn: conn, r: bufio.NewReaderSize(conn, 1<<16)}
	if _, err := j.response(); err != nil {
		return nil, err
	}
	return j, j.must("LOGIN " + quoted(a.user) + " " + quoted(a.password))
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// said is one response. Literals are cut out of the text, each leaving a NUL.
type said struct {
	text     string
	literals []string
}

func (j *judge) response() (said, error) {
	var s said
	if err := j.conn.SetDeadline(clock.Monotonic().Add(judgePatience)); err != nil {
		return s, err
	}
	for {
		line, err := j.r.ReadString('\n')
		if err != nil {
			return s, err
		}
		line = strings.TrimRight(line, "\r\n")
		open := strings.LastIndexByte(line, '{')
		if open < 0 || !strings.HasSuffix(line, "}") {
			s.text += line
			return s, nil
		}
		n, err := strconv.Atoi(line[open+1 : len(line)-1])
		if err != nil {
			s.text += line
			return s, nil
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(j.r, body); err != nil {
			return s, err
		}
		s.text += line[:open] + "\x00"
		s.literals = append(s.literals, string(body))
	}
}

// refusal is a NO or BAD in the server's words.
type refusal string

func (r refusal) Error() string { return string(r) }

// run sends one command and returns the untagged responses to it.
func (j *judge) run(command string) ([]said, error) {
	j.tag++
	tag := fmt.Sprintf("j%d ", j.tag)
	if _, err := io.WriteString(j.conn, tag+command+"\r\n"); err != nil {
		return nil, err
	}
	var all []said
	for {
		s, err := j.response()
		if err != nil {
			return all, err
		}
		rest, ours := strings.CutPrefix(s.text, tag)
		switch {
		case !ours:
			all = append(all, s)
		case strings.HasPrefix(rest, "OK"):
			return all, nil
		default:
			return all, refusal(rest)
		}
	}
}

func (j *judge) must(command string) error {
	_, err := j.run(command)
	return err
}

// put appends one message with a literal that asks nobody (RFC 7888).
func (j *judge) put(folder string, m hostile.Message) error {
	flags := strings.Join(m.Flags, " ")
	date := m.Date.Format("_2-Jan-2006 15:04:05 -0700")
	return j.must(fmt.Sprintf("APPEND %s (%s) %q {%d+}\r\n%s", quoted(folder), flags, date, len(m.Body), m.Body))
}

func (j *judge) close() { _ = j.conn.Close() }

// found is a message as a server shows it.
type found struct {
	uid   uint32
	date  time.Time
	flags []string
	body  string
}

// listed is a folder as a server shows it.
type listed struct {
	raw  string
	path []string
}

var listLine = regexp.MustCompile(`(?s)^\* LIST \(([^)]*)\) (NIL|"(?:\\?.)") (.*)$`)

func (j *judge) folders() ([]listed, error) {
	all, err := j.run(`LIST "" "*"`)
	var out []listed
	for _, s := range all {
		m := listLine.FindStringSubmatch(s.text)
		if m == nil || strings.Contains(strings.ToLower(m[1]), `\no`) {
			continue
		}
		raw := value(m[3], s.literals)
		delim := value(m[2], nil)
		out = append(out, listed{raw, splitName(raw, delim)})
	}
	return out, err
}

func splitName(raw, delim string) []string {
	path := []string{raw}
	if delim != "NIL" {
		path = strings.Split(raw, delim)
	}
	for i := range path {
		path[i] = hostile.DecodeName(path[i])
	}
	if strings.EqualFold(path[0], "INBOX") { // RFC 3501 §5.1
		path[0] = "INBOX"
	}
	return path
}

// value reads an atom, a quoted string or the mark of a literal.
func value(text string, literals []string) string {
	switch {
	case strings.HasPrefix(text, "\x00"):
		return literals[0]
	case strings.HasPrefix(text, `"`):
		var b strings.Builder
		for i := 1; i < len(text) && text[i] != '"'; i++ {
			if text[i] == '\\' {
				i++
			}
			b.WriteByte(text[i])
		}
		return b.String()
	}
	return text
}

var (
	uidItem   = regexp.MustCompile(`UID (\d+)`)
	flagsItem = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	dateItem  = regexp.MustCompile(`INTERNALDATE "([^"]*)"`)
	bodyItem  = regexp.MustCompile(`(?s)BODY\[\] (\x00|"(?:[^"\\]|\\.)*"|NIL)`)
)

// messages reads a folder whole.
func (j *judge) messages(raw string) ([]found, error) {
	opened, err := j.run("EXAMINE " + quoted(raw))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(opened, func(s said) bool { return s.text == "* 0 EXISTS" }) {
		return nil, nil
	}
	if err := j.must("UID FETCH 1:* (INTERNALDATE)"); err != nil {
		return nil, err
	}
	all, err := j.run("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")
	var out []found
	for _, s := range all {
		if !strings.Contains(s.text, "BODY[]") {
			continue
		}
		f, e := message(s)
		err = errors.Join(err, e)
		out = append(out, f)
	}
	return out, err
}

func message(s said) (found, error) {
	uid, flags, date, body := uidItem.FindStringSubmatch(s.text), flagsItem.FindStringSubmatch(s.text), dateItem.FindStringSubmatch(s.text), bodyItem.FindStringSubmatch(s.text)
	if uid == nil || flags == nil || date == nil || body == nil {
		return found{}, fmt.Errorf("cannot read %.200q", s.text)
	}
	n, err := strconv.ParseUint(uid[1], 10, 32)
	at, e := time.Parse("_2-Jan-2006 15:04:05 -0700", date[1])
	f := found{uid: uint32(n), date: at, body: value(body[1], s.literals)}
	if body[1] == "NIL" {
		f.body = ""
	}
	for _, flag := range strings.Fields(flags[1]) {
		if flag != `\Recent` {
			f.flags = append(f.flags, flag)
		}
	}
	return f, errors.Join(err, e)
}

// box is everything in a mailbox, by folder.
type box map[string][]found

func pathKey(path []string) string { return strings.Join(path, "\x00") }

// readBox reads a mailbox whole, its dates twice: Dovecot 2.3 shows one before
// 1970 as it is once, and from its cache 2^32 seconds later ever after.
func readBox(t testing.TB, a access) box {
	t.Helper()
	j, err := newJudge(a)
	if err != nil {
		t.Fatalf("read mailbox: %v", err)
	}
	defer j.close()
	folders, err := j.folders()
	if err != nil {
		t.Fatalf("list mailbox: %v", err)
	}
	b := box{}
	for _, f := range folders {
		list, err := j.messages(f.raw)
		if err != nil {
			t.Fatalf("read folder %q: %v", f.raw, err)
		}
		b[pathKey(f.path)] = list
	}
	return b
}
