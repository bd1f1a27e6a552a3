package testservers

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/emersion/go-smtp"
)

// Queued is a message mox would send elsewhere.
type Queued struct {
	ID       int64
	From, To string
	// Text is the message as it would leave, DKIM signature included.
	Text []byte
}

// holdQueue makes mox keep what it would send: no test may send mail to the
// world, and mox would look for MX records in the machine's DNS, on port 53,
// and for servers on port 25. Deliver plays that part.
func (m *Mox) holdQueue() error {
	admin, err := m.admin()
	if err != nil {
		return err
	}
	var rules []struct{ ID int64 }
	if err := admin.Call(&rules, "QueueHoldRuleList"); err != nil || len(rules) > 0 {
		return err
	}
	// A rule that says nothing holds everything.
	none := map[string]string{"ASCII": "", "Unicode": ""}
	return admin.Call(nil, "QueueHoldRuleAdd", map[string]any{
		"ID": 0, "Account": "", "SenderDomain": none, "RecipientDomain": none, "SenderDomainStr": "", "RecipientDomainStr": "",
	})
}

// Queue returns the messages mox would send elsewhere, oldest first. Mail
// submitted for its own domains is among them: like all mail it goes where the
// MX records say.
func (m *Mox) Queue() []Queued {
	m.t.Helper()
	var rows []struct {
		ID                                  int64
		SenderLocalpart, RecipientLocalpart string
		SenderDomainStr, RecipientDomainStr string
	}
	sort := map[string]any{"Field": "Queued", "LastID": 0, "Last": nil, "Asc": true}
	m.must(m.Admin().Call(&rows, "QueueList", queueFilter(), sort))
	var queue []Queued
	for _, row := range rows {
		queue = append(queue, Queued{
			ID:   row.ID,
			From: row.SenderLocalpart + "@" + row.SenderDomainStr,
			To:   row.RecipientLocalpart + "@" + row.RecipientDomainStr,
			Text: m.dump(row.ID),
		})
	}
	return queue
}

// dump returns the text of a queued message, through mox's own command.
func (m *Mox) dump(id int64) []byte {
	m.t.Helper()
	args := []string{"-config", m.Config, "queue", "dump", strconv.FormatInt(id, 10)}
	text, err := m.user.command(command{path: m.binary, args: args, dir: m.Dir}).Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok {
			detail = string(exit.Stderr)
		}
		m.t.Fatalf("dump queued message %d: %v\n%s", id, err, detail)
	}
	return text
}

// Deliver sends every queued message to the SMTP server route names for its
// recipient (the one the MX records of the test's own name server point to,
// say) and takes what was accepted off the queue. It returns how many were
// accepted, and the first refusal.
func (m *Mox) Deliver(route func(recipient string) (addr string, err error)) (int, error) {
	m.t.Helper()
	sent := 0
	var first error
	for _, message := range m.Queue() {
		if err := message.deliver(route); err != nil {
			if first == nil {
				first = fmt.Errorf("deliver to %s: %w", message.To, err)
			}
			continue
		}
		m.drop(message.ID)
		sent++
	}
	return sent, first
}

func (q Queued) deliver(route func(string) (string, error)) error {
	addr, err := route(q.To)
	if err != nil {
		return err
	}
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail(q.From, []string{q.To}, bytes.NewReader(q.Text))
}

func (m *Mox) drop(id int64) {
	m.t.Helper()
	m.must(m.Admin().Call(nil, "QueueDrop", queueFilter(id)))
}

// queueFilter selects messages by ID, all of them without any.
func queueFilter(ids ...int64) map[string]any {
	return map[string]any{"Max": 0, "IDs": ids, "Account": "", "From": "", "To": "", "Hold": nil,
		"Submitted": "", "NextAttempt": "", "Transport": nil}
}
