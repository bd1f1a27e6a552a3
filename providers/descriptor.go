package providers

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"

	"bascule/internal/secret"
	"bascule/migration"
)

// Kind is the block a driver belongs to.
type Kind string

// Kinds of driver.
const (
	KindSource Kind = "source"
	KindTarget Kind = "target"
	KindDNS    Kind = "dns"
)

// FieldType is the type of an attribute in configuration.
type FieldType string

// Field types. Secret takes secret("…") or a sensitive variable, never text.
const (
	String     FieldType = "string"
	Number     FieldType = "number"
	Bool       FieldType = "bool"
	StringList FieldType = "list(string)"
	Secret     FieldType = "secret"
)

// Field is one attribute a driver understands beyond those every block of its
// kind has. String lists reach the driver joined by "\n".
type Field struct {
	Name     string
	Type     FieldType
	Required bool
	// Default is used when the attribute is absent.
	Default string
	Doc     string
	// Example is a value for documentation and skeletons.
	Example string
}

// Descriptor is what configuration and documentation know of a driver.
type Descriptor struct {
	Kind   Kind
	Driver string
	Doc    string
	Fields []Field
	// Credentials lists the strategies a target honours: "password", "keep".
	Credentials []string
	// DeclaresExports is true for a target whose mx, spf and dkim are written
	// in configuration because nobody can be asked (the imap driver).
	DeclaresExports bool
	// Directory is true for a source that is a directory: it has no host, and
	// its mailboxes have no password.
	Directory bool
	// Open makes a provider without contacting anything; nil for drivers that
	// have no interface of their own.
	Open func(Config) (Provider, error)
}

// Config is what a driver is given.
type Config struct {
	Server migration.Server
	// Secret resolves one of Server.Secrets at the moment of use.
	Secret func(ctx context.Context, s migration.Secret) (secret.Value, error)
	// HTTP is the transport for REST interfaces; Dial for everything else.
	HTTP http.RoundTripper
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// CAs holds further trusted authorities; nil means the system's only.
	CAs *x509.CertPool
}

// Catalog is the set of drivers a program knows.
type Catalog []Descriptor

// Find returns the driver of a kind by name.
func (c Catalog) Find(kind Kind, driver string) (Descriptor, bool) {
	for _, d := range c {
		if d.Kind == kind && d.Driver == driver {
			return d, true
		}
	}
	return Descriptor{}, false
}

// Names returns the drivers of a kind, in the order of the catalogue.
func (c Catalog) Names(kind Kind) []string {
	var names []string
	for _, d := range c {
		if d.Kind == kind {
			names = append(names, d.Driver)
		}
	}
	return names
}

// Field returns the field of that name.
func (d Descriptor) Field(name string) (Field, bool) {
	for _, f := range d.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}
