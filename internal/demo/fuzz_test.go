package demo

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// Whatever a server says, the mail program ends with an answer or an error.
func FuzzServerWords(f *testing.F) {
	for _, s := range []string{
		"* LIST (\\HasNoChildren) \"/\" \"Envoy&AOk-s\"\r\np1 OK done\r\n",
		"* LIST () NIL {3}\r\na\"b\r\np1 OK done\r\n* 1 EXISTS\r\np2 OK x\r\n* 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE \" 1-Jan-2026 00:00:00 +0000\" BODY[] {5}\r\nhello)\r\np3 OK x\r\n",
		"* LIST () \"/\" A\r\np1 OK x\r\np2 OK x\r\n* 1 FETCH (UID 99999999999 BODY[] {0}\r\n)\r\np3 OK x\r\n",
		"p1 NO {99999999999999999999}\r\n", "* x {70000000}\r\n", "p1 BAD no\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, words string) {
		m := &mua{out: io.Discard, in: bufio.NewReader(strings.NewReader(words))}
		box, err := m.snapshot()
		if err == nil && box == nil {
			t.Error("neither a mailbox nor an error")
		}
		for folder, list := range box {
			for _, s := range list {
				if len(s.Digest) != 64 {
					t.Errorf("%q: digest %q", folder, s.Digest)
				}
			}
		}
	})
}
