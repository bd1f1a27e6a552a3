package demo

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// folders lists the folders, names decoded, raw names as values.
func (m *mua) folders() (map[string]string, error) {
	list, err := m.command(`LIST "" "*"`)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range list {
		rest, ok := strings.CutPrefix(r.text, "* LIST (")
		if !ok {
			continue
		}
		attributes, rest, _ := strings.Cut(rest, ") ")
		if strings.Contains(strings.ToLower(attributes), `\noselect`) || strings.Contains(strings.ToLower(attributes), `\nonexistent`) {
			continue
		}
		raw, err := listedName(rest, r.literals)
		if err != nil {
			return nil, fmt.Errorf("LIST: %q: %w", r.text, err)
		}
		name, err := decodeUTF7(raw)
		if err != nil {
			return nil, fmt.Errorf("LIST: %q: %w", raw, err)
		}
		out[name] = raw
	}
	return out, nil
}

// listedName reads the name that follows the delimiter of a LIST response.
func listedName(rest string, literals [][]byte) (string, error) {
	_, name, ok := strings.Cut(rest, " ")
	switch {
	case !ok:
		return "", errors.New("no name")
	case len(literals) > 0:
		return string(literals[0]), nil
	case strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) && len(name) > 1:
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(name[1 : len(name)-1]), nil
	}
	return name, nil
}

// decodeUTF7 decodes a folder name (RFC 3501 §5.1.3).
func decodeUTF7(raw string) (string, error) {
	alphabet := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var b strings.Builder
	for {
		before, rest, shifted := strings.Cut(raw, "&")
		b.WriteString(before)
		if !shifted {
			return b.String(), nil
		}
		coded, after, closed := strings.Cut(rest, "-")
		octets, err := alphabet.DecodeString(coded)
		if !closed || err != nil || len(octets)%2 != 0 {
			return "", errors.New("not modified UTF-7")
		}
		if len(octets) == 0 {
			b.WriteByte('&')
		}
		units := make([]uint16, len(octets)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(octets[2*i:])
		}
		b.WriteString(string(utf16.Decode(units)))
		raw = after
	}
}
