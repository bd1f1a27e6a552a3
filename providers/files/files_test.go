package files

import (
	"testing"

	"bascule/migration"
)

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ path, login, want string }{
		{"mail", "alice@example.ch", "/conf/mail/alice@example.ch"},
		{"/srv/mail", "a/b", "/srv/mail/a/b"},
		{"mail", ".", "/conf/mail"},
		{"mail", "../x", ""},
		{"mail", "/etc", ""},
		{"mail", "", ""},
	} {
		got, err := Place("/conf", migration.Server{Address: "source.maildir.old", Settings: map[string]string{"path": c.path}}, c.login)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q in %q: %q, %v", c.login, c.path, got, err)
		}
	}
}
