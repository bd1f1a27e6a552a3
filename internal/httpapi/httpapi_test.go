package httpapi_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bascule/internal/httpapi"
	"bascule/internal/retry"
	"bascule/internal/secret"
)

func client(t *testing.T, handler http.HandlerFunc) *httpapi.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := httpapi.New(server.URL+"/api", server.Client().Transport, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *httpapi.Client, secrets ...secret.Value) (*httpapi.Answer, error) {
	t.Helper()
	return c.Do(t.Context(), httpapi.Request{Method: "GET", Path: "things", Secrets: secrets})
}

func TestAddressesOfInterfaces(t *testing.T) {
	tests := map[string]struct {
		base  string
		allow bool
		ok    bool
	}{
		"https anywhere":                      {"https://api.example/v1", false, true},
		"http on this machine":                {"http://127.0.0.1:1080/admin/", false, true},
		"http on this machine, IPv6":          {"http://[::1]:1080/", false, true},
		"http on localhost":                   {"http://localhost/", false, true},
		"http elsewhere is refused":           {"http://api.example/", false, false},
		"http elsewhere by name of plaintext": {"http://api.example/", true, true},
		"a password in it is refused":         {"https://u:hunter22@api.example/", false, false},
		"another scheme is refused":           {"ftp://api.example/", false, false},
		"a query is refused":                  {"https://api.example/?token=hunter22", false, false},
		"no host is refused":                  {"https:///x", false, false},
		"no URL is refused":                   {"https://%zz:hunter22@x", false, false},
		"a host that only looks local":        {"http://127.0.0.1.example/", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := httpapi.New(test.base, http.DefaultTransport, test.allow)
			if (err == nil) != test.ok {
				t.Errorf("New(%q) = %v", test.base, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter22") && strings.Contains(test.base, "@") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestARequestArrivesAsItWasMeant(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		cookie, _ := r.Cookie("session")
		fmt.Fprintf(w, `{"path":%q,"q":%q,"h":%q,"cookie":%q,"type":%q}`,
			r.URL.Path, r.URL.Query().Get("q"), r.Header.Get("X-Token"), cookie.Value, r.Header.Get("Content-Type"))
	})
	a, err := c.Do(t.Context(), httpapi.Request{Method: "POST", Path: "/things", Query: map[string][]string{"q": {"a b"}},
		Header: http.Header{"X-Token": {"t"}}, Cookies: []*http.Cookie{{Name: "session", Value: "a b", Quoted: true}}, Body: map[string]int{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := a.JSON(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"path": "/api/things", "q": "a b", "h": "t", "cookie": "a b", "type": "application/json"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
}

func TestWhatMayGoAwayByItself(t *testing.T) {
	for status, temporary := range map[int]bool{400: false, 401: false, 403: false, 404: false, 408: true, 409: false,
		425: true, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true} {
		c := client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "r-17")
			http.Error(w, "what the server says", status)
		})
		_, err := get(t, c)
		if httpapi.Status(err) != status || retry.IsTemporary(err) != temporary {
			t.Errorf("%d: %v, temporary %v", status, err, retry.IsTemporary(err))
		}
		if !strings.Contains(err.Error(), "what the server says") || !strings.Contains(err.Error(), "r-17") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAnAnswerThatNeverComesIsTemporary(t *testing.T) {
	release := make(chan struct{})
	c := client(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c.Timeout = time.Millisecond
	if _, err := get(t, c); !retry.IsTemporary(err) || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Timeout = time.Minute
	if _, err := c.Do(ctx, httpapi.Request{Method: "GET"}); !errors.Is(err, context.Canceled) || retry.IsTemporary(err) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAConnectionThatBreaksIsTemporary(t *testing.T) {
	c := client(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := get(t, c); !retry.IsTemporary(err) {
		t.Errorf("%v", err)
	}
}

func TestACertificateThatDoesNotVerifyIsPermanent(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = nil
	c, err := httpapi.New(server.URL, &http.Transport{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c); err == nil || retry.IsTemporary(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

func TestAFurtherAuthorityIsTrustedWhereItIsGiven(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	plain := &http.Transport{}
	c, err := httpapi.New(server.URL, httpapi.WithCAs(plain, pool), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c); err != nil {
		t.Error(err)
	}
	if plain.TLSClientConfig != nil && plain.TLSClientConfig.RootCAs != nil {
		t.Error("the transport that was given trusts it too")
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", 1000)))
	})
	c.MaxBody = 999
	if _, err := get(t, c); err == nil || retry.IsTemporary(err) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
	c.MaxBody = 1000
	if _, err := get(t, c); err != nil {
		t.Errorf("%v", err)
	}
}

func TestHTMLAndNonsenseAreErrorsThatShowThem(t *testing.T) {
	for name, body := range map[string]string{"html": "<html><title>Log in</title>", "text": "all is well", "other types": `{"n":"x"}`} {
		c := client(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		a, err := get(t, c)
		if err != nil {
			t.Fatal(err)
		}
		var into struct{ N int }
		if err := a.JSON(&into); err == nil || !strings.Contains(err.Error(), strings.Fields(body)[0]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemoteTextIsHarmlessAndShort(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		fmt.Fprint(w, "\x1b[2Jgone\u202e", strings.Repeat("y", 5000))
	})
	_, err := get(t, c)
	if s := err.Error(); strings.ContainsRune(s, 0x1b) || strings.ContainsRune(s, 0x202e) || len(s) > 1000 {
		t.Errorf("%q", s)
	}
}

func TestAnEchoedSecretIsStruckOut(t *testing.T) {
	password := `p"w&d é`
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"bad password":"p\"w\u0026d é","query":"p%%22w%%26d+%%C3%%A9","plain":%s}`, password)
	})
	_, err := get(t, c, secret.New(password))
	if s := err.Error(); strings.Contains(s, "w&d") || strings.Contains(s, `w\u0026d`) || strings.Contains(s, "w%26d") || strings.Count(s, "(secret)") != 3 {
		t.Errorf("%s", s)
	}
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	var leaked bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	defer other.Close()
	for _, method := range []string{"GET", "POST"} {
		c := client(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		})
		_, err := c.Do(t.Context(), httpapi.Request{Method: method, Header: http.Header{"X-Token": {"t"}}})
		if err == nil || retry.IsTemporary(err) || !strings.Contains(err.Error(), "redirects to "+other.URL) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if leaked {
		t.Error("the other host was asked")
	}
}

func TestAReadFollowsARedirectOnItsHostAndAWriteDoesNot(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/old" {
			http.Redirect(w, r, "/api/new", http.StatusPermanentRedirect)
		}
	})
	if _, err := c.Do(t.Context(), httpapi.Request{Method: "GET", Path: "old"}); err != nil {
		t.Errorf("GET: %v", err)
	}
	if _, err := c.Do(t.Context(), httpapi.Request{Method: "POST", Path: "old"}); httpapi.Status(err) != 308 {
		t.Errorf("POST: %v", err)
	}
}

// TestRetryAfterIsObeyed measures no time: a hint longer than the test lasts
// ends with the context.
func TestRetryAfterIsObeyed(t *testing.T) {
	for name, header := range map[string]http.Header{
		"seconds":  {"Retry-After": {"500"}},
		"a date":   {"Retry-After": {"Sat, 13 Mar 2027 06:10:00 GMT"}, "Date": {"Sat, 13 Mar 2027 06:00:00 GMT"}},
		"for ever": {"Retry-After": {"999999999"}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 10)
			c := client(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range header {
					w.Header()[k] = v
				}
				w.WriteHeader(429)
				asked <- struct{}{}
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-asked; cancel() }()
			err := retry.Policy{Tries: 3, First: time.Nanosecond, Most: time.Nanosecond}.Do(ctx, func(context.Context) error {
				_, err := get(t, c)
				return err
			})
			if !errors.Is(err, context.Canceled) || len(asked) != 0 {
				t.Errorf("asked %d more times: %v", len(asked), err)
			}
		})
	}
}
