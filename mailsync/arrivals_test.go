package mailsync

import (
	"strings"
	"testing"
)

func TestSenderOf(t *testing.T) {
	long := strings.Repeat("a", 260) + "@example.org"
	for name, tt := range map[string]struct{ start, want string }{
		"from, with a name":              {"Subject: x\r\nFrom: \"Ann, of Example\" <Ann@Example.org>\r\n\r\nFrom: no@example.org\r\n", "ann@example.org"},
		"from, folded":                   {"From: Ann\r\n <ann@example.org>\r\n\r\n", "ann@example.org"},
		"several authors":                {"From: a@example.org, b@example.org\r\n\r\n", "a@example.org"},
		"a return path where no from is": {"Return-Path: <bounce@example.org>\r\nSubject: x\r\n\r\n", "bounce@example.org"},
		"from wins over return path":     {"Return-Path: <bounce@example.org>\r\nFrom: a@example.org\r\n\r\n", "a@example.org"},
		"the empty return path":          {"Return-Path: <>\r\n\r\n", ""},
		"from that no grammar allows":    {"From: Ann [at work] <ann@example.org>\r\n\r\n", "ann@example.org"},
		"the first from counts":          {"From: a@example.org\r\nFrom: b@example.org\r\n\r\n", "a@example.org"},
		"only in the text":               {"Subject: x\r\n\r\nFrom: a@example.org\r\n", ""},
		"line ends of unix":              {"From: a@example.org\n\ntext", "a@example.org"},
		"cut in the middle":              {"From: a@exam", "a@exam"},
		"too long to be one":             {"From: " + long + "\r\n\r\n", ""},
		"nothing":                        {"", ""},
		"control characters":             {"From: <a\x1b[31m@example.org>\r\n\r\n", "a\x1b[31m@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := senderOf([]byte(tt.start)); got != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func FuzzSenderOf(f *testing.F) {
	f.Add([]byte("From: Ann <ann@example.org>\r\n\r\n"))
	f.Add([]byte("Return-Path: <>\nFrom: \n a@b\n"))
	f.Fuzz(func(t *testing.T, start []byte) {
		got := senderOf(start)
		if got != "" && (!strings.Contains(got, "@") || len(got) > longestAddress || strings.ContainsAny(got, "<> \r\n")) {
			t.Errorf("%q is no address", got)
		}
	})
}
