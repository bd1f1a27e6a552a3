package testservers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// gmailConn is one connection to a Gmail.
type gmailConn struct {
	g    *Gmail
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	open *gmailFolder
}

const gmailCaps = "IMAP4rev1 UNSELECT NAMESPACE ID CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"

func newGmailConn(g *Gmail, c net.Conn) *gmailConn {
	return &gmailConn{g: g, conn: c, in: bufio.NewReader(c), out: bufio.NewWriter(c)}
}

func (c *gmailConn) serve() {
	defer func() { _ = c.conn.Close() }()
	c.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] Gimap ready")
	for c.out.Flush() == nil {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		c.g.mu.Lock()
		reply := c.answer(command)
		c.g.mu.Unlock()
		c.say("%s %s", tag, reply)
		if command == "LOGOUT" {
			_ = c.out.Flush()
			return
		}
	}
}

func (c *gmailConn) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\r\n", args...) }

// answer does one command. What would change anything is refused.
func (c *gmailConn) answer(command string) string {
	name, rest, _ := strings.Cut(command, " ")
	if name == "UID" {
		word, more, _ := strings.Cut(rest, " ")
		name, rest = "UID "+word, more
	}
	if strings.HasPrefix(name, "UID") && c.open == nil {
		return "BAD No folder is selected"
	}
	switch name {
	case "AUTHENTICATE", "LOGIN":
		return "OK [CAPABILITY " + gmailCaps + "] authenticated"
	case "NAMESPACE":
		c.say(`* NAMESPACE (("" "/")) NIL NIL`)
	case "LIST":
		c.list(rest)
	case "EXAMINE", "SELECT":
		return c.examine(strings.TrimSuffix(rest, " (CONDSTORE)"))
	case "UID FETCH":
		return c.fetch(rest)
	case "UID SEARCH":
		c.search()
	case "LOGOUT":
		c.say("* BYE LOGOUT requested")
	case "ID", "NOOP", "UNSELECT", "LSUB":
	default:
		return "BAD Could not parse command"
	}
	return "OK Success"
}

func (c *gmailConn) list(rest string) {
	for _, f := range c.g.folders {
		c.say(`* LIST (\HasNoChildren \Subscribed %s) "/" %s`, f.attribute, quoted(f.name))
		if strings.Contains(rest, "STATUS") && f.attribute != `\Noselect` {
			c.say("* STATUS %s %s", quoted(f.name), f.status())
		}
	}
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func unquoted(s string) string {
	inner := strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(inner)
}

func (c *gmailConn) examine(name string) string {
	if c.open = c.g.find(unquoted(name)); c.open == nil {
		return "NO [NONEXISTENT] Unknown Mailbox: " + name
	}
	c.say(`* FLAGS (\Answered \Flagged \Draft \Deleted \Seen)`)
	c.say("* OK [UIDVALIDITY %d] UIDs valid.", c.open.validity)
	c.say("* %d EXISTS", len(c.open.shown))
	c.say("* OK [UIDNEXT %d] Predicted next UID.", c.open.next)
	c.say("* OK [HIGHESTMODSEQ %d]", c.open.modseq)
	return "OK [READ-ONLY] selected. (Success)"
}

func (c *gmailConn) search() {
	var uids strings.Builder
	for _, s := range c.open.shown {
		fmt.Fprintf(&uids, " %d", s.uid)
	}
	c.say("* SEARCH%s", uids.String())
}

// fetch answers "SET (ITEMS)" of the open folder.
func (c *gmailConn) fetch(rest string) string {
	set, items, _ := strings.Cut(rest, " ")
	items, _, _ = strings.Cut(strings.TrimPrefix(items, "("), ")")
	words := strings.Fields(items)
	for _, w := range words {
		if w == c.g.refuses {
			return "BAD Could not parse command"
		}
	}
	for n, s := range c.open.shown {
		if inSet(set, s.uid) {
			fmt.Fprintf(c.out, "* %d FETCH (", n+1)
			for i, w := range words {
				if i > 0 {
					_, _ = io.WriteString(c.out, " ")
				}
				c.item(w, s)
			}
			c.say(")")
		}
	}
	return "OK Success"
}

func (c *gmailConn) item(word string, s gmailShown) {
	m := s.message
	switch word {
	case "UID":
		fmt.Fprintf(c.out, "UID %d", s.uid)
	case "FLAGS":
		fmt.Fprintf(c.out, `FLAGS (\Seen)`)
	case "INTERNALDATE":
		fmt.Fprintf(c.out, `INTERNALDATE "%s"`, m.date.UTC().Format("02-Jan-2006 15:04:05 -0700"))
	case "RFC822.SIZE":
		fmt.Fprintf(c.out, "RFC822.SIZE %d", len(m.text))
	case "MODSEQ":
		fmt.Fprintf(c.out, "MODSEQ (%d)", c.open.modseq)
	case "X-GM-MSGID":
		fmt.Fprintf(c.out, "X-GM-MSGID %d", m.id)
	case "X-GM-LABELS":
		fmt.Fprintf(c.out, "X-GM-LABELS (%s)", c.labels(m))
	case "BODY.PEEK[]":
		c.g.fetched += int64(len(m.text))
		fmt.Fprintf(c.out, "BODY[] {%d}\r\n%s", len(m.text), m.text)
	}
}

// labels are those of a message, but for that of the open folder.
func (c *gmailConn) labels(m *gmailMessage) string {
	var out []string
	for _, l := range m.labels {
		if l != c.open.label {
			out = append(out, quoted(l))
		}
	}
	return strings.Join(out, " ")
}

// inSet reports whether "1:3,7,9:*" has a UID.
func inSet(set string, uid uint32) bool {
	for r := range strings.SplitSeq(set, ",") {
		first, last, ranged := strings.Cut(r, ":")
		low, _ := strconv.ParseUint(first, 10, 32)
		high, err := strconv.ParseUint(last, 10, 32)
		switch {
		case !ranged:
			high = low
		case err != nil: // "*"
			high = 1 << 32
		}
		if uint64(uid) >= low && uint64(uid) <= high {
			return true
		}
	}
	return false
}
