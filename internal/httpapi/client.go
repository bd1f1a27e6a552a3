package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"bascule/internal/retry"
	"bascule/internal/secret"
)

// Defaults of a Client.
const (
	DefaultMaxBody = 16 << 20
	DefaultTimeout = 60 * time.Second
)

// ErrPlaintext: the interface would be spoken to in clear over a network.
var ErrPlaintext = errors.New("refusing plaintext HTTP to another machine")

// Client is one interface of one host. It is safe for use by several goroutines.
type Client struct {
	// Base ends in a slash; every request stays below it.
	Base *url.URL
	// MaxBody bounds an answer, in octets; Timeout one request from
	// connection to last octet.
	MaxBody int64
	Timeout time.Duration

	http *http.Client
}

// New makes a client. It contacts nobody. Plain "http" is for this machine,
// or where plaintext was allowed by name.
func New(base string, transport http.RoundTripper, allowPlaintext bool) (*Client, error) {
	if transport == nil {
		return nil, errors.New("no HTTP transport given")
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("not a URL") // the parser's error would repeat it, password included
	}
	switch {
	case u.Host == "" || u.Opaque != "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, fmt.Errorf("%q is not an https:// URL", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q carries more than a host and a path; credentials have their own field", u.Redacted())
	case u.Scheme == "http" && !allowPlaintext && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%w (%s): use https://, a tunnel to a loopback address, or allow_plaintext = true", ErrPlaintext, u.Host)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	c := &Client{Base: u, MaxBody: DefaultMaxBody, Timeout: DefaultTimeout}
	c.http = &http.Client{Transport: transport, CheckRedirect: sameHost}
	return c, nil
}

// WithCAs returns a transport that verifies against these authorities, unless
// it has its own or there are none. The given transport stays as it is.
func WithCAs(transport http.RoundTripper, cas *x509.CertPool) http.RoundTripper {
	t, ok := transport.(*http.Transport)
	if !ok || cas == nil || t.TLSClientConfig != nil && t.TLSClientConfig.RootCAs != nil {
		return transport
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.RootCAs = cas
	// A transport that was used before offers HTTP/2 in the configuration that
	// was cloned, but only speaks it when told to.
	t.ForceAttemptHTTP2 = true
	return t
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// maxRedirects is enough for a missing slash and a moved path.
const maxRedirects = 3

// sameHost follows a redirect only where it can do no harm: a read, to the
// same host over the same scheme. Otherwise the redirect itself is the answer.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	reads := first.Method == http.MethodGet || first.Method == http.MethodHead
	if !reads || next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// Request is one call.
type Request struct {
	Method string
	// Path is relative to the base: "domains/example.ch".
	Path    string
	Query   url.Values
	Header  http.Header
	Cookies []*http.Cookie
	// Body is sent as JSON unless nil.
	Body any
	// Secrets are what the request carries; they are struck out of any error.
	Secrets []secret.Value
}

// Answer is what came back with a status of 2xx.
type Answer struct {
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
	Body    []byte

	request string
	secrets []secret.Value
}

// Do sends a request once. An answer that is not 2xx is an *Error. An error of
// the connection is temporary, but the request may have been carried out.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, retry.Temporary(fmt.Errorf("no answer within %s", c.Timeout)))
	defer cancel()
	name := r.Method + " " + c.Base.Host + c.Base.Path + r.Path
	req, err := c.build(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, transportError(ctx, err))
	}
	defer resp.Body.Close()
	body, err := c.read(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: read answer: %w", name, transportError(ctx, err))
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Cookies: resp.Cookies(), Body: body, request: name, secrets: r.Secrets}
	if resp.StatusCode/100 != 2 {
		return nil, a.refusal()
	}
	return a, nil
}

func (c *Client) build(ctx context.Context, r Request) (*http.Request, error) {
	target := *c.Base
	target.Path += strings.TrimPrefix(r.Path, "/")
	target.RawQuery = r.Query.Encode()
	var body io.Reader
	if r.Body != nil {
		data, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), body)
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, cookie := range r.Cookies {
		req.AddCookie(cookie)
	}
	return req, nil
}

// errTooLarge is permanent: the same question has the same answer.
var errTooLarge = errors.New("answer is too large")

func (c *Client) read(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, c.MaxBody+1))
	if err == nil && int64(len(data)) > c.MaxBody {
		err = fmt.Errorf("%w: more than %d octets", errTooLarge, c.MaxBody)
	}
	return data, err
}

// transportError drops the URL that net/http repeats, whose query may hold a
// token, and says what may go away: everything but a certificate that does
// not verify, an absurd answer and a cancelled run.
func transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var notFound *net.DNSError
	if isCertificate(err) || errors.Is(err, errTooLarge) || errors.As(err, &notFound) && notFound.IsNotFound {
		return err
	}
	return retry.Temporary(err)
}
