package planner

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"bascule/internal/diag"
	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

// accepts are the accept blocks in force.
func (in Input) accepts() []migration.Accept {
	return slices.DeleteFunc(slices.Clone(in.Desired.Accepts), func(x migration.Accept) bool {
		return !x.Until.IsZero() && !in.Now.Before(x.Until)
	})
}

// acceptedFor reports whether a person accepted a check for an object by name.
// An accept that names one message or one sender accepts no whole check.
func (in Input) acceptedFor(check string, a migration.Address) bool {
	return slices.ContainsFunc(in.accepts(), func(x migration.Accept) bool {
		if x.Check != check || x.Message != "" || x.Sender != "" {
			return false
		}
		return x.Mailbox == "" && x.Record == "" || x.Mailbox == a || x.Record != "" && in.names(x.Record, a)
	})
}

// names reports whether what a person wrote is an object's address, or the
// name of the domain at that address.
func (in Input) names(written string, a migration.Address) bool {
	d, ok := in.domain(a)
	return written == string(a) || ok && maildns.Name(written) == maildns.Name(d.Name)
}

// givenUp reports whether a step belongs to a mailbox that was accepted as
// dead: nothing of anybody else waits for it.
func (in Input) givenUp(s Step) bool {
	return s.Address.Kind() == "mailbox" && in.acceptedFor("mailbox", s.Address)
}

// AcceptedMessage returns the accept block in force that names a refused
// message of a mailbox.
func AcceptedMessage(in Input, a migration.Address, r state.Refused) (migration.Accept, bool) {
	for _, x := range in.accepts() {
		if x.Check == "messages" && x.Mailbox == a && namesMessage(x.Message, r) {
			return x, true
		}
	}
	return migration.Accept{}, false
}

// namesMessage: by folder, UIDVALIDITY and UID, or by the digest of its octets.
func namesMessage(written string, r state.Refused) bool {
	if digest, ok := strings.CutPrefix(written, "sha256:"); ok {
		return r.Digest != "" && strings.HasPrefix(r.Digest, digest)
	}
	return written != "" && written == r.Name
}

// unaccepted are the refused messages of a mailbox that nobody accepted.
func (in Input) unaccepted(a migration.Address) []state.Refused {
	return slices.DeleteFunc(slices.Clone(in.mailbox(a).Refused), func(r state.Refused) bool {
		_, ok := AcceptedMessage(in, a, r)
		return ok
	})
}

// Settled reports whether a check of an object passed, or all that it found
// was accepted by name: the whole check, or each message that was refused.
func Settled(in Input, a migration.Address, check string, e state.Evidence) bool {
	if e.Verdict == state.Passed || in.acceptedFor(check, a) {
		return true
	}
	refused := e.Counts["refused"]
	return check == "messages" && e.Verdict == state.Failed && refused > 0 && refused == e.Counts["differences"] &&
		int64(len(in.mailbox(a).Refused)) >= refused && len(in.unaccepted(a)) == 0
}

// Unaccepted says, a line a mailbox, where messages were refused that nobody
// accepted.
func Unaccepted(in Input) (lines []string) {
	for _, m := range in.Desired.Mailboxes {
		if n := len(in.unaccepted(m.Address)); n > 0 && !in.acceptedFor("messages", m.Address) && !in.acceptedFor("mailbox", m.Address) {
			lines = append(lines, fmt.Sprintf("%s: the target refused %d messages; bascule plan names them, bascule report --refused saves them", m.Address, n))
		}
	}
	return lines
}

// open counts what the last pass left behind and nobody accepted.
func (in Input) open(a migration.Address) int {
	b := in.mailbox(a)
	return b.Pass.Open - (len(b.Refused) - len(in.unaccepted(a)))
}

// maxNamed bounds the messages or senders that one line of a gate becomes.
const maxNamed = 20

// refusedItems name what keeps verify closed, each with the line that accepts it.
func (in Input) refusedItems(a migration.Address) []string {
	var items []string
	left := in.unaccepted(a)
	for _, r := range left[:min(len(left), maxNamed)] {
		items = append(items, fmt.Sprintf("%s: the target refused %s: %s; to accept it: message = %s", a, r.Name, r.Reason, hclText(r.Name)))
	}
	if more := len(left) - maxNamed; more > 0 {
		items = append(items, fmt.Sprintf("%s: %d more refused messages", a, more))
	}
	return items
}

// hclText writes a text as the configuration wants it.
func hclText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(b.String()) + `"`
}

// acceptedSender reports whether the mail of a sender to a mailbox was
// accepted by name. Those who cannot be named cannot be accepted.
func (in Input) acceptedSender(a migration.Address, sender string) bool {
	return sender != "" && slices.ContainsFunc(in.accepts(), func(x migration.Accept) bool {
		return x.Check == "silence" && (x.Mailbox == "" || x.Mailbox == a) && namesSender(x.Sender, sender)
	})
}

func namesSender(written, sender string) bool {
	return written != "" && (sender == written || written[0] == '@' && strings.HasSuffix(sender, written))
}

// idleAccepts warns of accept blocks that name nothing that is there, with
// what there is: a name with a mistake in it accepts nothing.
func idleAccepts(in Input) (out diag.List) {
	for _, x := range in.accepts() {
		switch {
		case x.Message != "" && in.mailbox(x.Mailbox).Pass != nil:
			refused := in.mailbox(x.Mailbox).Refused
			if !slices.ContainsFunc(refused, func(r state.Refused) bool { return namesMessage(x.Message, r) }) {
				out.Warnf(string(x.Address), "No refused message has this name", "%s names no message that the target refused in %s. %s", hclText(x.Message), x.Mailbox, refusedNames(refused))
			}
		case x.Sender != "" && in.State.Switched():
			out = append(out, idleSender(in, x)...)
		}
	}
	return out
}

func refusedNames(refused []state.Refused) string {
	var names []string
	for _, r := range refused {
		names = append(names, hclText(r.Name))
	}
	return thereIs(names, "Nothing is refused there now: the block can go.", "Refused there: ")
}

func idleSender(in Input, x migration.Accept) (out diag.List) {
	var seen []string
	for _, m := range in.Desired.Mailboxes {
		if x.Mailbox != "" && x.Mailbox != m.Address {
			continue
		}
		for _, s := range in.mailbox(m.Address).Silence.Senders {
			if namesSender(x.Sender, s.Address) {
				return nil
			}
			if s.Address != "" && !slices.Contains(seen, s.Address) {
				seen = append(seen, s.Address)
			}
		}
	}
	out.Warnf(string(x.Address), "Nobody of this name has written", "%s has sent nothing to the old side since the switch. %s", x.Sender,
		thereIs(seen, "Nor has anybody else.", "Those who have: "))
	return out
}

func thereIs(names []string, none, some string) string {
	if len(names) == 0 {
		return none
	}
	text := some + strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "."
}
