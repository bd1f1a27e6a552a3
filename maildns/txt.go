package maildns

import (
	"fmt"
	"strings"
)

// maxString is what one character-string of a TXT record holds (RFC 1035 §3.3).
const maxString = 255

// TXT returns the canonical value for the octets of a TXT record: the octets
// themselves; a quote or backslash behind a backslash, and octets outside
// printable ASCII as \DDD, so that the value survives JSON and terminals.
func TXT(octets string) string {
	var b strings.Builder
	for i := range len(octets) {
		switch c := octets[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TXTOctets returns the octets of a TXT value in any spelling: canonical,
// or one or several quoted strings, which are concatenated (RFC 7208 §3.3,
// RFC 6376 §3.6.2.2: without spaces between them).
func TXTOctets(value string) (string, error) {
	if strings.HasPrefix(value, `"`) {
		return quotedStrings(value)
	}
	var b strings.Builder
	for i := 0; i < len(value); {
		c, n, err := unescape(value[i:])
		if err != nil {
			return "", err
		}
		b.WriteByte(c)
		i += n
	}
	return b.String(), nil
}

// quotedStrings reads "a" "b" … into ab.
func quotedStrings(s string) (string, error) {
	var b strings.Builder
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] != '"' {
			return "", fmt.Errorf("parse text %.40q: text follows a quoted string", s)
		}
		n, err := oneQuoted(s, &b)
		if err != nil {
			return "", err
		}
		s = s[n:]
	}
	return b.String(), nil
}

func oneQuoted(s string, b *strings.Builder) (int, error) {
	for i := 1; i < len(s); {
		if s[i] == '"' {
			return i + 1, nil
		}
		c, n, err := unescape(s[i:])
		if err != nil {
			return 0, err
		}
		b.WriteByte(c)
		i += n
	}
	return 0, fmt.Errorf("parse text %.40q: the quote is not closed", s)
}

// unescape reads one octet, RFC 1035 §5.1: \DDD, \X, or itself.
func unescape(s string) (octet byte, n int, err error) {
	if s[0] != '\\' {
		return s[0], 1, nil
	}
	if len(s) == 1 {
		return 0, 0, fmt.Errorf("parse text: it ends in a single backslash")
	}
	if !isDigit(s[1]) {
		return s[1], 2, nil
	}
	if len(s) < 4 || !isDigit(s[2]) || !isDigit(s[3]) {
		return 0, 0, fmt.Errorf("parse text %.6q: a backslash and a digit need three digits", s)
	}
	v := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	if v > 255 {
		return 0, 0, fmt.Errorf("parse text %.6q: no octet is larger than 255", s)
	}
	return byte(v), 4, nil
}

// Chunks splits octets into character-strings of at most 255 octets. There is
// always at least one.
func Chunks(octets string) []string {
	out := []string{}
	for len(octets) > maxString {
		out = append(out, octets[:maxString])
		octets = octets[maxString:]
	}
	return append(out, octets)
}

// QuoteTXT returns a canonical TXT value as zone file text: quoted strings of
// at most 255 octets each.
func QuoteTXT(value string) string {
	octets, err := TXTOctets(value)
	if err != nil {
		octets = value
	}
	var parts []string
	for _, c := range Chunks(octets) {
		parts = append(parts, `"`+TXT(c)+`"`)
	}
	return strings.Join(parts, " ")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
