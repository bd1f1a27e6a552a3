package observe

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"bascule/internal/clock"
	"bascule/migration"
)

// probeTimeout bounds one conversation: servers that greylist or tarpit take
// their time (RFC 5321 §4.5.3.2 asks for minutes, but nothing is delivered here).
const probeTimeout = 60 * time.Second

// perConversation keeps below the limits on recipients that servers set
// (RFC 5321 §4.5.3.1.8: at least 100).
const perConversation = 50

// Prober asks mail servers whether they accept addresses. No message is ever sent.
type Prober struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Hello is the name given in EHLO.
	Hello string
}

// Recipients asks with MAIL FROM:<> and RCPT TO, and never DATA. There is one
// answer per server asked and recipient; code 0 means that the server could
// not be asked.
func (p Prober) Recipients(ctx context.Context, q migration.RecipientQuery) []migration.RecipientAnswer {
	hosts := make([]string, 0, len(q.Hosts))
	for _, h := range q.Hosts {
		hosts = append(hosts, net.JoinHostPort(strings.TrimSuffix(h, "."), "25"))
	}
	if q.Endpoint != "" {
		hosts = []string{q.Endpoint}
	}
	var all []migration.RecipientAnswer
	for _, h := range hosts {
		answers := p.ask(ctx, h, q.Recipients)
		all = append(all, answers...)
		if !q.All && !slices.ContainsFunc(answers, func(a migration.RecipientAnswer) bool { return a.Code == 0 }) {
			return answers
		}
	}
	return all
}

func (p Prober) ask(ctx context.Context, server string, recipients []string) []migration.RecipientAnswer {
	var out []migration.RecipientAnswer
	for group := range slices.Chunk(recipients, perConversation) {
		out = append(out, p.conversation(ctx, server, group)...)
	}
	return out
}

// conversation is one SMTP session: EHLO, MAIL, RCPT for each address, QUIT.
// Nothing but the addresses asked about is sent, and they are in the clear.
func (p Prober) conversation(ctx context.Context, server string, recipients []string) []migration.RecipientAnswer {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := p.Dial(ctx, "tcp", server)
	if err != nil {
		return unanswered(server, recipients, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(clock.Monotonic().Add(probeTimeout))
	host, _, _ := net.SplitHostPort(server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return answered(server, recipients, err)
	}
	defer c.Close()
	if err := c.Hello(p.Hello); err != nil {
		return answered(server, recipients, err)
	}
	var out []migration.RecipientAnswer
	for _, r := range recipients {
		out = append(out, answered(server, []string{r}, transaction(c, r))...)
	}
	_ = c.Quit()
	return out
}

// transaction asks about one address. RFC 5321 §4.5.5: the null reverse-path
// can cause no bounce; servers take one recipient with it, since a bounce has
// no more.
func transaction(c *smtp.Client, recipient string) error {
	if err := c.Mail(""); err != nil {
		return err
	}
	if err := c.Rcpt(recipient); err != nil {
		_ = c.Reset()
		return err
	}
	return c.Reset()
}

// answered turns the reply to a command into answers: 250, the server's own
// code, or 0 where the conversation broke.
func answered(server string, recipients []string, err error) []migration.RecipientAnswer {
	var reply *textproto.Error
	switch {
	case err == nil:
		return same(server, recipients, 250, "accepted")
	case errors.As(err, &reply):
		return same(server, recipients, reply.Code, reply.Msg)
	}
	return unanswered(server, recipients, err)
}

func unanswered(server string, recipients []string, err error) []migration.RecipientAnswer {
	return same(server, recipients, 0, err.Error())
}

func same(server string, recipients []string, code int, text string) []migration.RecipientAnswer {
	var out []migration.RecipientAnswer
	for _, r := range recipients {
		out = append(out, migration.RecipientAnswer{Server: server, Recipient: r, Code: code, Text: text})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
