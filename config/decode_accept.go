package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"bascule/migration"
)

func (ev *evaluator) decodeAccept(b *block, k keyed, loc *time.Location) {
	r := ev.reader(b, k, "")
	a := migration.Accept{
		Address: k.addr,
		Check:   r.choice("check", "", acceptChecks(), nil),
		Mailbox: r.object("mailbox", "mailbox"),
		Message: parsed(r, "message", "", messageName),
		Sender:  parsed(r, "sender", "", senderName),
		Record:  r.text("record", ""),
		Reason:  reason(r),
		Until:   parsed(r, "until", time.Time{}, func(s string) (time.Time, error) { return parseDate(s, loc) }),
	}
	// One message or one sender: what stands beside it must mean the same thing.
	if r.good("message") {
		r.belongs("message", "check = \"messages\"", a.Check == "messages" || !r.good("check"))
		r.belongs("message", "mailbox = …: two mailboxes may hold messages of the same name", r.has("mailbox"))
	}
	if r.good("sender") {
		r.belongs("sender", "check = \"silence\"", a.Check == "silence" || !r.good("check"))
	}
	ev.out.Accepts = append(ev.out.Accepts, a)
}

// belongs reports an attribute that means nothing without what it belongs to.
func (r *reader) belongs(name, to string, fine bool) {
	if !fine {
		r.fail(name, "Accepted too narrowly", "%q goes with %s. Write that beside it, or leave %s out.", name, to, name)
	}
}

// messageForms are what plan, verify and the proof call a refused message.
var messageForms = regexp.MustCompile(`^(?:sha256:[0-9a-f]{12,64}|(?s:.+) [1-9][0-9]{0,9}/[1-9][0-9]{0,9})$`)

func messageName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if digest, ok := strings.CutPrefix(strings.ToLower(s), "sha256:"); ok {
		s = "sha256:" + digest
	}
	if len(s) > 2000 || !messageForms.MatchString(s) {
		return "", fmt.Errorf("%q names no message; copy the name from plan or verify: \"INBOX 1700000000/42\", or \"sha256:\" and at least 12 digits of its digest", s)
	}
	return s, nil
}

// senderName is an address, or all addresses of a domain.
func senderName(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(s, "@"); ok {
		_, err := plainAddress("anybody@" + rest)
		return s, err
	}
	return plainAddress(s)
}
