package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"bascule/internal/clock"
	"bascule/internal/safetext"
	"bascule/maildns"
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
// not be asked, which no refusal of the connection or of the sender changes.
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

// ask goes through the recipients in as many conversations as the server wants:
// many end one after some refusals.
func (p Prober) ask(ctx context.Context, server string, recipients []string) []migration.RecipientAnswer {
	var out []migration.RecipientAnswer
	for len(recipients) > 0 {
		answers, err := p.conversation(ctx, server, recipients[:min(len(recipients), perConversation)])
		out = append(out, answers...)
		recipients = recipients[len(answers):]
		if err != nil && len(answers) == 0 {
			return append(out, same(server, recipients, 0, err.Error())...)
		}
	}
	return out
}

// conversation is one SMTP session: EHLO, then MAIL and RCPT for each address,
// QUIT. It returns the answers it got, and why it ended before the last.
// Nothing but the addresses asked about is sent, and they are in the clear.
func (p Prober) conversation(ctx context.Context, server string, recipients []string) ([]migration.RecipientAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := p.Dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(clock.Monotonic().Add(probeTimeout))
	c, err := p.greet(&bounded{Conn: conn, left: maxReplies}, server)
	switch code := replyCode(err); {
	case code == takesNoMail:
		return same(server, recipients, code, words(err)), nil
	case err != nil:
		return nil, because(ctx, err)
	}
	var out []migration.RecipientAnswer
	for _, r := range recipients {
		a, err := transaction(c, server, r)
		if err != nil {
			return out, because(ctx, err)
		}
		out = append(out, a)
	}
	_ = c.Quit()
	return out, nil
}

// takesNoMail is said by a host that takes no mail at all (RFC 7504). Any other
// refusal before RCPT is about us or about the moment, and says nothing of an
// address: an old side that does not like this machine is not a closed one.
const takesNoMail = 521

func (p Prober) greet(conn net.Conn, server string) (*smtp.Client, error) {
	host, _, _ := net.SplitHostPort(server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, err
	}
	return c, c.Hello(p.Hello)
}

// transaction asks about one address. RFC 5321 §4.5.5: the null reverse-path
// can cause no bounce; servers take one recipient with it, since a bounce has
// no more. The error means that the conversation is over.
func transaction(c *smtp.Client, server, recipient string) (migration.RecipientAnswer, error) {
	a := migration.RecipientAnswer{Server: server, Recipient: recipient}
	address, err := onWire(c, recipient)
	if err != nil {
		a.Text = err.Error()
		return a, nil
	}
	if err := c.Mail(""); err != nil {
		return unasked(c, a, fmt.Errorf("MAIL FROM:<>: %w", err))
	}
	err = c.Rcpt(address)
	switch code := replyCode(err); {
	case err == nil:
		a.Code, a.Text = 250, "accepted"
	case code == 0 || code == shutsDown:
		return a, err
	default:
		a.Code, a.Text = code, words(err)
	}
	// What comes of RSET changes nothing of the answer; a connection that is
	// over shows at the next command.
	_ = c.Reset()
	return a, nil
}

// shutsDown may answer any command (RFC 5321 §3.8): the server goes away.
const shutsDown = 421

// unasked is an address that RCPT was never sent for.
func unasked(c *smtp.Client, a migration.RecipientAnswer, err error) (migration.RecipientAnswer, error) {
	if code := replyCode(err); code == 0 || code == shutsDown {
		return a, err
	}
	_ = c.Reset()
	a.Text = safetext.Shorten(err.Error(), maxWords)
	return a, nil
}

// onWire is an address as RCPT takes it: the domain in A-labels, and nothing
// that could end the path or the command.
func onWire(c *smtp.Client, address string) (string, error) {
	i := strings.LastIndexByte(address, '@')
	if i < 1 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' }) {
		return "", fmt.Errorf("%q cannot be asked about: it is no mail address", address)
	}
	local, domain := address[:i], strings.TrimSuffix(maildns.Name(address[i+1:]), ".")
	if strings.ContainsFunc(local, func(r rune) bool { return r > 0x7f }) {
		if ok, _ := c.Extension("SMTPUTF8"); !ok { // RFC 6531 §3.1
			return "", fmt.Errorf("%q cannot be asked about: the server has no SMTPUTF8", address)
		}
	}
	return local + "@" + domain, nil
}

// maxReplies bounds what one conversation reads, and maxWords how many
// characters of a reply are kept.
const (
	maxReplies = 256 << 10
	maxWords   = 500
)

// bounded ends a conversation whose server talks without end.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the server sent more than %d octets of replies", maxReplies)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// because prefers the end of the context to the closed connection it left.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return errors.New(safetext.Shorten(err.Error(), maxWords))
}

// replyCode is the server's own code; 0 where there was no reply.
func replyCode(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

// words are the server's own.
func words(err error) string {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return safetext.Shorten(reply.Msg, maxWords)
	}
	return ""
}

func same(server string, recipients []string, code int, text string) []migration.RecipientAnswer {
	var out []migration.RecipientAnswer
	for _, r := range recipients {
		out = append(out, migration.RecipientAnswer{Server: server, Recipient: r, Code: code, Text: text})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
