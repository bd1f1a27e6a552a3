package httpapi

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bascule/internal/retry"
	"bascule/internal/safetext"
	"bascule/internal/secret"
)

// shown bounds the part of an answer that an error repeats, in characters.
const shown = 300

// Error is an answer that is not what was asked for.
type Error struct {
	// Request is method, host and path, without query.
	Request string
	Status  int
	// Text is what the other side said, harmless to print.
	Text string
	// RequestID is how the provider's support finds it again, if it said.
	RequestID string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: HTTP status %d", e.Request, e.Status)
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.RequestID != "" {
		s += " (request id " + e.RequestID + ")"
	}
	return s
}

// Status returns the HTTP status of an error, 0 if there was no answer.
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// JSON decodes the answer. HTML, which is what proxies and login pages send in
// place of an interface, is an error that shows its beginning.
func (a *Answer) JSON(into any) error {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if strings.HasPrefix(kind, "text/html") || bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<")) {
		return fmt.Errorf("the answer is HTML, not JSON; is this the address of the interface? %w", a.error())
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return fmt.Errorf("the answer is not the JSON expected (%s): %w", Redact(err.Error(), a.secrets), a.error())
	}
	return nil
}

// refusal turns an answer that is not 2xx into an error. 429 and the statuses
// of overload and of proxies may go away; so may 500, but a write may have
// been carried out.
func (a *Answer) refusal() error {
	err := a.error()
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return retry.After(err, retryAfter(a.Header))
	}
	if a.Status/100 == 3 {
		return fmt.Errorf("it redirects to %s; correct the address in the configuration: %w", Text(a.Header.Get("Location"), a.secrets), err)
	}
	return err
}

func (a *Answer) error() *Error {
	e := &Error{Request: a.request, Status: a.Status, Text: Text(string(a.Body), a.secrets)}
	for _, name := range []string{"X-Request-Id", "Request-Id", "X-Correlation-Id", "Cf-Ray"} {
		if id := a.Header.Get(name); id != "" {
			e.RequestID = Text(id, a.secrets)
			break
		}
	}
	return e
}

// longestWait is the most a server may make us wait: it must not be able to
// stop a migration for good.
const longestWait = 10 * time.Minute

// retryAfter reads RFC 9110 §10.2.3: seconds, or a date, which is compared to
// the server's own clock.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestWait)
}

// Text is remote text made fit for an error: short, printable, without the
// secrets of the request.
func Text(s string, secrets []secret.Value) string {
	s = Redact(s, secrets)
	s = strings.Join(strings.Fields(s), " ")
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return safetext.Shorten(safetext.Line(s), shown)
}

// Redact strikes out secrets, as they are, as JSON writes them and as a query
// writes them.
func Redact(s string, secrets []secret.Value) string {
	for _, v := range secrets {
		if v.IsZero() {
			continue
		}
		plain := v.Reveal()
		quoted, _ := json.Marshal(plain)
		for _, form := range []string{plain, strings.Trim(string(quoted), `"`), url.QueryEscape(plain), url.PathEscape(plain)} {
			s = strings.ReplaceAll(s, form, v.String())
		}
	}
	return s
}

func isCertificate(err error) bool {
	var verify *tls.CertificateVerificationError
	return errors.As(err, &verify)
}
