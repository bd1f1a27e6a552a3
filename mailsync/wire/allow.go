package wire

import (
	"fmt"
	"strings"
)

// Admission decides whether a command may be sent: its name in upper case
// ("UID FETCH") and the line up to its first literal, tag included.
type Admission func(name, line string) error

// ReadOnly admits what cannot change a mailbox: the allow-list of a source.
func ReadOnly(name, line string) error {
	switch name {
	case "LOGIN", "AUTHENTICATE", "CAPABILITY", "ID", "ENABLE", "NAMESPACE", "LIST", "LSUB", "STATUS",
		"EXAMINE", "UID SEARCH", "NOOP", "IDLE", "NOTIFY", "UNSELECT", "LOGOUT", "STARTTLS":
		return nil
	case "UID FETCH":
		return peekOnly(line)
	}
	return fmt.Errorf("%w: %s on a source", ErrForbidden, name)
}

// peekOnly refuses the FETCH items that set \Seen (RFC 3501 §6.4.5).
func peekOnly(line string) error {
	line = strings.ToUpper(line)
	for _, item := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		if strings.HasPrefix(item, "BODY[") || strings.HasPrefix(item, "BINARY[") || item == "RFC822" || item == "RFC822.TEXT" {
			return fmt.Errorf("%w: FETCH %s marks messages as read", ErrForbidden, item)
		}
	}
	return nil
}

// commandName reads the name out of a command line: "UID" takes the next word
// with it.
func commandName(line string) string {
	f := strings.Fields(line)
	if len(f) < 2 {
		return ""
	}
	name := strings.ToUpper(f[1])
	if name == "UID" && len(f) > 2 {
		name += " " + strings.ToUpper(f[2])
	}
	return name
}
