package maildir

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// Folder names become directory names in modified UTF-7 (RFC 3501 §5.1.3), as
// Dovecot and Courier write them. What a directory name cannot hold — the dot,
// which separates, the slash, control characters — is shifted too: no other
// program names a folder so, and ours reads it back.

// shifted is the base64 of modified UTF-7.
func shifted() *base64.Encoding {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
	return base64.NewEncoding(letters).WithPadding(base64.NoPadding)
}

// plain reports whether a character stands for itself.
func plain(r rune) bool { return r >= 0x20 && r < 0x7f && r != '.' && r != '/' && r != '&' }

// encodeName writes one component.
func encodeName(name string) string {
	var out strings.Builder
	var shift []rune
	flush := func() {
		if len(shift) > 0 {
			out.WriteString("&" + shifted().EncodeToString(utf16be(shift)) + "-")
			shift = shift[:0]
		}
	}
	for _, r := range name {
		switch {
		case plain(r):
			flush()
			out.WriteRune(r)
		case r == '&':
			flush()
			out.WriteString("&-")
		default:
			shift = append(shift, r)
		}
	}
	flush()
	return out.String()
}

func utf16be(s []rune) []byte {
	var b []byte
	for _, u := range utf16.Encode(s) {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// decodeName reads one component; what is not modified UTF-7 is taken as it is.
func decodeName(raw string) string {
	var out strings.Builder
	for rest := raw; rest != ""; {
		text, after, found := strings.Cut(rest, "&")
		out.WriteString(text)
		if !found {
			break
		}
		shift, next, closed := strings.Cut(after, "-")
		decoded, ok := decodeShift(shift)
		if !closed || !ok {
			return readable(raw)
		}
		out.WriteString(decoded)
		rest = next
	}
	return readable(out.String())
}

func readable(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func decodeShift(shift string) (string, bool) {
	if shift == "" {
		return "&", true
	}
	b, err := shifted().DecodeString(shift)
	if err != nil || len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units)), true
}

// inbox is the folder that the root directory is.
const inbox = "INBOX"

// dirOf is the directory of a folder, below the root.
func dirOf(path []string) string {
	if len(path) == 1 && strings.EqualFold(path[0], inbox) {
		return "."
	}
	var out strings.Builder
	for _, p := range path {
		out.WriteString("." + encodeName(p))
	}
	return out.String()
}

// pathOf is the folder of a directory.
func pathOf(dir string) []string {
	if dir == "." {
		return []string{inbox}
	}
	parts := strings.Split(strings.TrimPrefix(dir, "."), ".")
	for i, p := range parts {
		parts[i] = decodeName(p)
	}
	return parts
}

// split cuts a file name into what stays with the message and its flags.
func split(file string) (base, letters string) {
	base, info, _ := strings.Cut(file, ":")
	letters, ok := strings.CutPrefix(info, "2,")
	if !ok {
		return base, ""
	}
	// Dovecot and others append further fields after a comma.
	letters, _, _ = strings.Cut(letters, ",")
	return base, letters
}

// field returns a ",K=" field of a base name.
func field(base, key string) (string, bool) {
	for _, part := range strings.Split(base, ",")[1:] {
		if v, ok := strings.CutPrefix(part, key+"="); ok {
			return v, true
		}
	}
	return "", false
}
