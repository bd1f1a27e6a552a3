package mox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"bascule/internal/httpapi"
	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/providers"
)

// session is a login: the cookie and the token every call repeats.
type session struct {
	cookie *http.Cookie
	csrf   string
}

const (
	sessionCookie = "webadminsession"
	loginCookie   = "webadminlogin"
)

// errNoSession: mox does not know the session any more; the call was not
// carried out.
var errNoSession = errors.New("no session")

// call calls a function of the interface and decodes its result, unless into
// is nil. A session that ended is opened again, once.
func (p *Provider) call(ctx context.Context, into any, hide []secret.Value, function string, params ...any) error {
	for again := false; ; again = true {
		s, err := p.open(ctx)
		if err != nil {
			return fmt.Errorf("log in to mox: %w", err)
		}
		_, err = p.post(ctx, s, into, hide, function, params...)
		if errors.Is(err, errNoSession) && !again {
			p.forget(s)
			continue
		}
		if errors.Is(err, errNoSession) {
			return fmt.Errorf("%s: %w: a session was refused right after the login", function, providers.ErrAuth)
		}
		return err
	}
}

// open returns the session, logging in when there is none. Goroutines that
// come meanwhile wait for the one login: mox keeps only ten sessions.
func (p *Provider) open(ctx context.Context) (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != nil {
		return p.session, nil
	}
	password, err := p.password(ctx)
	if err != nil {
		return nil, err
	}
	var token string
	prep, err := p.post(ctx, &session{}, &token, nil, "LoginPrep")
	if err != nil {
		return nil, err
	}
	s := &session{cookie: cookie(prep, loginCookie)}
	answer, err := p.post(ctx, s, &s.csrf, []secret.Value{password}, "Login", token, password.Reveal())
	if err != nil {
		return nil, err
	}
	s.cookie = cookie(answer, sessionCookie)
	if s.cookie == nil || s.csrf == "" {
		return nil, errors.New("mox answered without a session; does a proxy take the cookies away?")
	}
	p.session = s
	return s, nil
}

func (p *Provider) forget(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == s {
		p.session = nil
	}
}

func cookie(a *httpapi.Answer, name string) *http.Cookie {
	for _, c := range a.Cookies {
		if c.Name == name && c.Value != "" {
			return &http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted}
		}
	}
	return nil
}

// post sends one call.
func (p *Provider) post(ctx context.Context, s *session, into any, hide []secret.Value, function string, params ...any) (*httpapi.Answer, error) {
	if params == nil {
		params = []any{}
	}
	request := httpapi.Request{Method: http.MethodPost, Path: "api/" + function, Header: http.Header{},
		Body: map[string]any{"params": params}, Secrets: hide}
	if s.cookie != nil {
		request.Cookies = []*http.Cookie{s.cookie}
	}
	if s.csrf != "" {
		request.Header.Set("X-Mox-Csrf", s.csrf)
	}
	answer, err := p.api.Do(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", function, statusError(err))
	}
	if err := decode(answer, into, hide); err != nil {
		return nil, fmt.Errorf("%s: %w", function, err)
	}
	return answer, nil
}

// statusError adds the meaning to statuses that a proxy or an old mox gives.
func statusError(err error) error {
	switch httpapi.Status(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %w", providers.ErrAuth, err)
	case http.StatusNotFound:
		return fmt.Errorf("no such function here; is admin_url the admin interface of mox v0.0.13 or newer? %w", err)
	}
	return err
}

func decode(answer *httpapi.Answer, into any, hide []secret.Value) error {
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *struct{ Code, Message string }
	}
	if err := answer.JSON(&reply); err != nil {
		return err
	}
	if e := reply.Error; e != nil {
		return meaning(e.Code, httpapi.Text(e.Message, hide))
	}
	if into == nil {
		return nil
	}
	if len(reply.Result) == 0 || string(reply.Result) == "null" {
		return errors.New("the answer holds neither result nor error")
	}
	if err := json.Unmarshal(reply.Result, into); err != nil {
		return fmt.Errorf("the result has another shape than expected: %w", err)
	}
	return nil
}

// meaning maps the codes of mox's webauth and webadmin packages.
func meaning(code, message string) error {
	said := fmt.Errorf("mox says %q (%s)", message, httpapi.Text(code, nil))
	switch {
	case code == "user:noAuth" || code == "user:badAuth":
		return fmt.Errorf("%w: %w", errNoSession, said)
	case code == "user:loginFailed":
		return fmt.Errorf("%w: %w", providers.ErrAuth, said)
	case strings.Contains(message, "too many authentication attempts"):
		return retry.Temporary(said)
	case strings.HasPrefix(code, "user:"):
		return fmt.Errorf("%w: %w", providers.ErrRefused, said)
	case strings.HasPrefix(code, "server:"):
		return retry.Temporary(said)
	}
	return said
}
