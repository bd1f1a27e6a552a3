package demo

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// folder is what a folder holds at first: its share of the messages, and the
// flags they carry in turn.
type folder struct {
	name  string
	share int // in hundredths of the mailbox
	flags []string
}

// mailboxPlan is a mailbox as it was when the world began.
type mailboxPlan struct {
	local   string
	share   int // in hundredths of all messages
	folders []folder
}

// plans are three people with a past: nested folders, French names, every
// kind of flag, keywords.
func plans() []mailboxPlan {
	return []mailboxPlan{
		{"alice", 50, []folder{
			{"INBOX", 30, []string{"", `\Seen`, `\Seen \Answered`, `\Flagged`, `\Seen $Forwarded`}},
			{"Envoyés", 20, []string{`\Seen`}},
			{"Brouillons", 3, []string{`\Seen \Draft`}},
			{"Clients/Société Générale/Réclamations", 12, []string{`\Seen`, `\Seen \Flagged`, `\Seen urgent`}},
			{"Clients/Müller & Fils", 10, []string{`\Seen $Label1`, `\Seen \Answered \Flagged`}},
			{"Archives/2025", 20, []string{`\Seen`, `\Seen NonJunk`}},
			{"Corbeille", 5, []string{`\Seen`, `\Seen \Deleted`}},
		}},
		{"bob", 30, []folder{
			{"INBOX", 40, []string{"", `\Seen`, `\Seen \Answered`}},
			{"Envoyés", 20, []string{`\Seen`}},
			{"Comptabilité/Factures/Février", 20, []string{`\Seen facture`, `\Seen facture \Flagged`}},
			{"À traiter", 15, []string{"", `\Flagged`}},
			{"Indésirables", 5, []string{"", "Junk"}},
		}},
		{"info", 20, []folder{
			{"INBOX", 60, []string{"", `\Seen`, `\Seen \Answered $Forwarded`}},
			{"Réponses types", 20, []string{`\Seen`}},
			{"Envoyés", 20, []string{`\Seen \Answered`}},
		}},
	}
}

// bigMessage is the size of the one large message, in octets of its attachment.
const bigMessage = 2 << 20

// fill gives people their past.
func (w *World) fill(_ context.Context, o Options) error {
	for _, plan := range plans() {
		login := address(plan.local)
		w.book.folder(Old, login, "INBOX")
		for _, f := range plan.folders {
			if err := w.fillFolder(login, f, max(3, o.Messages*plan.share*f.share/10_000)); err != nil {
				return err
			}
		}
	}
	return w.put(address("alice"), "Archives/2025", largeMessage(w.began), w.began.Add(-300*24*time.Hour), `\Seen`)
}

func (w *World) fillFolder(login string, f folder, n int) error {
	if err := w.makeFolder(login, f.name); err != nil {
		return err
	}
	for i := range n {
		date := w.began.Add(-time.Duration(n-i) * 31 * time.Hour).Truncate(time.Second)
		octets := letter(login, f.name, i, date)
		flags := strings.Fields(f.flags[i%len(f.flags)])
		if err := w.put(login, f.name, octets, date, flags...); err != nil {
			return err
		}
		if i == 1 { // and once more: two equal messages are two
			if err := w.put(login, f.name, octets, date, flags...); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeFolder makes a folder and those above it.
func (w *World) makeFolder(login, name string) error {
	if name == "INBOX" {
		return nil
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		path := strings.Join(parts[:i+1], "/")
		if _, there := w.book.expected(Old)[login][path]; there {
			continue
		}
		if err := w.imap[Old].Create(login, path, ""); err != nil {
			return fmt.Errorf("make folder %s of %s: %w", path, login, err)
		}
		w.book.folder(Old, login, path)
	}
	return nil
}

// put stores a message on the old side and notes it.
func (w *World) put(login, folder string, octets []byte, date time.Time, flags ...string) error {
	if err := w.imap[Old].Append(login, folder, string(octets), date, flags...); err != nil {
		return fmt.Errorf("fill %s of %s: %w", folder, login, err)
	}
	w.book.arrive(Old, login, folder, newMessage(octets, date, flags))
	return nil
}

// letter writes the i-th message of a folder. It depends on nothing but its
// arguments. Among them are all the sorts that copying tools stumble over.
func letter(login, folder string, i int, date time.Time) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: =?UTF-8?Q?Ren=C3=A9e_Lef=C3=A8vre?= <renee@sender.example>")
	line("To: %s", login)
	line("Date: %s", date.Format(time.RFC1123Z))
	line("Subject: =?UTF-8?B?%s?=", base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%s, n° %d", folder, i))))
	id := fmt.Sprintf("<%x.%d@sender.example>", folder+login, i)
	switch i % 9 {
	case 3: // without Message-ID, and told apart by its text only
	case 4: // the Message-ID of another message
		line("Message-ID: <repeated@sender.example>")
	default:
		line("Message-ID: %s", id)
	}
	switch i % 9 {
	case 5: // a header and nothing else
		b.WriteString("\r\n")
	case 6: // octets of no declared charset, and no line end at the end
		fmt.Fprintf(&b, "\r\n%s: d\xe9j\xe0 vu, n\xb0 %d", folder, i)
	case 7: // two parts
		line("MIME-Version: 1.0")
		line("Content-Type: multipart/mixed; boundary=b%d", i)
		line("\r\n--b%[1]d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nVoici la pièce n° %[1]d.\r\n--b%[1]d", i)
		line("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--b%d--", noise(uint64(i), 3000), i)
	case 8: // a very long line
		line("\r\n%s", strings.Repeat(fmt.Sprintf("longue ligne %d ", i), 200))
	default:
		line("\r\nBonjour,\r\n\r\n%s, lettre n° %d.\r\n.\r\n-- \r\nRenée", folder, i)
	}
	return []byte(b.String())
}

func largeMessage(began time.Time) []byte {
	head := fmt.Sprintf("From: plans@sender.example\r\nTo: %s\r\nDate: %s\r\nSubject: Plans\r\nMessage-ID: <plans@sender.example>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		address("alice"), began.Add(-300*24*time.Hour).Format(time.RFC1123Z))
	return []byte(head + noise(1, bigMessage*3/4) + "\r\n")
}

// noise is base64 text of n octets that do not compress, in lines.
func noise(seed uint64, n int) string {
	octets := make([]byte, n)
	source := rand.New(rand.NewPCG(seed, 7))
	for i := range octets {
		octets[i] = byte(source.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(octets)
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text)
	return b.String()
}
