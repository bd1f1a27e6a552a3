package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bascule/mailsync"
)

// Personality is what sets one server apart from another.
type Personality struct {
	NoUIDPlus, NoMove, NoCondStore bool
	// NoHistory forgets what vanished (no QRESYNC), as NoCondStore does.
	NoHistory bool
	// Lie changes what a survey is told of changes, nil = the truth.
	Lie func(a *mailsync.Surveyed)
	// Plain connections have no abilities: one command after the other.
	Plain bool
	// SingleAppend accepts the messages of a batch one by one.
	SingleAppend bool
	// FixedKeywords lists the only keywords taken; nil = any.
	FixedKeywords []string
	// DropFlagged loses \Flagged given to APPEND, as Exchange does.
	DropFlagged bool
	// FutureIsNow stores Now for later dates, as Dovecot 2.3 does.
	FutureIsNow bool
	// EatCR stores lines: a CR before CRLF is lost.
	EatCR bool
	// Objects names messages, wherever they are (OBJECTID, RFC 8474).
	Objects bool
	// Labels makes folders labels, as Gmail has them: names and labels are
	// told, a message shares its flags in all of them, and a folder of use \All
	// has every message that is not in the bin. The mod-sequence of that folder
	// does not move when a label does.
	Labels bool
	// Newest, unless 0, is how many messages a folder shows, but for that of
	// all mail; MuteLabels keeps the labels of messages secret.
	Newest     int
	MuteLabels bool
	// NoCopy refuses to copy messages from one folder to another, NoCopyUID does
	// not say what became of them; CopyLoses are flags that such a copy lacks,
	// CopyIsNow dates it Now.
	NoCopy    bool
	NoCopyUID bool
	CopyLoses []string
	CopyIsNow bool
	// KeepsFolders refuses to delete a folder.
	KeepsFolders bool
	// Alter is what becomes of a message at APPEND, nil = what it is.
	Alter func(body []byte) []byte
	// Render is what FETCH makes of a message, the n-th time it is asked to;
	// nil = what is stored.
	Render func(body []byte, n int) []byte
	// StoreOnly lists keywords that are kept when STOREd only.
	StoreOnly []string
	// RefuseFolder refuses names for good; nil = takes all.
	RefuseFolder func(path []string) error
	// Refuse returns the server's answer to a message it does not take.
	Refuse func(body []byte, flags []string) error
	Delim  rune
	Now    time.Time
}

// Message is one message as it is stored.
type Message struct {
	UID    mailsync.UID
	Date   time.Time
	Flags  []string
	Body   []byte
	ModSeq uint64
	// Object is the same in all folders a message is in.
	Object mailsync.ObjectID
	// Unreadable messages are listed, and missing from every FETCH.
	Unreadable bool
	// Poisoned messages end the connection half way.
	Poisoned bool
}

type box struct {
	path       []string
	use        string
	validity   uint32
	next       mailsync.UID
	modseq     uint64
	subscribed bool
	hidden     bool
	off        uint32
	messages   []Message
	gone       []expunged
}

// expunged is when a message vanished.
type expunged struct {
	uid    mailsync.UID
	modseq uint64
}

// Server is a mailbox in memory. Its methods are safe for concurrent use and
// act like a person with another mail program.
type Server struct {
	// Before is called ahead of each command of a connection with its
	// name; the error it returns is the command's fate. It may call the
	// server's methods: that is mail arriving during a pass.
	Before func(command string) error
	// CutAppend is asked for each APPEND command, counted from 1: the
	// connection ends there.
	CutAppend func(n int) Cut
	P         Personality

	hook     sync.Mutex // one Before at a time, as if people took turns
	mu       sync.Mutex
	boxes    []*box
	validity uint32
	appends  int
	renders  int
	objects  int
	claims   map[mailsync.ObjectID]string
	writes   []string
	opened   []string
	told     int
}

// Cut says where a connection ends.
type Cut int

// Cuts.
const (
	NoCut Cut = iota
	// CutBeforeAccept: the batch is lost.
	CutBeforeAccept
	// CutAfterAccept: the batch is stored, the answer is lost.
	CutAfterAccept
)

// New returns a server with an empty INBOX.
func New(p Personality) *Server {
	if p.Delim == 0 {
		p.Delim = '/'
	}
	if p.Now.IsZero() {
		p.Now = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	}
	s := &Server{P: p, validity: 1000}
	s.create([]string{"INBOX"}, "")
	return s
}

func name(path []string) string { return strings.Join(path, "/") }

func (s *Server) find(path []string) *box {
	for _, b := range s.boxes {
		if name(b.path) == name(path) || (len(path) == 1 && len(b.path) == 1 && strings.EqualFold(path[0], "INBOX") && strings.EqualFold(b.path[0], "INBOX")) {
			return b
		}
	}
	return nil
}

func (s *Server) create(path []string, use string) *box {
	for n := 1; n <= len(path); n++ {
		if s.find(path[:n]) == nil {
			s.validity++
			s.boxes = append(s.boxes, &box{path: slices.Clone(path[:n]), validity: s.validity, next: 1, modseq: 1})
		}
	}
	b := s.find(path)
	if use != "" {
		b.use = use
	}
	return b
}

func at(folder string) []string { return strings.Split(folder, "/") }

func (s *Server) must(folder string) *box {
	b := s.find(at(folder))
	if b == nil {
		panic("storetest: no folder " + folder)
	}
	return b
}

// Make creates a folder; components are separated by "/".
func (s *Server) Make(folder, use string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.create(at(folder), use)
}

// Put delivers a message and returns its UID.
func (s *Server) Put(folder, body string, date time.Time, flags ...string) mailsync.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects++
	m := Message{Body: []byte(body), Date: date, Flags: flags, Object: mailsync.NewObjectID([]byte(strconv.Itoa(s.objects)))}
	b := s.create(at(folder), "")
	if s.P.Labels && !b.bin() && b.use != `\All` {
		s.allMail().add(m)
	}
	return b.add(m)
}

func (b *box) add(m Message) mailsync.UID {
	b.modseq++
	m.UID, m.ModSeq, m.Flags = b.next, b.modseq, slices.Clone(m.Flags)
	b.next++
	slices.Sort(m.Flags)
	b.messages = append(b.messages, m)
	return m.UID
}

func (b *box) index(uid mailsync.UID) int {
	return slices.IndexFunc(b.messages, func(m Message) bool { return m.UID == uid })
}

// Expunge removes a message.
func (s *Server) Expunge(folder string, uid mailsync.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(folder).remove(uid)
}

func (b *box) remove(uid mailsync.UID) (Message, bool) {
	i := b.index(uid)
	if i < 0 {
		return Message{}, false
	}
	m := b.messages[i]
	b.messages = slices.Delete(b.messages, i, i+1)
	b.modseq++
	b.gone = append(b.gone, expunged{uid, b.modseq})
	return m, true
}

// Move files a message elsewhere and returns its UID there.
func (s *Server) Move(folder string, uid mailsync.UID, to string) mailsync.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.must(folder).remove(uid)
	if !ok {
		panic(fmt.Sprintf("storetest: no message %d in %s", uid, folder))
	}
	dest := s.create(at(to), "")
	if s.P.Labels && dest.bin() {
		s.everywhere(m.Object, func(b *box, uid mailsync.UID) { b.remove(uid) })
	}
	return dest.add(m)
}

// Flag sets and clears flags: "+\Seen", "-\Seen".
func (s *Server) Flag(folder string, uid mailsync.UID, changes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	for _, c := range changes {
		b.flag(uid, c[1:], c[0] == '+')
		if i := b.index(uid); s.P.Labels && i >= 0 {
			s.everywhere(b.messages[i].Object, func(b *box, uid mailsync.UID) { b.flag(uid, c[1:], c[0] == '+') })
		}
	}
}

func (b *box) flag(uid mailsync.UID, flag string, set bool) {
	i := b.index(uid)
	if i < 0 {
		return
	}
	m := &b.messages[i]
	has := slices.ContainsFunc(m.Flags, func(f string) bool { return strings.EqualFold(f, flag) })
	if has == set {
		return
	}
	b.modseq++
	m.ModSeq = b.modseq
	if set {
		m.Flags = append(slices.Clone(m.Flags), flag)
		slices.Sort(m.Flags)
		return
	}
	m.Flags = slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return strings.EqualFold(f, flag) })
}

// Miscount makes the server announce n messages too many.
func (s *Server) Miscount(folder string, n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(folder).off = n
}

// Poison makes a message end every connection that reads it.
func (s *Server) Poison(folder string, uid mailsync.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	b.messages[b.index(uid)].Poisoned = true
}

// Spoil makes a message unreadable.
func (s *Server) Spoil(folder string, uid mailsync.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	b.messages[b.index(uid)].Unreadable = true
}

// Alter replaces the octets of a message, which no mail server does.
func (s *Server) Alter(folder string, uid mailsync.UID, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	b.messages[b.index(uid)].Body = []byte(body)
}

// Renumber gives the folder a new UIDVALIDITY and its messages new UIDs.
func (s *Server) Renumber(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	s.validity++
	b.validity = s.validity
	b.next += 100
	for i := range b.messages {
		b.messages[i].UID = b.next
		b.next++
	}
	b.modseq++
	b.gone = nil
}

// Replace puts a folder of the same name with other messages in the place of
// one: their UIDs begin at 1 again.
func (s *Server) Replace(folder string, date time.Time, bodies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	s.validity++
	b.validity, b.next, b.messages, b.gone = s.validity, 1, nil, nil
	for _, body := range bodies {
		s.objects++
		b.add(Message{Body: []byte(body), Date: date, Object: mailsync.NewObjectID([]byte(strconv.Itoa(s.objects)))})
	}
}

// Delete removes a folder with all it holds.
func (s *Server) Delete(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes = slices.DeleteFunc(s.boxes, func(b *box) bool { return name(b.path) == folder })
}

// Rename renames a folder; its UIDVALIDITY and UIDs stay (RFC 3501 §6.3.5).
func (s *Server) Rename(folder, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(folder).path = at(to)
}

// Hide leaves a folder out of listings, as servers do by mistake.
func (s *Server) Hide(folder string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(folder).hidden = hidden
}

// Validity returns the UIDVALIDITY and UIDNEXT of a folder.
func (s *Server) Validity(folder string) (uint32, mailsync.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	return b.validity, b.next
}

// Snapshot returns a copy of everything, by folder name.
func (s *Server) Snapshot() map[string][]Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string][]Message{}
	for _, b := range s.boxes {
		out[name(b.path)] = slices.Clone(b.messages)
	}
	return out
}

// Clone returns an independent copy of the server, without its hooks.
func (s *Server) Clone() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Server{P: s.P, validity: s.validity, objects: s.objects, claims: maps.Clone(s.claims)}
	for _, b := range s.boxes {
		d := *b
		d.messages, d.gone = slices.Clone(b.messages), slices.Clone(b.gone)
		c.boxes = append(c.boxes, &d)
	}
	return c
}

// Writes returns the write commands seen so far and forgets them.
func (s *Server) Writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.writes
	s.writes = nil
	return w
}

// Rewind takes back how often a folder changed, as a server does that lost its
// index.
func (s *Server) Rewind(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	b.modseq, b.gone = 1, nil
	for i := range b.messages {
		b.messages[i].ModSeq = 1
	}
}

// Told returns how many messages scans and surveys told so far, and forgets it.
func (s *Server) Told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.told
	s.told = 0
	return n
}

// Opened returns the folders examined or selected so far and forgets them.
func (s *Server) Opened() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opened
	s.opened = nil
	return o
}
