package demo

import (
	"context"
	"fmt"
	"time"
)

// Stage is a moment in people's lives.
type Stage string

// Stages, in the order in which they make sense.
const (
	// Week: the days before; people work on the old side. Before the switch.
	Week Stage = "week"
	// Eve: the evening before, once more. Before the switch.
	Eve Stage = "eve"
	// Late: after the switch, senders that still know the old MX, and programs
	// that still use the old server.
	Late Stage = "late"
	// Work: after the switch and a pull, people work on the new side.
	Work Stage = "work"
)

// Stages lists them in order.
func Stages() []Stage { return []Stage{Week, Eve, Late, Work} }

// act is one thing somebody does. say tells it to the audience.
type act struct {
	say string
	do  func(ctx context.Context, w *World) error
}

func acts(stage Stage) ([]act, error) {
	alice, bob, info := address("alice"), address("bob"), address("info")
	switch stage {
	case Week:
		return []act{
			{"a customer writes to alice, another to bob", sends(byMX, "week", alice, bob)},
			{"somebody writes to contact@, which is an alias of alice and info", sends(byMX, "week-contact", address("contact"))},
			{"alice reads a letter and stars it", flags(Old, alice, "INBOX", 0, `\Seen`, `\Flagged`)},
			{"alice files a letter into a folder she has just made", files(Old, alice, "INBOX", 2, "Projets/Été 2027")},
			{"bob deletes a letter", deletes(Old, bob, "INBOX", 3)},
			{"bob answers one and labels it", flags(Old, bob, "À traiter", 2, `\Seen`, `\Answered`, "facture")},
		}, nil
	case Eve:
		return []act{
			{"two more letters come in", sends(byMX, "eve", info, alice)},
			{"bob writes to alice through his mail program", submits(Old, bob, alice, "eve-submitted")},
			{"info moves a letter to another folder", files(Old, info, "INBOX", 5, "Réponses types")},
			{"alice deletes a draft", deletes(Old, alice, "Brouillons", 2)},
		}, nil
	case Late:
		return []act{
			{"a sender that remembers the old MX writes to alice", sends(byOldMX, "late", alice)},
			{"and another to contact@", sends(byOldMX, "late-contact", address("contact"))},
			{"bob's telephone still files what it sent on the old server", saves(Old, bob, "Envoyés", "late-sent")},
			{"and marks a letter there as read", flags(Old, bob, "INBOX", 0, `\Seen`)},
			{"alice's old computer files a letter on the old side: it is hers, and stays where it is on the new one", files(Old, alice, "INBOX", 6, "Archives/2025")},
		}, nil
	case Work:
		return []act{
			{"alice files the letter that came late", filesLast(New, alice, "INBOX", "Archives/2025")},
			{"a customer writes to alice; the MX leads to the new side", sends(byMX, "work", alice)},
			{"and somebody to contact@, which is an alias here too", sends(byMX, "work-contact", address("contact"))},
			{"info answers bob through the new submission server", submits(New, info, bob, "work-submitted")},
			{"alice reads a letter on the new side", flags(New, alice, "Clients/Müller & Fils", 0, `\Seen`, "done")},
			{"bob deletes a letter on the new side", deletes(New, bob, "Envoyés", 4)},
		}, nil
	}
	return nil, fmt.Errorf("there is no stage %q", stage)
}

// Mutate lets people and senders live through a stage and returns what they
// did, one line each. Week and Eve come before the switch, Late and Work after
// it; Work needs the late mail to have arrived on the new side.
func (w *World) Mutate(ctx context.Context, stage Stage) ([]string, error) {
	list, err := acts(stage)
	if err != nil {
		return nil, err
	}
	if _, after := w.Switched(); after != (stage == Late || stage == Work) {
		return nil, fmt.Errorf("stage %s: the MX points to the %s side", stage, w.receiver())
	}
	var told []string
	for _, a := range list {
		if err := a.do(ctx, w); err != nil {
			return told, fmt.Errorf("stage %s: %s: %w", stage, a.say, err)
		}
		told = append(told, a.say)
	}
	return told, nil
}

// note is a letter that tells itself apart by its name.
func (w *World) note(name, from, to string) []byte {
	now := w.clock.Now()
	return fmt.Appendf(nil, "From: %s\r\nTo: %s\r\nDate: %s\r\nSubject: %s\r\nMessage-ID: <%s.%d@sender.example>\r\n\r\nBonjour,\r\n.une ligne qui commence par un point (%s).\r\n",
		from, to, now.Format(time.RFC1123Z), name, name, now.Unix(), name)
}

// by says how a sender finds the server that receives.
type by func(*World) string

func byMX(w *World) string { return w.MX(w.receiver()) }

func byOldMX(w *World) string { return w.MX(Old) }

func sends(server by, name string, to ...string) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		const from = "customer@sender.example"
		for i, rcpt := range to {
			if err := send(ctx, server(w), from, []string{rcpt}, w.note(fmt.Sprintf("%s-%d", name, i), from, rcpt)); err != nil {
				return err
			}
		}
		return nil
	}
}

func submits(s Side, from, to, name string) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		return w.submit(ctx, s, from, to, w.note(name, from, to))
	}
}

// at opens a folder as its owner, finds the n-th message of the book there and
// does something to it.
func at(s Side, login, folder string, n int, do func(m *mua, uid uint32, w *World, digest string) error) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		digest, err := w.nth(s, login, folder, n)
		if err != nil {
			return err
		}
		m, end, err := w.person(ctx, s, login)
		if err != nil {
			return err
		}
		defer end()
		uid, err := m.find(folder, digest)
		if err != nil {
			return err
		}
		return do(m, uid, w, digest)
	}
}

// person logs in to a side with a mail program.
func (w *World) person(ctx context.Context, s Side, user string) (*mua, func(), error) {
	return login(ctx, w.IMAP(s), w.ca.trust(hostOf(s)), user, w.password(s, user))
}

// nth returns the digest of the n-th message the book has in a folder; -1 is
// the last one.
func (w *World) nth(s Side, login, folder string, n int) (string, error) {
	list := w.book.expected(s)[login][folder]
	if n < 0 {
		n += len(list)
	}
	if n < 0 || n >= len(list) {
		return "", fmt.Errorf("%s of %s has no message %d", folder, login, n)
	}
	return list[n].Digest, nil
}

// find selects a folder and returns the first message with that digest.
func (m *mua) find(folder, digest string) (uint32, error) {
	folders, err := m.folders()
	if err != nil {
		return 0, err
	}
	list, err := m.messages("SELECT", folders[folder])
	if err != nil {
		return 0, err
	}
	for _, s := range list {
		if s.Digest == digest {
			return s.uid, nil
		}
	}
	return 0, fmt.Errorf("%s holds no message %.12s", folder, digest)
}

func flags(s Side, login, folder string, n int, add ...string) func(context.Context, *World) error {
	return at(s, login, folder, n, func(m *mua, uid uint32, w *World, digest string) error {
		if err := m.store(uid, add...); err != nil {
			return err
		}
		return w.book.flag(s, login, folder, digest, add...)
	})
}

func deletes(s Side, login, folder string, n int) func(context.Context, *World) error {
	return at(s, login, folder, n, func(m *mua, uid uint32, w *World, digest string) error {
		if err := m.remove(uid); err != nil {
			return err
		}
		_, err := w.book.remove(s, login, folder, digest)
		return err
	})
}

func files(s Side, login, from string, n int, to string) func(context.Context, *World) error {
	return at(s, login, from, n, func(m *mua, uid uint32, w *World, digest string) error {
		folders, err := m.folders()
		if err != nil {
			return err
		}
		if _, there := folders[to]; !there {
			if err := w.makeFolder(login, to); err != nil {
				return err
			}
			if folders, err = m.folders(); err != nil {
				return err
			}
		}
		if err := m.move(uid, folders[to]); err != nil {
			return err
		}
		return w.book.move(s, login, from, to, digest)
	})
}

func filesLast(s Side, login, from, to string) func(context.Context, *World) error {
	return files(s, login, from, -1, to)
}

// saves stores a message as a mail program does after sending it.
func saves(s Side, login, folder, name string) func(context.Context, *World) error {
	return func(_ context.Context, w *World) error {
		octets, now := w.note(name, login, "customer@sender.example"), w.clock.Now()
		if err := w.imap[s].Append(login, folder, string(octets), now, `\Seen`); err != nil {
			return err
		}
		w.book.arrive(s, login, folder, newMessage(octets, now, []string{`\Seen`}))
		return nil
	}
}
