package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Modified UTF-7 (RFC 3501 §5.1.3): printable ASCII as it is, "&-" for "&",
// everything else as UTF-16 in a base64 with "," for "/" between "&" and "-".

func mutf7() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
}

// EncodeUTF7 writes a name in modified UTF-7. Octets that are not UTF-8 become
// U+FFFD: names made by us are text.
func EncodeUTF7(s string) string {
	var b strings.Builder
	enc := mutf7()
	for i := 0; i < len(s); {
		if c := s[i]; c >= 0x20 && c <= 0x7e {
			if b.WriteByte(c); c == '&' {
				b.WriteByte('-')
			}
			i++
			continue
		}
		end := i
		for end < len(s) && (s[end] < 0x20 || s[end] > 0x7e) {
			end++
		}
		b.WriteByte('&')
		b.WriteString(enc.EncodeToString(utf16be(s[i:end])))
		b.WriteByte('-')
		i = end
	}
	return b.String()
}

func utf16be(s string) []byte {
	units := utf16.Encode([]rune(s))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// DecodeUTF7 reads modified UTF-7. ok is false where s is not that, strictly:
// raw 8-bit octets, a bare "&", bits left over, what should have been ASCII.
func DecodeUTF7(s string) (text string, ok bool) {
	var b strings.Builder
	enc := mutf7()
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c > 0x7e {
			return "", false
		}
		if c != '&' {
			b.WriteByte(c)
			continue
		}
		n := strings.IndexByte(s[i:], '-')
		if n < 0 {
			return "", false
		}
		if n == 1 {
			b.WriteByte('&')
		} else if !decodeShift(&b, enc, s[i+1:i+n]) {
			return "", false
		}
		i += n
	}
	text = b.String()
	return text, EncodeUTF7(text) == s
}

func decodeShift(b *strings.Builder, enc *base64.Encoding, shift string) bool {
	raw, err := enc.DecodeString(shift)
	if err != nil || len(raw)%2 != 0 {
		return false
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(raw) {
				return false
			}
			if r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1])); r == utf8.RuneError {
				return false
			}
		}
		b.WriteRune(r)
	}
	return true
}

// Text reads a component of a folder name as people meant it: modified UTF-7,
// else UTF-8, else Latin-1. Two names may read the same ("R&D" and "R&-D"):
// only the raw octets identify a folder.
func Text(raw string) string {
	if s, ok := DecodeUTF7(raw); ok {
		return s
	}
	if utf8.ValidString(raw) {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		b.WriteRune(rune(raw[i]))
	}
	return b.String()
}
