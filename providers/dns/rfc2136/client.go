package rfc2136

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"bascule/internal/clock"
	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/maildns/zonewriter"
	"bascule/providers"
)

const (
	defaultTimeout = 10 * time.Second
	// fudge is how far the clocks may be apart, in seconds (RFC 8945 §10).
	fudge = 300
)

// Client writes to one primary server. It is safe for concurrent use.
type Client struct {
	// Server is the primary, "host:port".
	Server string
	// KeyName and Algorithm name the TSIG key: "hmac-sha256".
	KeyName, Algorithm string
	// Key returns the shared secret in base64, at the moment of use.
	Key func(ctx context.Context) (secret.Value, error)
	// Dialer opens connections.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeout bounds one exchange; zero means 10 s.
	Timeout time.Duration
}

var (
	_ providers.Provider = (*Client)(nil)
	_ zonewriter.Writer  = (*Client)(nil)
	_ zonewriter.Lister  = (*Client)(nil)
)

// Algorithms are the TSIG algorithms the driver knows (RFC 8945 §6); the weak ones are not among them.
func Algorithms() []string {
	return []string{"hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}
}

// Descriptor is what configuration and documentation know of the driver.
func Descriptor() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindDNS, Driver: "rfc2136",
		Doc: "A name server that takes dynamic updates (RFC 2136) signed with a TSIG key: BIND, Knot, PowerDNS.",
		Fields: []providers.Field{
			{Name: "server", Type: providers.String, Required: true, Doc: "The primary server, host or host:port.", Example: "ns1.example.ch"},
			{Name: "key_name", Type: providers.String, Required: true, Doc: "Name of the TSIG key.", Example: "bascule"},
			{Name: "key_algorithm", Type: providers.String, Default: "hmac-sha256", Doc: "Algorithm of the TSIG key: " + strings.Join(Algorithms(), ", ") + "."},
			{Name: "key", Type: providers.Secret, Required: true, Doc: "The TSIG key itself, in base64.", Example: `secret("env:TSIG_KEY")`},
		},
		Open: open,
	}
}

func open(c providers.Config) (providers.Provider, error) {
	return New(c.Server.Settings, func(ctx context.Context) (secret.Value, error) {
		return c.Secret(ctx, c.Server.Secrets["key"])
	}, c.Dial)
}

// New makes a client from a dns block's settings. It contacts nobody.
func New(settings map[string]string, key func(context.Context) (secret.Value, error), dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*Client, error) {
	c := &Client{Server: settings["server"], KeyName: settings["key_name"], Algorithm: strings.TrimSuffix(strings.ToLower(settings["key_algorithm"]), "."), Key: key, Dialer: dial}
	if c.Algorithm == "" {
		c.Algorithm = "hmac-sha256"
	}
	if !slices.Contains(Algorithms(), c.Algorithm) {
		return nil, fmt.Errorf("open rfc2136: there is no key_algorithm %q; use one of %s", c.Algorithm, strings.Join(Algorithms(), ", "))
	}
	if c.Server == "" || c.KeyName == "" {
		return nil, errors.New("open rfc2136: server and key_name are needed")
	}
	if _, _, err := net.SplitHostPort(c.Server); err != nil {
		c.Server = net.JoinHostPort(strings.Trim(c.Server, "[]"), "53")
	}
	return c, nil
}

// Driver implements providers.Provider.
func (c *Client) Driver() string { return "rfc2136" }

// keyOctets returns the secret after a look at its form, since package dns
// reports a bad one in words nobody understands.
func (c *Client) keyOctets(ctx context.Context) (secret.Value, error) {
	v, err := c.Key(ctx)
	if err != nil {
		return v, err
	}
	if _, err := base64.StdEncoding.DecodeString(v.Reveal()); err != nil {
		return v, fmt.Errorf("%w: the TSIG key %q is not base64; copy the secret of the key statement as it stands", providers.ErrAuth, c.KeyName)
	}
	return v, nil
}

// exchange signs m, sends it over TCP and returns the verified answer of
// whatever rcode. A refusal comes back as an error that says the next move.
func (c *Client) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	key, err := c.keyOctets(ctx)
	if err != nil {
		return nil, err
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nc, err := c.Dialer(ctx, "tcp", c.Server)
	if err != nil {
		return nil, retry.Temporary(fmt.Errorf("connect to %s: %w", c.Server, err))
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	name := dns.CanonicalName(c.KeyName)
	// TSIG compares with the server's clock: the machine's, whatever time the
	// migration lives in.
	m.SetTsig(name, dns.Fqdn(c.Algorithm), fudge, clock.Real{}.Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: timeout, TsigSecret: map[string]string{name: key.Reveal()}}
	in, _, err := client.ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: nc})
	return in, c.judge(in, err)
}

// judge turns a transport error or a failed signature into an error; it looks
// at the answer first, because an answer to a bad signature is unsigned.
func (c *Client) judge(in *dns.Msg, err error) error {
	if in != nil && in.Response {
		if refused := c.refusal(in); refused != nil {
			return refused
		}
	}
	if err != nil {
		if in == nil {
			return retry.Temporary(fmt.Errorf("ask %s: %w", c.Server, err))
		}
		return fmt.Errorf("ask %s: the answer is not signed as it should be: %w", c.Server, err)
	}
	// RFC 8945 §5.4: an unsigned answer to a signed request is nobody's word.
	if in.IsTsig() == nil {
		return fmt.Errorf("ask %s: the answer carries no signature; something between here and the server changes messages, or the server ignores keys", c.Server)
	}
	return nil
}
