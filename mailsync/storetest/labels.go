package storetest

import (
	"slices"
	"strings"

	"bascule/mailsync"
)

// AllMail is the folder that shows all mail of a server with labels.
const AllMail = "[Gmail]/All Mail"

// allMail makes it where it is missing.
func (s *Server) allMail() *box {
	for _, b := range s.boxes {
		if b.use == `\All` {
			return b
		}
	}
	return s.create(at(AllMail), `\All`)
}

// shown are the messages that a folder lets be seen.
func (s *Server) shown(b *box) []Message {
	if n := s.P.Newest; n > 0 && n < len(b.messages) && b.use != `\All` {
		return b.messages[len(b.messages)-n:]
	}
	return b.messages
}

func (b *box) bin() bool { return b.use == `\Trash` || b.use == `\Junk` }

// everywhere calls f for each folder a message is in.
func (s *Server) everywhere(id mailsync.ObjectID, f func(b *box, uid mailsync.UID)) {
	for _, b := range s.boxes {
		if i := slices.IndexFunc(b.messages, func(m Message) bool { return m.Object == id }); i >= 0 {
			f(b, b.messages[i].UID)
		}
	}
}

// Label puts a message into another folder as well, and returns its UID there.
// Expunge takes it out of one folder and leaves it in the others.
func (s *Server) Label(folder string, uid mailsync.UID, to string) mailsync.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(folder)
	m := b.messages[b.index(uid)]
	dest := s.create(at(to), "")
	if i := slices.IndexFunc(dest.messages, func(x Message) bool { return x.Object == m.Object }); i >= 0 {
		return dest.messages[i].UID
	}
	return dest.add(m)
}

// Archive takes the last label from a message: it is in the folder of all mail
// alone. It returns its UID there.
func (s *Server) Archive(folder string, uid mailsync.UID) (in mailsync.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _ := s.must(folder).remove(uid)
	s.everywhere(m.Object, func(b *box, uid mailsync.UID) {
		if b.use == `\All` {
			in = uid
		} else {
			b.remove(uid)
		}
	})
	return in
}

// Claim makes the server tell a label of a message whose folder does not show it.
func (s *Server) Claim(folder string, uid mailsync.UID, label string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == nil {
		s.claims = map[mailsync.ObjectID]string{}
	}
	b := s.must(folder)
	s.claims[b.messages[b.index(uid)].Object] = label
}

// named adds what a scan tells of a message besides the rest.
func (s *Server) named(b *box, m *mailsync.Meta, of Message) {
	if s.P.Objects || s.P.Labels {
		m.Object = of.Object
	}
	if !s.P.Labels || s.P.MuteLabels || b.use != `\All` && b.use != `\Flagged` && b.use != `\Important` {
		return
	}
	m.Labels = []string{}
	if l, ok := s.claims[of.Object]; ok {
		m.Labels = append(m.Labels, l)
	}
	s.everywhere(of.Object, func(b *box, _ mailsync.UID) {
		if l := b.label(); l != "" {
			m.Labels = append(m.Labels, l)
		}
	})
}

func (b *box) label() string {
	switch b.use {
	case "":
		if strings.EqualFold(name(b.path), "INBOX") {
			return `\Inbox`
		}
		return name(b.path)
	case `\All`, `\Trash`, `\Junk`:
		return ""
	case `\Flagged`:
		return `\Starred`
	case `\Drafts`:
		return `\Draft`
	}
	return b.use
}
