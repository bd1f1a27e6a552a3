package maildns

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// DKIMKey is a public key record (RFC 6376 §3.6.1).
type DKIMKey struct {
	// Type is "rsa" or "ed25519" (RFC 8463).
	Type string
	// Key is the decoded p= tag; empty when the key was revoked.
	Key  []byte
	Tags Tags
}

// Errors of a DKIM record.
var (
	ErrNotDKIM     = errors.New("not a DKIM key record")
	ErrDKIMRevoked = errors.New("the key is revoked: p= is empty (RFC 6376 §3.6.1)")
)

// ParseDKIM reads the octets of a key record.
func ParseDKIM(octets string) (DKIMKey, error) {
	tags, err := ParseTags(octets)
	if err != nil {
		return DKIMKey{}, fmt.Errorf("parse DKIM key: %w", err)
	}
	// RFC 6376 §3.6.1: v= may be absent; present, it comes first and is DKIM1.
	if v, ok := tags.Get("v"); ok && (v != "DKIM1" || tags[0].Name != "v") {
		return DKIMKey{}, fmt.Errorf("parse DKIM key: %w: it starts %.20q", ErrNotDKIM, octets)
	}
	p, ok := tags.Get("p")
	if !ok {
		return DKIMKey{}, fmt.Errorf("parse DKIM key: %w: it has no p=", ErrNotDKIM)
	}
	key, err := base64.StdEncoding.DecodeString(foldless(p))
	if err != nil {
		return DKIMKey{}, fmt.Errorf("parse DKIM key: p=: %w", err)
	}
	k := DKIMKey{Type: "rsa", Key: key, Tags: tags}
	if t, ok := tags.Get("k"); ok {
		k.Type = strings.ToLower(t)
	}
	if len(key) == 0 {
		return k, ErrDKIMRevoked
	}
	return k, nil
}

// SameDKIM reports whether two key records publish the same key under the same
// terms, whatever their order, white space, splitting and defaults.
func SameDKIM(a, b string) bool {
	x, okX := dkimMeaning(a)
	y, okY := dkimMeaning(b)
	if !okX || !okY || len(x) != len(y) {
		return false
	}
	for name, value := range x {
		if other, ok := y[name]; !ok || other != value {
			return false
		}
	}
	return true
}

// dkimMeaning returns the tags with their defaults left out.
func dkimMeaning(value string) (map[string]string, bool) {
	octets, err := TXTOctets(value)
	if err != nil {
		return nil, false
	}
	k, err := ParseDKIM(octets)
	if err != nil && !errors.Is(err, ErrDKIMRevoked) {
		return nil, false
	}
	defaults := map[string]string{"v": "DKIM1", "k": "rsa", "s": "*", "n": ""}
	out := map[string]string{}
	for _, tag := range k.Tags {
		v := foldless(tag.Value)
		if d, ok := defaults[tag.Name]; tag.Name == "n" || ok && d == v {
			continue
		}
		out[tag.Name] = v
	}
	return out, true
}

// foldless drops the white space that zone editors and splitting put in.
func foldless(s string) string { return strings.Join(strings.Fields(s), "") }

// DKIMName returns the name of a selector's record.
func DKIMName(selector, domain string) string { return Name(selector + "._domainkey." + domain) }
