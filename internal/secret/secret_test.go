package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValueNeverPrints(t *testing.T) {
	v := New("hunter2")
	j, _ := json.Marshal(map[string]any{"p": v, "q": &v})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		j = append(j, fmt.Sprintf(verb, v)...)
		j = append(j, fmt.Sprintf(verb, struct{ V Value }{v})...)
	}
	if strings.Contains(string(j), "hunter2") || strings.Contains(string(j), "68756e74657232") {
		t.Fatalf("the value shows: %s", j)
	}
}

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		`pass show dns/cloudflare`: {"pass", "show", "dns/cloudflare"},
		`a 'b c' "d e" f\ g`:       {"a", "b c", "d e", "f g"},
		`echo "a\"b\n" ''`:         {"echo", `a"b\n`, ""},
		`x $HOME *`:                {"x", "$HOME", "*"},
	} {
		got, err := SplitCommand(line)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
	for _, bad := range []string{"", "  ", "'a", `"a`, `a\`} {
		if _, err := SplitCommand(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestResolver(t *testing.T) {
	r := &Resolver{
		Env:      func(n string) (string, bool) { return map[string]string{"A": "one"}[n], n == "A" },
		ReadFile: func(n string) ([]byte, error) { return map[string][]byte{"p": []byte("two\r\nrest")}[n], missing(n) },
		Values:   map[string]Value{"pw": New("four")},
	}
	for locator, want := range map[string]string{
		"env:A": "one", "file:p": "two", "exec:printf 'three\nmore'": "three", "var:pw": "four",
	} {
		got, err := r.Resolve(context.Background(), locator)
		if err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v", locator, got.Reveal(), err)
		}
	}
	for _, locator := range []string{"env:B", "file:q", "var:x"} {
		if _, err := r.Resolve(context.Background(), locator); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", locator, err)
		}
	}
	if _, err := r.Resolve(context.Background(), "vault:x"); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func missing(n string) error {
	if n == "p" {
		return nil
	}
	return fs.ErrNotExist
}
