package testservers

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Gmail is a server in memory whose folders are labels. It is built from
// Google's description of its IMAP extensions (X-GM-EXT-1: X-GM-MSGID,
// X-GM-LABELS) and from what its folders are known to show, and speaks what is
// needed to read a mailbox: nothing in it can be changed over IMAP.
type Gmail struct {
	// Addr is where it listens, in plain text.
	Addr string

	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	done     sync.WaitGroup
	messages []*gmailMessage
	folders  []*gmailFolder
	fetched  int64
	refuses  string
}

// GmailPassword is what every user logs in with.
const GmailPassword = "app password"

// Labels that Gmail has of itself.
const (
	GmailInbox   = `\Inbox`
	GmailSent    = `\Sent`
	GmailStarred = `\Starred`
	GmailBin     = `\Trash`
)

type gmailMessage struct {
	id     uint64
	date   time.Time
	text   string
	labels []string
}

// gmailFolder shows the messages with a label, or all of them.
type gmailFolder struct {
	name, attribute, label string
	validity               uint32
	next                   uint32
	modseq                 uint64
	shown                  []gmailShown // in the order of UIDs
}

type gmailShown struct {
	uid     uint32
	message *gmailMessage
}

// StartGmail starts a server with no mail, and stops it when the test ends.
func StartGmail(t testing.TB) *Gmail {
	t.Helper()
	l := listenLoopback(t)
	g := &Gmail{Addr: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}}
	for _, f := range []gmailFolder{{name: "INBOX", label: GmailInbox}, {name: "[Gmail]", attribute: `\Noselect`}, {name: "[Gmail]/All Mail", attribute: `\All`},
		{name: "[Gmail]/Sent Mail", attribute: `\Sent`, label: GmailSent}, {name: "[Gmail]/Starred", attribute: `\Flagged`, label: GmailStarred},
		{name: "[Gmail]/Trash", attribute: `\Trash`, label: GmailBin}} {
		g.add(f)
	}
	g.done.Go(g.accept)
	t.Cleanup(g.stop)
	return g
}

func (g *Gmail) add(f gmailFolder) {
	f.validity, f.next, f.modseq = uint32(len(g.folders)+1), 1, 1
	g.folders = append(g.folders, &f)
}

func (g *Gmail) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns[c] = true
		g.mu.Unlock()
		g.done.Go(func() { newGmailConn(g, c).serve() })
	}
}

func (g *Gmail) stop() {
	_ = g.listener.Close()
	g.mu.Lock()
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.done.Wait()
}

// Put brings a message with labels, of which those of a person's own are
// folders, and returns its number.
func (g *Gmail) Put(text string, date time.Time, labels ...string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &gmailMessage{id: 1_278_455_344_230_334_865 + uint64(len(g.messages)), date: date, text: text, labels: labels}
	g.messages = append(g.messages, m)
	g.show()
	return len(g.messages) - 1
}

// Relabel replaces the labels of a message.
func (g *Gmail) Relabel(n int, labels ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.messages[n].labels = labels
	g.show()
}

// Refuse makes the server answer BAD to whoever asks for an item of a message.
func (g *Gmail) Refuse(item string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = item
}

// Fetched counts octets of messages that were read.
func (g *Gmail) Fetched() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fetched
}

// show brings all folders up to date with the labels.
func (g *Gmail) show() {
	for _, m := range g.messages {
		for _, l := range m.labels {
			if !strings.HasPrefix(l, `\`) && !slices.ContainsFunc(g.folders, func(f *gmailFolder) bool { return f.label == l }) {
				g.add(gmailFolder{name: l, label: l})
			}
		}
	}
	for _, f := range g.folders {
		for _, m := range g.messages {
			i := slices.IndexFunc(f.shown, func(s gmailShown) bool { return s.message == m })
			switch wanted := f.shows(m); {
			case wanted && i < 0:
				f.shown = append(f.shown, gmailShown{f.next, m})
				f.next++
				f.modseq++
			case !wanted && i >= 0:
				f.shown = slices.Delete(f.shown, i, i+1)
				f.modseq++
			}
		}
	}
}

func (f *gmailFolder) shows(m *gmailMessage) bool {
	bin := slices.Contains(m.labels, GmailBin)
	switch f.attribute {
	case `\Noselect`:
		return false
	case `\All`:
		return !bin
	case `\Trash`:
		return bin
	}
	return !bin && slices.Contains(m.labels, f.label)
}

func (g *Gmail) find(name string) *gmailFolder {
	i := slices.IndexFunc(g.folders, func(f *gmailFolder) bool { return f.name == name && f.attribute != `\Noselect` })
	if i < 0 {
		return nil
	}
	return g.folders[i]
}

func (f *gmailFolder) status() string {
	return fmt.Sprintf("(MESSAGES %d UIDNEXT %d UIDVALIDITY %d HIGHESTMODSEQ %d)", len(f.shown), f.next, f.validity, f.modseq)
}
