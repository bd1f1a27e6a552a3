package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// corpus is a set of messages that is the same whenever and wherever it is built.
type corpus struct {
	Name string
	What string
	// Box is the name of its mailboxes, where corpora share them: the smaller
	// ones are the beginning of the larger.
	Box       string
	Mailboxes int
	Messages  int // of each mailbox
	// Still corpora are copied, and not changed between runs.
	Still   bool
	folders []string
	size    func(r *rand.Rand, n int) int
}

// corpora are those the goals speak of.
func corpora(scale float64) map[string]corpus {
	n := func(messages int) int { return max(int(float64(messages)*scale), 20) }
	folders := mixedFolders()
	tiny := func(*rand.Rand, int) int { return 0 }
	out := map[string]corpus{}
	for _, c := range []corpus{
		{Name: "S", What: "mixed sizes, 16 folders", Mailboxes: 1, Messages: n(10_000), folders: folders, size: mixed},
		{Name: "S2", What: "a fifth of S", Mailboxes: 1, Messages: n(2_000), folders: folders, size: mixed},
		{Name: "T", What: "2 KB each, in INBOX", Mailboxes: 1, Messages: n(20_000), folders: []string{"INBOX"}, size: func(*rand.Rand, int) int { return 2 << 10 }},
		{Name: "M", What: "mailboxes of 400 messages", Still: true, Mailboxes: max(int(50*scale), 2), Messages: 400, folders: folders[:5], size: small},
		{Name: "L", What: "one message of 150 MB among small ones", Mailboxes: 1, Still: true, Messages: 20, folders: []string{"INBOX"}, size: oneLarge},
		{Name: "250k", What: "tiny ones in INBOX", Box: "many", Mailboxes: 1, Still: true, Messages: n(250_000), folders: []string{"INBOX"}, size: tiny},
		{Name: "500k", What: "tiny ones in INBOX", Box: "many", Mailboxes: 1, Still: true, Messages: n(500_000), folders: []string{"INBOX"}, size: tiny},
		{Name: "million", What: "tiny ones in INBOX", Box: "many", Mailboxes: 1, Still: true, Messages: n(1_000_000), folders: []string{"INBOX"}, size: tiny},
	} {
		if c.Box == "" {
			c.Box = c.Name
		}
		out[c.Name] = c
	}
	return out
}

// user is the name of a source mailbox.
func (c corpus) user(mailbox int) string { return fmt.Sprintf("%s%02d", c.Box, mailbox) }

func mixedFolders() []string {
	out := []string{"INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive", "Archive/2024", "Archive/2025", "Projects"}
	for i := 1; len(out) < 16; i++ {
		out = append(out, fmt.Sprintf("Projects/Client %d", i))
	}
	return out
}

// mixed has a median of 8 KB, a long tail, and 5 MB now and then: 36 KB on average.
func mixed(r *rand.Rand, n int) int {
	switch {
	case n%333 == 7:
		return 5 << 20
	case n%20 == 3:
		return 60<<10 + r.IntN(120<<10)
	}
	return int(8 << 10 * math.Exp(1.1*min(r.NormFloat64(), 3.5)))
}

func small(r *rand.Rand, _ int) int { return int(8 << 10 * math.Exp(1.1*min(r.NormFloat64(), 2.5))) }

func oneLarge(_ *rand.Rand, n int) int {
	if n == 10 {
		return 150 << 20
	}
	return 4 << 10
}

// message is one message of a corpus.
type message struct {
	Folder string
	Size   int
	Date   time.Time
	Flags  string
	seed   uint64
	head   string
}

// at returns the n-th message of a mailbox; generation tells apart what is added later.
func (c corpus) at(mailbox, generation, n int) message {
	r := rand.New(rand.NewPCG(seedOf(c.Box, mailbox), uint64(generation)<<32|uint64(n)))
	m := message{Folder: c.folders[n%len(c.folders)], seed: r.Uint64(), Size: c.size(r, n)}
	m.Date = time.Date(2020, 1, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(n)*37*time.Minute + time.Duration(generation)*1000*time.Hour)
	for _, f := range []struct {
		flag string
		of   int
	}{{`\Seen`, 70}, {`\Answered`, 10}, {`\Flagged`, 5}, {"project", 3}} {
		if r.IntN(100) < f.of {
			m.Flags += " " + f.flag
		}
	}
	m.head = fmt.Sprintf("Received: from mx.example.com by old.example with ESMTP id %x; %s\r\nFrom: Sender %d <s%d@example.com>\r\n"+
		"To: User <user@old.example>\r\nSubject: Message %d of %s, %x\r\nMessage-ID: <%x.%d.%d@example.com>\r\nDate: %s\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\n\r\n", m.seed, m.Date.Format(time.RFC1123Z), n%97, n%97, n, c.Box, m.seed&0xffff, m.seed,
		generation, n, m.Date.Format(time.RFC1123Z))
	m.Size = max(m.Size, len(m.head)+80)
	return m
}

func seedOf(name string, mailbox int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint32([]byte(name), uint32(mailbox))) // a hash never fails
	return h.Sum64()
}

const lineLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// body returns the octets: after the head, each line is 76 letters that the seed chooses, and CRLF.
func (m message) body(buf []byte) []byte {
	buf = append(buf[:0], m.head...)
	state := m.seed | 1
	for len(buf) < m.Size {
		for range 19 {
			state = state*6364136223846793005 + 1442695040888963407
			x := state >> 32
			buf = append(buf, lineLetters[x&63], lineLetters[x>>6&63], lineLetters[x>>12&63], lineLetters[x>>18&63])
		}
		buf = append(buf, '\r', '\n')
	}
	buf = buf[:m.Size-2]
	for i := len(buf) - 2; i < len(buf); i++ {
		if buf[i] == '\r' || buf[i] == '\n' {
			buf[i] = '='
		}
	}
	return append(buf, '\r', '\n')
}
