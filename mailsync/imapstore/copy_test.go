package imapstore

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

// What a server says of a copy is believed as far as it fits together.
func TestACopyIsWhereCOPYUIDSays(t *testing.T) {
	there := func(validity uint32, pairs ...mailsync.UID) mailsync.CopiedWithin {
		out := mailsync.CopiedWithin{UIDValidity: validity, UIDs: map[mailsync.UID]mailsync.UID{}}
		for i := 0; i < len(pairs); i += 2 {
			out.UIDs[pairs[i]] = pairs[i+1]
		}
		return out
	}
	cases := map[string]struct {
		lines []string
		want  mailsync.CopiedWithin
		fails bool
	}{
		"all of it":              {[]string{"%s OK [COPYUID 9 1:2,5 11:12,20] done"}, there(9, 1, 11, 2, 12, 5, 20), false},
		"in an order of its own": {[]string{"%s OK [COPYUID 9 5,1 30,31] done"}, there(9, 5, 30, 1, 31), false},
		"before the end":         {[]string{"* OK [COPYUID 9 1 11] moved", "%s OK done"}, there(9, 1, 11), false},
		"not at all":             {[]string{"%s OK done"}, mailsync.CopiedWithin{}, false},
		"counts that differ":     {[]string{"%s OK [COPYUID 9 1:2 11] done"}, mailsync.CopiedWithin{}, false},
		"numbers that are none":  {[]string{"%s OK [COPYUID nine 1 11] done"}, mailsync.CopiedWithin{}, false},
		"more than there can be": {[]string{"%s OK [COPYUID 9 1:4294967295 1:4294967295] done"}, mailsync.CopiedWithin{}, false},
		"a refusal":              {[]string{"%s NO [TRYCREATE] no such folder"}, mailsync.CopiedWithin{}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg, p := scripted(t, "UIDPLUS", on("UID COPY", c.lines...))
			dst := target(t, cfg)
			if _, err := dst.Select(t.Context(), named("A")); err != nil {
				t.Fatal(err)
			}
			got, err := dst.CopyWithin(t.Context(), []mailsync.UID{5, 1, 2}, named("B"))
			var se *mailsync.ServerError
			if errors.As(err, &se) != c.fails || !c.fails && err != nil {
				t.Fatalf("%v\n%s", err, p.transcript())
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Fatal(d)
			}
		})
	}
}
