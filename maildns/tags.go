package maildns

import (
	"fmt"
	"strings"
)

// Tags is a tag=value list as DKIM keys and DMARC policies use it (RFC 6376
// §3.2), in the order written.
type Tags []Tag

// Tag is one of them; white space around name and value is gone.
type Tag struct{ Name, Value string }

// Get returns the value of the tag called name.
func (t Tags) Get(name string) (string, bool) {
	for _, tag := range t {
		if tag.Name == name {
			return tag.Value, true
		}
	}
	return "", false
}

// ParseTags reads "v=DKIM1; k=rsa; p=…". A name that stands twice makes the
// whole list invalid (RFC 6376 §3.2).
func ParseTags(text string) (Tags, error) {
	var out Tags
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && r != '_' }) {
			return nil, fmt.Errorf("parse tags: %.40q is not NAME=VALUE", part)
		}
		if _, twice := out.Get(name); twice {
			return nil, fmt.Errorf("parse tags: %q stands there twice", name)
		}
		out = append(out, Tag{name, strings.TrimSpace(value)})
	}
	return out, nil
}
