package wire

import "strings"

// ValidFlag reports whether a flag may be sent: an atom, or a backslash and an
// atom (RFC 3501 §9). Anything else could end the list and become a command.
func ValidFlag(f string) bool {
	f = strings.TrimPrefix(f, `\`)
	if f == "" || len(f) > 1000 {
		return false
	}
	for i := range len(f) {
		if c := f[i]; c <= 0x20 || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}
