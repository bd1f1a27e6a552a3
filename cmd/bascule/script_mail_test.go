package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/smtp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/rogpeppe/go-internal/testscript"
)

// This file is a mail program of its own: it shares no code with the copy
// engine, so that it can judge it.

// account is one mailbox on one server.
type account struct {
	addr, login, password string
	tls                   *tls.Config
}

func (s *scriptWorld) oldMailbox(p string) account {
	return account{s.old.IMAPSAddr, p + "@" + scriptDomain, oldPassword(p), s.ca.ClientTLS("localhost")}
}

func (s *scriptWorld) newMailbox(p string) account {
	return account{s.newIMAP(), p + "@" + scriptDomain, newPassword(p), s.ca.ClientTLS("localhost")}
}

func (a account) open() (*imapclient.Client, error) {
	c, err := imapclient.DialTLS(a.addr, &imapclient.Options{TLSConfig: a.tls})
	if err != nil {
		return nil, err
	}
	if err := c.Login(a.login, a.password).Wait(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// seen is one message as this program sees it.
type seen struct {
	digest string
	date   int64
	flags  string
	uid    imap.UID
}

// box is a whole mailbox: messages by folder.
type box struct {
	validity map[string]uint32
	folders  map[string][]seen
}

// read fetches every octet of a mailbox, read-only.
func (s *scriptWorld) read(a account) (box, error) {
	b := box{map[string]uint32{}, map[string][]seen{}}
	c, err := a.open()
	if err != nil {
		return b, err
	}
	defer c.Close()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return b, err
	}
	for _, l := range list {
		if slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(l.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		if err := b.readFolder(c, l.Mailbox); err != nil {
			return b, fmt.Errorf("%s: %w", l.Mailbox, err)
		}
	}
	return b, nil
}

func (b box) readFolder(c *imapclient.Client, name string) error {
	sel, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	b.validity[name], b.folders[name] = sel.UIDValidity, nil
	if sel.NumMessages == 0 {
		return nil
	}
	all := imap.SeqSet{}
	all.AddRange(1, 0)
	section := &imap.FetchItemBodySection{Peek: true}
	cmd := c.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{section}})
	defer cmd.Close()
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		one, err := readMessage(m)
		if err != nil {
			return err
		}
		b.folders[name] = append(b.folders[name], one)
	}
	if got := len(b.folders[name]); got != int(sel.NumMessages) {
		return fmt.Errorf("%d messages announced, %d read", sel.NumMessages, got)
	}
	return cmd.Close()
}

func readMessage(m *imapclient.FetchMessageData) (seen, error) {
	var one seen
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			one.uid = item.UID
		case imapclient.FetchItemDataInternalDate:
			one.date = item.Time.Unix()
		case imapclient.FetchItemDataFlags:
			one.flags = flagText(item.Flags)
		case imapclient.FetchItemDataBodySection:
			h := sha256.New()
			if _, err := io.Copy(h, item.Literal); err != nil {
				return one, err
			}
			one.digest = hex.EncodeToString(h.Sum(nil))
		}
	}
	if one.digest == "" {
		return one, fmt.Errorf("UID %d came without a body", one.uid)
	}
	return one, nil
}

// flagText leaves out what servers set by themselves.
func flagText(flags []imap.Flag) string {
	var out []string
	for _, f := range flags {
		switch l := strings.ToLower(string(f)); l {
		case `\recent`, "$junk", "$notjunk", "junk", "notjunk":
		default:
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// text is the box as lines, UIDs included: what must not change on the source.
func (b box) text() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(b.folders)) {
		fmt.Fprintf(&out, "%q validity %d\n", name, b.validity[name])
		for _, m := range b.folders[name] {
			fmt.Fprintf(&out, "%q %d %s %d %s\n", name, m.uid, m.digest, m.date, m.flags)
		}
	}
	return out.String()
}

// snapshotOld is the old side as lines. Octets of a UID cannot change
// (RFC 3501 §2.3.1.1), so each is read once; cmdUntouched reads them all again.
func (s *scriptWorld) snapshotOld(ts *testscript.TestScript) string {
	if s.old == nil {
		return ""
	}
	if s.digests == nil {
		s.digests = map[string]string{}
	}
	var out strings.Builder
	for _, p := range scriptPeople() {
		text, err := s.glance(p)
		if err != nil {
			ts.Fatalf("read the old mailbox of %s: %v", p, err)
		}
		out.WriteString(p + "\n" + text)
	}
	return out.String()
}

// glance reads UIDs, flags and dates of an old mailbox, and the octets of
// messages it has not seen before.
func (s *scriptWorld) glance(p string) (string, error) {
	c, err := s.oldMailbox(p).open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return "", err
	}
	b := box{map[string]uint32{}, map[string][]seen{}}
	for _, l := range list {
		if slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(l.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		if err := s.glanceFolder(c, b, p, l.Mailbox); err != nil {
			return "", fmt.Errorf("%s: %w", l.Mailbox, err)
		}
	}
	return b.text(), nil
}

func (s *scriptWorld) glanceFolder(c *imapclient.Client, b box, p, name string) error {
	sel, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	b.validity[name], b.folders[name] = sel.UIDValidity, nil
	if sel.NumMessages == 0 {
		return nil
	}
	all := imap.SeqSet{}
	all.AddRange(1, 0)
	messages, err := c.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true}).Collect()
	if err != nil {
		return err
	}
	var unseen imap.UIDSet
	key := func(uid imap.UID) string { return fmt.Sprintf("%s/%s/%d/%d", p, name, sel.UIDValidity, uid) }
	for _, m := range messages {
		if s.digests[key(m.UID)] == "" {
			unseen.AddNum(m.UID)
		}
	}
	if err := s.digest(c, unseen, key); err != nil {
		return err
	}
	for _, m := range messages {
		b.folders[name] = append(b.folders[name], seen{s.digests[key(m.UID)], m.InternalDate.Unix(), flagText(m.Flags), m.UID})
	}
	return nil
}

// digest reads the octets of the given messages and remembers their digests.
func (s *scriptWorld) digest(c *imapclient.Client, uids imap.UIDSet, key func(imap.UID) string) error {
	if len(uids) == 0 {
		return nil
	}
	cmd := c.Fetch(uids, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	defer cmd.Close()
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		one, err := readMessage(m)
		if err != nil {
			return err
		}
		s.digests[key(one.uid)] = one.digest
	}
	return cmd.Close()
}

// source-untouched reads every octet of the old side again and compares it with what
// was read when each message was first seen.
func (s *scriptWorld) cmdSourceUntouched(ts *testscript.TestScript, _ bool, _ []string) {
	before := s.snapshotOld(ts)
	s.digests = nil
	if after := s.snapshotOld(ts); after != before {
		ts.Fatalf("the source was altered:\n%s", firstDifference(before, after))
	}
}

func digestOf(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }

// judge compares two boxes: every message of old must be in its folder of new
// exactly as often, with its date and flags. It returns what is wrong, and how
// many messages new holds beside.
func judge(old, new box, renamed map[string]string) (wrong []string, extra int) {
	for _, name := range slices.Sorted(maps.Keys(old.folders)) {
		target := name
		if to, ok := renamed[name]; ok {
			target = to
		}
		have := new.folders[target]
		for _, m := range old.folders[name] {
			i := slices.IndexFunc(have, func(x seen) bool { return x.digest == m.digest && x.date == m.date && x.flags == m.flags })
			if i < 0 {
				wrong = append(wrong, fmt.Sprintf("%s UID %d %s: %s", name, m.uid, m.digest[:8], whyNot(m, new.folders[target])+elsewhere(m, new)))
				continue
			}
			have = slices.Delete(slices.Clone(have), i, i+1)
		}
		new.folders[target] = have
	}
	for _, left := range new.folders {
		extra += len(left)
	}
	return wrong, extra
}

func elsewhere(m seen, b box) string {
	for name, list := range b.folders {
		if slices.ContainsFunc(list, func(x seen) bool { return x.digest == m.digest }) {
			return fmt.Sprintf(" (there is one in %q)", name)
		}
	}
	return ""
}

func whyNot(m seen, have []seen) string {
	for _, x := range have {
		if x.digest == m.digest {
			return fmt.Sprintf("date %d flags %q there, %d %q expected", x.date, x.flags, m.date, m.flags)
		}
	}
	return "lost"
}

// compare EXTRA [PERSON…] judges the target: everything of the source is
// there, and EXTRA messages beside.
func (s *scriptWorld) cmdCompare(ts *testscript.TestScript, neg bool, args []string) {
	var want int
	_, err := fmt.Sscan(args[0], &want)
	ts.Check(err)
	var wrong []string
	extra, people := 0, args[1:]
	if len(people) == 0 {
		people = scriptPeople()
	}
	for _, p := range people {
		old, err := s.read(s.oldMailbox(p))
		ts.Check(err)
		new, err := s.read(s.newMailbox(p))
		ts.Check(err)
		w, n := judge(old, new, s.renames())
		for _, item := range w {
			wrong = append(wrong, p+": "+item)
		}
		extra += n
	}
	if extra != want {
		wrong = append(wrong, fmt.Sprintf("%d messages beside, %d expected", extra, want))
	}
	if (len(wrong) > 0) != neg {
		ts.Fatalf("the comparison found %d differences: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
}

// renames is where folders of the old side live on the new one: mox has special
// folders of its own, and wildcards are letters nowhere.
func (s *scriptWorld) renames() map[string]string {
	if s.rules.other != nil {
		return map[string]string{"50% a*b": "50_ a_b"}
	}
	return map[string]string{"Envoyés": "Sent", "Brouillons": "Drafts", "Éléments supprimés": "Trash", "50% a*b": "50_ a_b"}
}

// mail old|new PERSON append|flag|move|delete … is a person at work.
func (s *scriptWorld) cmdMail(ts *testscript.TestScript, _ bool, args []string) {
	a := s.oldMailbox(args[1])
	if args[0] == "new" {
		a = s.newMailbox(args[1])
	}
	c, err := a.open()
	ts.Check(err)
	defer c.Close()
	verb, args := args[2], args[3:]
	if verb == "append" {
		ts.Check(appendMessage(c, args[0], []byte(letter(args[1], args[1])), time.Now(), nil))
		return
	}
	_, err = c.Select(args[0], nil).Wait()
	ts.Check(err)
	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: args[1]}}}, nil).Wait()
	ts.Check(err)
	uids := found.AllUIDs()
	if len(uids) != 1 {
		ts.Fatalf("%d messages in %s have the subject %q", len(uids), args[0], args[1])
	}
	ts.Check(work(c, verb, imap.UIDSetNum(uids[0]), args))
}

func work(c *imapclient.Client, verb string, uid imap.UIDSet, args []string) error {
	switch verb {
	case "flag":
		return c.Store(uid, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.Flag(args[2])}, Silent: true}, nil).Close()
	case "unflag":
		return c.Store(uid, &imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{imap.Flag(args[2])}, Silent: true}, nil).Close()
	case "move":
		_, err := c.Move(uid, args[2]).Wait()
		return err
	case "delete":
		if err := c.Store(uid, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close(); err != nil {
			return err
		}
		return c.UIDExpunge(uid).Close()
	}
	return fmt.Errorf("nobody knows how to %q mail", verb)
}

func appendMessage(c *imapclient.Client, folder string, octets []byte, date time.Time, flags []imap.Flag) error {
	cmd := c.Append(folder, int64(len(octets)), &imap.AppendOptions{Time: date, Flags: flags})
	if _, err := cmd.Write(octets); err != nil {
		return err
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	_, err := cmd.Wait()
	return err
}

func letter(subject, text string) string {
	return "From: Somebody <somebody@world.example>\r\nTo: someone@" + scriptDomain + "\r\nSubject: " + subject +
		"\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@world.example>\r\nDate: Mon, 1 Mar 2027 10:00:00 +0100\r\n\r\n" + text + "\r\n"
}

func sendMail(addr, to, subject string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("world.example"); err != nil {
		return err
	}
	if err := c.Mail(""); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, letter(subject, subject)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// fill gives the three people a past: nested, French and hostile folder names,
// all kinds of flags, duplicates, mail without Message-ID, one message of 30 MB.
func (s *scriptWorld) fill(messages int) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, p := range scriptPeople() {
		c, err := s.oldMailbox(p).open()
		if err != nil {
			s.t.Fatal(err)
		}
		names := fillFolders(p)
		for _, name := range names {
			if name != "INBOX" {
				if err := c.Create(name, nil).Wait(); err != nil {
					s.t.Fatalf("create %q: %v", name, err)
				}
			}
		}
		for n := range messages / 3 {
			if err := appendMessage(c, names[n%len(names)], pastLetter(r, n), pastDate(n), pastFlags(n)); err != nil {
				s.t.Fatalf("append to %q: %v", names[n%len(names)], err)
			}
		}
		if i == 0 {
			s.fillOddities(c)
		}
		_ = c.Close()
	}
}

func fillFolders(p string) []string {
	names := []string{"INBOX", "Envoyés", "Projets/Été 2026/Zürich", "Archives/2024"}
	if p == "alice" {
		names = append(names, "Brouillons", "Éléments supprimés", `R&D "secret"`, "50% a*b", "日本語/フォルダ", "Ünï/co.de")
	}
	return names
}

func pastDate(n int) time.Time {
	return time.Date(2020, 1, 1, 8, 0, 0, 0, time.FixedZone("", 3600)).Add(time.Duration(n) * 37 * time.Hour)
}

func pastFlags(n int) []imap.Flag {
	all := [][]imap.Flag{nil, {imap.FlagSeen}, {imap.FlagSeen, imap.FlagAnswered}, {imap.FlagFlagged}, {imap.FlagSeen, "$Forwarded"}, {"$Label1", imap.FlagSeen}, {"projet-alpha"}}
	return all[n%len(all)]
}

func pastLetter(r *rand.Rand, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: =?utf-8?q?J=C3=A9r=C3=B4me?= <j%d@world.example>\r\nSubject: past %d\r\n", n, n)
	if n%5 != 0 {
		fmt.Fprintf(&b, "Message-ID: <past-%d@world.example>\r\n", n/2)
	}
	fmt.Fprintf(&b, "Date: Tue, 3 Feb 2026 10:00:00 +0000\r\n\r\n")
	for range 1 + r.IntN(40) {
		fmt.Fprintf(&b, "line %d of a letter, with é and ö\r\n", r.IntN(1000))
	}
	return []byte(b.String())
}

// fillOddities are what other tools lose.
func (s *scriptWorld) fillOddities(c *imapclient.Client) {
	same := []byte(letter("three times the same", "twin"))
	big := []byte(letter("thirty megabytes", strings.Repeat(strings.Repeat("x", 70)+"\r\n", 30<<20/72)))
	odd := [][]byte{same, same, same, []byte("\r\n"), []byte("Subject: header only\r\n\r\n"), []byte("no header at all\r\n")}
	if !s.rules.light {
		odd = append(odd, big)
	}
	for _, octets := range odd {
		if err := appendMessage(c, "INBOX", octets, pastDate(99), nil); err != nil {
			s.t.Fatalf("append an oddity: %v", err)
		}
	}
}

// journalMX replays the changes of the MX in a journal as kjournalprint shows
// it, and says how many there were and whether one left no MX.
func journalMX(journal string, mx []string) (changes int, empty bool) {
	have := slices.Clone(mx)
	touched := false
	settle := func() {
		if touched {
			changes++
			empty = empty || len(have) == 0
		}
		touched = false
	}
	adding := false
	for line := range strings.Lines(journal) {
		switch {
		case strings.Contains(line, "Removed"), strings.HasPrefix(line, "-"):
			adding = false
		case strings.Contains(line, "Added"), strings.HasPrefix(line, "+"):
			adding = true
		}
		if strings.HasPrefix(line, ";; ") && strings.Contains(line, "Changes between zone versions") {
			settle()
		}
		f := strings.Fields(line)
		if i := slices.Index(f, "MX"); i > 0 && len(f) > i+2 {
			value := f[i+1] + " " + f[i+2]
			touched = true
			if adding {
				have = append(have, value)
			} else {
				have = slices.DeleteFunc(have, func(v string) bool { return v == value })
			}
		}
	}
	settle()
	return changes, empty
}
