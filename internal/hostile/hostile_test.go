package hostile

import (
	"strings"
	"testing"
	"time"
)

func TestClassesAndDatesTellMessagesApart(t *testing.T) {
	for name, list := range map[string][]Message{"Messages": Messages(), "Dates": Dates(), "Flags": Flags(), "Keywords": Keywords(), "ManyKeywords": ManyKeywords(30)} {
		classes, dates, bodies := map[string]bool{}, map[time.Time]bool{}, map[string]bool{}
		for _, m := range list {
			if classes[m.Class] || m.Class == "" || strings.ContainsAny(m.Class, "\r\n") {
				t.Errorf("%s: class %q is no name of its own", name, m.Class)
			}
			if dates[m.Date.UTC()] {
				t.Errorf("%s: %q shares its date with another", name, m.Class)
			}
			if name != "Messages" && bodies[m.Body] {
				t.Errorf("%s: %q has the octets of another", name, m.Class)
			}
			classes[m.Class], dates[m.Date.UTC()], bodies[m.Body] = true, true, true
		}
	}
}

func TestMessagesAreAsLargeAsTheySay(t *testing.T) {
	sizes := map[string]int{"nothing at all": 0, "one octet": 1, "a line of 1 MB": 1 << 20, "a header field of 256 kB": 256 << 10}
	for _, m := range Messages() {
		if least, ok := sizes[m.Class]; ok && (len(m.Body) < least || len(m.Body) > least+1000) {
			t.Errorf("%s has %d octets", m.Class, len(m.Body))
		}
		if m.Class == "MIME 1000 deep" && strings.Count(m.Body, "boundary=") != 1000 {
			t.Errorf("%d levels", strings.Count(m.Body, "boundary="))
		}
		if m.Class == "10000 parts" && strings.Count(m.Body, "--p\r\n") != 10000 {
			t.Errorf("%d parts", strings.Count(m.Body, "--p\r\n"))
		}
	}
	if n := len(Large(25 << 20).Body); n < 24<<20 || n > 26<<20 {
		t.Errorf("the large one has %d octets", n)
	}
}

func TestNamesInModifiedUTF7(t *testing.T) {
	// The examples of RFC 3501 §5.1.3 among them.
	for plain, coded := range map[string]string{
		"~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		"R&D":                "R&-D",
		"Envoyés":            "Envoy&AOk-s",
		"A&-B":               "A&--B",
		"tab\tx":             "tab&AAk-x",
		"📬":                  "&2D3c7A-",
		"":                   "",
	} {
		if got := EncodeName(plain); got != coded {
			t.Errorf("EncodeName(%q) = %q, want %q", plain, got, coded)
		}
		if got := DecodeName(coded); got != plain {
			t.Errorf("DecodeName(%q) = %q, want %q", coded, got, plain)
		}
	}
	for _, f := range Folders() {
		for _, name := range f.Path {
			if got := DecodeName(EncodeName(name)); got != name {
				t.Errorf("%s: %q came back as %q", f.Class, name, got)
			}
		}
	}
}
