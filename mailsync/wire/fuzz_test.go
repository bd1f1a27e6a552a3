package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// tight bounds make the fuzzer meet them.
func tight() Limits {
	return Limits{MaxToken: 200, MaxResponse: 2000, MaxMessage: 500}
}

// known says whether an error is one a reader may end with.
func known(err error) bool {
	var prot *ProtocolError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &prot)
}

func FuzzResponses(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\r\n", "* 12 FETCH (UID 5 FLAGS (\\Seen a]b) INTERNALDATE \" 3-Feb-2019 03:05:06 +0000\" RFC822.SIZE 3 BODY[] {3}\r\nabc MODSEQ (7))\r\n",
		"b1 NO [APPENDUID 1 2:3] x\r\n", "+ go\r\n", "* LIST (\\Sent) \"/\" {3}\r\na\xffb\r\n", "* STATUS x (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\r\n",
		"* NAMESPACE ((\"\" \"/\" \"X\" (\"a\"))) NIL NIL\r\n", "* ID (\"name\" NIL \"x\" {1}\r\ny)\r\n", "* 1 FETCH (BODY[] {9999999999}\r\n", "* 1 FETCH (FLAGS (~{3+}\r\nabc))\n", "* VANISHED (EARLIER) 1:5\r\n",
		"* 1 FETCH (UID 5 X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox \"\\\\Sent\" {3}\r\n&x- \"Muy Importante\"))\r\n", "* 2 FETCH (EMAILID (M6d99ac3275bb4e) UID 2)\r\n", "* 2 FETCH (EMAILID NIL X-GM-LABELS NIL)\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(strings.NewReader(string(data)), tight())
		var m Fetched
		for range 1000 {
			resp, err := r.Next()
			if err == nil {
				err = readAny(r, resp, &m)
			}
			if err != nil {
				if !known(err) {
					t.Fatalf("%v", err)
				}
				return
			}
		}
	})
}

// readAny reads a response as what it says it is.
func readAny(r *Reader, resp *Response, m *Fetched) (err error) {
	switch resp.Type {
	case "FETCH":
		return r.Fetch(m, func(b Body) error {
			if b.Octets > 0 && b.Octets%2 == 0 {
				n, err := io.Copy(io.Discard, b)
				if err == nil && n != b.Octets {
					return errors.New("a body is not as long as announced")
				}
				return err
			}
			return nil
		})
	case "LIST", "LSUB":
		_, err = r.List()
	case "STATUS":
		_, err = r.Status()
	case "NAMESPACE":
		_, err = r.Namespaces()
	case "ID":
		_, err = r.Pairs()
	case "FLAGS":
		_, err = r.Flags(nil)
	}
	return err
}

func FuzzList(f *testing.F) {
	f.Add([]byte(`(\HasNoChildren \Sent) "/" "a\"b"`))
	f.Add([]byte("() NIL {4}\r\na\xffb "))
	f.Add([]byte(`(\Noselect) "\\" R&D (CHILDINFO ("SUBSCRIBED"))`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(strings.NewReader("* LIST "+string(data)+"\r\n"), tight())
		if _, err := r.Next(); err != nil {
			return
		}
		l, err := r.List()
		if err != nil && !known(err) {
			t.Fatal(err)
		}
		if len(l.Name) > 500 {
			t.Fatalf("a name of %d octets", len(l.Name))
		}
	})
}

// FuzzUTF7: what decodes is written back as it was, and text survives.
func FuzzUTF7(f *testing.F) {
	for _, s := range []string{"Envoy&AOk-s", "R&-D", "&ZeVnLIqe-", "&2D3eAA-", "&AGEAYg-", "&", "\xff", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if text, ok := DecodeUTF7(s); ok && EncodeUTF7(text) != s {
			t.Fatalf("%q became %q", s, EncodeUTF7(text))
		}
		raw := EncodeUTF7(s)
		back, ok := DecodeUTF7(raw)
		if !ok || back != strings.ToValidUTF8(s, "\uFFFD") && back != string([]rune(s)) {
			t.Fatalf("%q became %q", s, back)
		}
		_ = Text(s)
	})
}

func FuzzDate(f *testing.F) {
	f.Add("03-Feb-2019 04:05:06 +0100")
	f.Add(" 3-Feb-19 4:05:06 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			return
		}
		text, err := FormatDate(d)
		if err != nil {
			return // the zone moved it out of the years that can be written
		}
		again, err := ParseDate(strings.Trim(text, `"`))
		if err != nil || !again.Equal(d) {
			t.Fatalf("%q is %v, written %s, read %v %v", s, d, text, again, err)
		}
	})
}

// FuzzSet: what is parsed and what is written agree.
func FuzzSet(f *testing.F) {
	f.Add("1:3,9,7:5")
	f.Fuzz(func(t *testing.T, s string) {
		if nums, ok := ParseSet(s, 1000); ok && len(nums) > 1000 {
			t.Fatal("more than allowed")
		}
		read, ok := ranges("* VANISHED " + s + "\r\n")
		nums, parsed := ParseSet(s, 1000)
		if !ok || !parsed {
			return
		}
		n := 0
		for _, r := range read {
			n += int(r[1]-r[0]) + 1
		}
		if n != len(nums) {
			t.Fatalf("%q holds %d numbers, read as %v", s, len(nums), read)
		}
	})
}
