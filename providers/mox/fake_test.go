package mox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeMox answers like the admin interface, and misbehaves on demand. What it
// answers was taken down from mox v0.0.15.
type fakeMox struct {
	t  *testing.T
	mu sync.Mutex
	// fault is asked before each call; a handler it returns answers instead.
	fault func(function string) fault
	// calls counts by function; logins makes session tokens.
	calls    map[string]int
	logins   int
	domains  map[string]map[string][]string
	accounts map[string][]string
	password map[string]string
}

// fault says how a call goes wrong: without an effect, or after it.
type fault struct {
	answer http.HandlerFunc
	after  bool
}

func newFake(t *testing.T) (*fakeMox, string) {
	t.Helper()
	f := &fakeMox{t: t, calls: map[string]int{}, fault: func(string) fault { return fault{} },
		domains:  map[string]map[string][]string{"company.example": {}},
		accounts: map[string][]string{"postmaster": {"postmaster@mx.new.example"}}, password: map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL + "/admin/"
}

// fail makes one function go wrong the first n times.
func (f *fakeMox) fail(function string, n int, how fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = func(called string) fault {
		if called != function || n == 0 {
			return fault{}
		}
		n--
		return how
	}
}

func (f *fakeMox) count(function string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[function]
}

func (f *fakeMox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	function := strings.TrimPrefix(r.URL.Path, "/admin/api/")
	f.calls[function]++
	how := f.fault(function)
	if how.answer != nil && !how.after {
		how.answer(w, r)
		return
	}
	var body struct{ Params []any }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Errorf("%s: %v", function, err)
	}
	result, code, message := f.run(w, r, function, body.Params)
	if how.answer != nil {
		how.answer(w, r)
		return
	}
	reply := map[string]any{"result": result}
	if code != "" {
		reply["error"] = map[string]string{"code": code, "message": message}
	}
	_ = json.NewEncoder(w).Encode(reply)
}

func (f *fakeMox) session() string { return fmt.Sprintf("token%d (admin)", f.logins) }

func (f *fakeMox) run(w http.ResponseWriter, r *http.Request, function string, p []any) (result any, code, message string) {
	switch function {
	case "LoginPrep":
		http.SetCookie(w, &http.Cookie{Name: "webadminlogin", Value: "prep"})
		return "prep", "", ""
	case "Login":
		if c, err := r.Cookie("webadminlogin"); err != nil || c.Value != p[0] {
			return nil, "user:error", "missing login token cookie"
		}
		if p[1] != "right" {
			return nil, "user:loginFailed", "invalid credentials"
		}
		f.logins++
		http.SetCookie(w, &http.Cookie{Name: "webadminsession", Value: f.session()})
		return fmt.Sprintf("csrf%d", f.logins), "", ""
	}
	if c, err := r.Cookie("webadminsession"); err != nil || c.Value != f.session() || r.Header.Get("x-mox-csrf") != fmt.Sprintf("csrf%d", f.logins) {
		return nil, "user:badAuth", "unknown session (due to server restart or 10 new admin sessions)"
	}
	return f.call(function, p)
}

func (f *fakeMox) call(function string, p []any) (result any, code, message string) {
	arg := func(i int) string { return p[i].(string) }
	switch function {
	case "Config":
		return f.config(), "", ""
	case "ConfigFiles":
		return []string{"", "", "Hostname: mx.new.example\n# Account: no\nPostmaster:\n\n\tAccount: postmaster\n\tMailbox: Inbox\nListeners:\n\tAccount: no\n", ""}, "", ""
	case "DomainAdd":
		if arg(2) != "postmaster" {
			return nil, "user:error", "account does not exist"
		}
		f.domains[arg(1)] = map[string][]string{}
	case "AccountAdd":
		f.accounts[arg(0)] = []string{arg(1)}
	case "SetPassword":
		f.password[arg(0)] = arg(1)
	case "AddressAdd":
		f.accounts[arg(1)] = append(f.accounts[arg(1)], arg(0))
	case "AddressRemove":
		for name, addresses := range f.accounts {
			f.accounts[name] = slices.DeleteFunc(addresses, func(a string) bool { return a == arg(0) })
		}
	case "AliasAdd":
		var members []string
		for _, m := range p[2].(map[string]any)["Addresses"].([]any) {
			members = append(members, m.(string))
		}
		f.domains[arg(1)][arg(0)] = members
	default:
		f.t.Errorf("unexpected call of %s", function)
	}
	return nil, "", ""
}

func (f *fakeMox) config() any {
	domains, accounts := map[string]any{}, map[string]any{}
	for name, aliases := range f.domains {
		all := map[string]any{}
		for localpart, members := range aliases {
			all[localpart] = map[string]any{"Addresses": members, "PostPublic": true}
		}
		domains[name] = map[string]any{"Disabled": false, "Aliases": all}
	}
	for name, addresses := range f.accounts {
		destinations := map[string]any{}
		for _, a := range addresses {
			destinations[a] = map[string]any{"Mailbox": ""}
		}
		accounts[name] = map[string]any{"Domain": "company.example", "Destinations": destinations}
	}
	return map[string]any{"Domains": domains, "Accounts": accounts}
}
