package mailsync

import (
	"bytes"
	"strings"
	"testing"
)

func TestWhoWroteAReceivedField(t *testing.T) {
	hosts := []string{"mx.old.example"}
	for value, want := range map[string]bool{
		"from a by mx.old.example with ESMTP id 1; today": true,
		"from a (a [192.0.2.1]) by MX.Old.Example; today": true,
		"by mx.old.example (Postfix, from userid 0) id 1": true,
		"from a by mx.old.example. with ESMTP":            true,
		"from mx.old.example by other.example":            false,
		"from by by mx.other.example":                     false,
		"from by mx.old.example by mx.other.example":      false,
		"from a by other.example for by mx.old.example":   false,
		"from a by": false,
		"":          false,
		"from a by mx.old.example.evil.example with ESMTP x": false,
	} {
		if got := writtenBy(value, hosts); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// FuzzTrace: however a message is cut, its trace is the same, and a copy with
// more on top is its twin.
func FuzzTrace(f *testing.F) {
	f.Add([]byte("Received: from a\r\n\tby mx id 1\r\nMessage-ID: <1>\r\nDate: x\r\nFrom: y\r\n\r\nbody\r\n"), 3)
	f.Add([]byte("\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) {
		hosts := []string{"mx"}
		whole, err := traceOf(hosts, Form{}, false, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r := newTraceReader(hosts, Form{})
		for rest := b; len(rest) > 0; {
			n := min(max(chunk%5000, 1), len(rest))
			_, _ = r.Write(rest[:n])
			rest = rest[n:]
		}
		cut := r.end(false)
		if cut.Key != whole.Key || cut.Line != whole.Line || cut.Print != whole.Print || len(cut.Received) != len(whole.Received) {
			t.Fatalf("cut: %+v, whole %+v", cut, whole)
		}
		if begins := len(b) > 0 && !strings.ContainsAny(string(b[:1]), " \t"); whole.certain() && begins && len(whole.Received) < maxReceived && !bytes.Contains(b, []byte("by new")) {
			more, _ := traceOf(hosts, Form{}, false, bytes.NewReader(append([]byte("Received: by new\r\n"), b...)))
			if !whole.twinOf(more) {
				t.Fatal("a copy that went on is no twin")
			}
		}
	})
}
