package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "(secret)"

// Value is a secret in memory. The zero Value is empty.
type Value struct{ octets string }

// New wraps octets that were obtained elsewhere, for example from a prompt.
func New(octets string) Value { return Value{octets} }

// Reveal returns the octets. Call it at the moment of use only.
func (v Value) Reveal() string { return v.octets }

// IsZero reports whether the value is empty.
func (v Value) IsZero() bool { return v.octets == "" }

// String implements fmt.Stringer without showing the value.
func (Value) String() string { return hidden }

// GoString implements fmt.GoStringer, so that %#v hides it too.
func (Value) GoString() string { return hidden }

// Format implements fmt.Formatter: every verb, %x and %q included, is hidden.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON implements json.Marshaler.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements slog.LogValuer.
func (Value) LogValue() slog.Value { return slog.StringValue(hidden) }
