package testservers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bascule/internal/clock"
)

// MoxAdmin is a session with the admin API, for setting scenes. It shares no
// code with the product's own provider, so it can also check it.
type MoxAdmin struct {
	url    string
	client *http.Client
	csrf   string
}

// Admin logs in to the admin API: LoginPrep gives a token (and a cookie that
// proves it was asked for), Login exchanges token and password for the value
// every further call repeats in a header.
func (m *Mox) Admin() *MoxAdmin {
	m.t.Helper()
	admin, err := m.admin()
	if err != nil {
		m.t.Fatalf("log in to mox: %v\n%s", err, m.Log())
	}
	return admin
}

func (m *Mox) admin() (*MoxAdmin, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	admin := &MoxAdmin{url: m.AdminURL, client: &http.Client{Jar: jar}}
	var token string
	if err := admin.Call(&token, "LoginPrep"); err != nil {
		return nil, err
	}
	return admin, admin.Call(&admin.csrf, "Login", token, MoxAdminPassword)
}

// Call runs one function of the API (sherpa: a list of parameters in, a result
// or an error out) and decodes its result into result, unless that is nil.
func (a *MoxAdmin) Call(result any, function string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"params": params})
	if err != nil {
		return err
	}
	text, err := a.post(function, body)
	if err != nil {
		return fmt.Errorf("call %s: %w", function, err)
	}
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Code, Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("call %s: %w: %.200s", function, err, text)
	}
	if answer.Error != nil {
		return fmt.Errorf("call %s: %s: %s", function, answer.Error.Code, answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

func (a *MoxAdmin) post(function string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, a.url+"api/"+function, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if a.csrf != "" {
		request.Header.Set("x-mox-csrf", a.csrf)
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// AddDomain adds a domain owned by the postmaster's account. Its DKIM keys are
// made by mox; the DomainRecords call returns what to publish.
func (m *Mox) AddDomain(domain string) {
	m.t.Helper()
	m.must(m.Admin().Call(nil, "DomainAdd", false, domain, "postmaster", ""))
}

// AddAccount adds an account with one address and a password. The domain must
// exist.
func (m *Mox) AddAccount(account, address, password string) {
	m.t.Helper()
	admin := m.Admin()
	m.must(admin.Call(nil, "AccountAdd", account, address))
	m.must(admin.Call(nil, "SetPassword", account, password))
}

func (m *Mox) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("set up mox: %v\n%s", err, m.Log())
	}
}

// TrustStrangers takes the junk filter off every account there is. Mail from
// an address without reputation, SPF and reverse DNS, which is all a test can
// send, is otherwise refused as soon as an account exists. It edits
// domains.conf, as an administrator would: the admin API has no call for it.
func (m *Mox) TrustStrangers() {
	m.t.Helper()
	file := filepath.Join(filepath.Dir(m.Config), "domains.conf")
	text, err := os.ReadFile(file)
	m.must(err)
	m.must(m.user.write(file, withoutJunkFilter(string(text))))
	// mox reloads when the modification time differs; the clock of file
	// systems is too coarse to tell this write from mox's own just before.
	later := clock.Real{}.Now().Add(2 * time.Second)
	m.must(os.Chtimes(file, later, later))
	m.waitUnfiltered()
}

// moxReload is how often mox looks at its configuration at most; asking more
// often than that runs into its rate limits.
const moxReload = time.Second

func (m *Mox) waitUnfiltered() {
	m.t.Helper()
	admin := m.Admin()
	for range int(readyPatience / moxReload) {
		var config struct {
			Accounts map[string]struct{ JunkFilter *struct{} }
		}
		m.must(admin.Call(&config, "Config"))
		filtered := false
		for _, account := range config.Accounts {
			filtered = filtered || account.JunkFilter != nil
		}
		if !filtered {
			return
		}
		time.Sleep(moxReload)
	}
	m.t.Fatalf("mox did not read its changed domains.conf\n%s", m.Log())
}

// withoutJunkFilter drops the JunkFilter key of every account, with all that
// is indented deeper.
func withoutJunkFilter(text string) string {
	const key = "\t\tJunkFilter:"
	var kept []string
	dropping := false
	for _, line := range strings.Split(text, "\n") {
		if line == key {
			dropping = true
			continue
		}
		dropping = dropping && strings.HasPrefix(line, "\t\t\t")
		if !dropping {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
