package hostile

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Folder is one that somebody has in a mailbox.
type Folder struct {
	// Class says what is particular about it.
	Class string
	// Path holds the components of its name, in UTF-8.
	Path []string
}

// Folders returns names that servers refuse, change or confuse. Where several
// belong together, the class of each says so.
func Folders() []Folder {
	one := func(class, name string) Folder { return Folder{class, []string{name}} }
	out := []Folder{
		one("accents", "Éléments à garder"),
		one("ampersand", "R&D"),
		one("ampersand and hyphen", "A&-B"),
		one("composed (NFC)", "Caf\u00e9"),
		one("decomposed (NFD)", "Cafe\u0301"),
		one("mixed case", "Projets"),
		one("upper case", "PROJETS"),
		one("leading blank", " avant"),
		one("trailing blank", "après "),
		one("two blanks", "deux  blancs"),
		one("only a blank", " "),
		one("percent", "pour%cent"),
		one("asterisk", "ét*ile"),
		one("quotes", `dit "ici"`),
		one("backslash", `contre\oblique`),
		one("quote and backslash", `\"`),
		one("TAB", "tab\tulation"),
		one("line end", "ligne\r\nsuite"),
		one("control character", "contrôle\x01\x1b[2J"),
		one("DEL", "dele\x7fte"),
		one("a dot", "avec.point"),
		one("a slash", "avec/barre"),
		one("begins with a dot", ".caché"),
		one("a tilde", "~alice"),
		one("a hash sign", "#news"),
		one("looks like a literal", "{5}"),
		one("parentheses", "a)(b"),
		one("brackets", "[Gmail]"),
		one("NIL", "NIL"),
		one("two dots", ".."),
		one("HTML", "<b>gras</b>"),
		one("emoji", "📬 Courrier"),
		one("right to left", "דואר"),
		one("bidi override", "facture\u202efdp.exe"),
		one("zero width", "zéro\u200bespace"),
		one("220 octets", strings.Repeat("long", 55)),
		one("220 octets in UTF-8", strings.Repeat("é", 110)),
		one("300 octets", strings.Repeat("longer", 50)),
		one("dovecot-uidlist", "dovecot-uidlist"),
		one("dbox-Mails", "dbox-Mails"),
		one("cyrus.header", "cyrus.header"),
		one("INBOX in another place", "Inbox2"),
		{"a child of INBOX", []string{"INBOX", "Enfant"}},
		{"INBOX below", []string{"Archive", "INBOX"}},
		{"path that climbs", []string{"a", "..", "..", "b"}},
		{"accents at two levels", []string{"Été", "Août & après"}},
	}
	for _, name := range []string{"cur", "new", "tmp"} {
		out = append(out, one("Maildir's "+name, name), Folder{"Maildir's " + name + ", below", []string{"Boîte", name}})
	}
	return append(out, Folder{"20 deep", levels(20)})
}

func levels(n int) []string {
	var path []string
	for i := range n {
		path = append(path, fmt.Sprintf("n%02d", i+1))
	}
	return path
}

// EncodeName returns a folder name in modified UTF-7 (RFC 3501 §5.1.3): what
// goes over the wire, before quoting.
func EncodeName(name string) string {
	var b strings.Builder
	var wide []rune
	flush := func() {
		if len(wide) == 0 {
			return
		}
		var raw []byte
		for _, u := range utf16.Encode(wide) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(raw), "/", ",") + "-")
		wide = nil
	}
	for _, r := range name {
		switch {
		case r < 0x20 || r > 0x7e:
			wide = append(wide, r)
			continue
		case r == '&':
			flush()
			b.WriteString("&-")
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

// DecodeName is the inverse of EncodeName. What is no modified UTF-7 is
// returned as it is.
func DecodeName(raw string) string {
	var b strings.Builder
	for rest := raw; ; {
		before, after, found := strings.Cut(rest, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		coded, tail, closed := strings.Cut(after, "-")
		octets, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(coded, ",", "/"))
		if !closed || err != nil || len(octets)%2 != 0 {
			return raw
		}
		if coded == "" {
			octets = []byte{0, '&'}
		}
		units := make([]uint16, 0, len(octets)/2)
		for i := 0; i < len(octets); i += 2 {
			units = append(units, uint16(octets[i])<<8|uint16(octets[i+1]))
		}
		b.WriteString(string(utf16.Decode(units)))
		rest = tail
	}
}
