package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDatesOfServers(t *testing.T) {
	want := time.Date(2019, 2, 3, 3, 5, 6, 0, time.UTC)
	for _, s := range []string{
		"03-Feb-2019 04:05:06 +0100", " 3-Feb-2019 03:05:06 +0000", "3-feb-2019 3:05:06", "03-Feb-19 03:05:06 GMT", "02-Feb-2019 22:05:06 -0500",
	} {
		if got, err := ParseDate(s); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"", "00-Jan-0000 00:00:00 +0000", "30-Feb-2019 00:00:00 +0000", "03-Févr-2019 00:00:00 +0000", "03-Feb-2019", "03-Feb-2019 25:00:00 +0000", "99-Feb-2019 01:02:03 +0000 x"} {
		if got, err := ParseDate(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
	for text, year := range map[string]int{"01-Jan-70 00:00:00 +0000": 1970, "01-Jan-49 00:00:00 +0000": 2049, "01-Jan-103 00:00:00 +0000": 2003} {
		if got, err := ParseDate(text); err != nil || got.Year() != year {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}

// TestAQuickDateIsTheSame: a blank before it sends a date the long way.
func TestAQuickDateIsTheSame(t *testing.T) {
	for _, s := range []string{
		"03-Feb-2019 04:05:06 +0100", "31-dec-1999 23:59:60 -0130", "29-Feb-2024 00:00:00 +0000", "29-Feb-2023 00:00:00 +0000", "00-Jan-2020 00:00:00 +0000",
		"01-Jan-0000 00:00:00 +0000", "01-anF-2020 00:00:00 +0000", "01-Jan-2020 24:00:00 +0000", "01-Jan-2020 00:60:00 +0000", "01-Jan-2020 00:00:61 +0000",
		"01-Jan-2020 00:00:00 +9999", "32-Jan-2020 00:00:00 +0000", "0a-Jan-2020 00:00:00 +0000", "01-Jan-2020 00:00:00 x0000", "01-Jan-20200 0:00:00 +0000",
	} {
		got, err := ParseDate(s)
		if want, e := ParseDate(" " + s); !got.Equal(want) || (err == nil) != (e == nil) {
			t.Errorf("%q: %v %v, the long way %v %v", s, got, err, want, e)
		}
	}
}

func TestDatesAreWrittenInFourDigitsOrNotAtAll(t *testing.T) {
	if got, err := FormatDate(time.Date(2019, 2, 3, 4, 5, 6, 0, time.FixedZone("", 5400))); err != nil || got != `"03-Feb-2019 02:35:06 +0000"` {
		t.Fatal(got, err)
	}
	for _, year := range []int{-1, 0, 10000} {
		if got, err := FormatDate(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
			t.Fatal(got)
		}
	}
}

func TestModifiedUTF7(t *testing.T) {
	for text, raw := range map[string]string{
		"Envoyés": "Envoy&AOk-s", "R&D": "R&-D", "日本語": "&ZeVnLIqe-", "a/b": "a/b", "é&é": "&AOk-&-&AOk-", "😀": "&2D3eAA-", "a\tb": "a&AAk-b", "": "",
	} {
		if got := EncodeUTF7(text); got != raw {
			t.Errorf("%q is written %q", text, got)
		}
		if got, ok := DecodeUTF7(raw); !ok || got != text {
			t.Errorf("%q is read %q", raw, got)
		}
	}
	for _, raw := range []string{"R&D", "&AGEAYg-", "&AOk", "&2D0-", "&!!-", "caf\xc3\xa9", "&AOl-", "&AOkA-"} {
		if got, ok := DecodeUTF7(raw); ok {
			t.Errorf("%q was read as %q", raw, got)
		}
		if Text(raw) == "" {
			t.Errorf("%q has no text", raw)
		}
	}
}

func TestSets(t *testing.T) {
	sets := Sets([]uint32{1, 2, 3, 7, 9, 10, 4294967294, 4294967295})
	if len(sets) != 1 || sets[0].Text != "1:3,7,9:10,4294967294:4294967295" {
		t.Fatal(sets)
	}
	var odd []uint32
	for n := uint32(1); n < 40000; n += 2 {
		odd = append(odd, n)
	}
	var back []uint32
	for _, s := range Sets(odd) {
		if len(s.Text) > 7100 {
			t.Fatal(len(s.Text))
		}
		nums, ok := ParseSet(s.Text, len(s.Nums))
		if !ok || !cmp.Equal(nums, s.Nums) {
			t.Fatal("a set and its numbers differ")
		}
		back = append(back, nums...)
	}
	if !cmp.Equal(back, odd) {
		t.Fatal("numbers were lost")
	}
	if nums, ok := ParseSet("5:3,9", 4); !ok || !cmp.Equal(nums, []uint32{5, 4, 3, 9}) {
		t.Fatal(nums, ok)
	}
	for _, bad := range []string{"", "0", "1:*", "1:5", "x", "1,,2", "1:4294967295", "-1", "4294967296"} {
		if nums, ok := ParseSet(bad, 4); ok {
			t.Errorf("%q is %v", bad, nums)
		}
	}
}

// ranges reads the set that follows the type of a response.
func ranges(line string) (out [][2]uint32, ok bool) {
	r := NewReader(strings.NewReader(line), tight())
	if _, err := r.Next(); err != nil {
		return nil, false
	}
	if set, err := r.Number(); err != nil || !set {
		return nil, false
	}
	err := r.Ranges(func(first, last uint32) error { out = append(out, [2]uint32{first, last}); return nil })
	return out, err == nil && r.Skip() == nil
}

func TestSetsAreReadHoweverLongTheyAre(t *testing.T) {
	var long strings.Builder
	for n := 1; n < 600; n += 2 {
		fmt.Fprintf(&long, "%d,", n)
	}
	for text, want := range map[string]int{"7": 1, "1:3,9,12:10": 3, long.String() + "4294967295": 301} {
		got, ok := ranges("* VANISHED " + text + "\r\n")
		if !ok || len(got) != want || got[len(got)-1][0] > got[len(got)-1][1] {
			t.Errorf("%.40s: %v %v", text, got, ok)
		}
	}
	for _, bad := range []string{"", "x", "0", "1:*", "1,,2", "1:", "1:2:", "4294967296", "7x"} {
		if got, ok := ranges("* VANISHED " + bad + "\r\n"); ok {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

func TestFlagsThatMayBeSent(t *testing.T) {
	for _, f := range []string{`\Seen`, "$Forwarded", "a[b", "NonJunk", "}"} {
		if !ValidFlag(f) {
			t.Error(f)
		}
	}
	for _, f := range []string{"", `\`, "two words", "a)", "a{5}", "a\r\nb", `\*`, `a"`, `a\b`, "caf\xe9", "a]", "%", strings.Repeat("x", 2000)} {
		if ValidFlag(f) {
			t.Errorf("%q", f)
		}
	}
}

func TestResponseCodes(t *testing.T) {
	tests := []struct{ line, code, args, text string }{
		{"[APPENDUID 7 1:3] done", "APPENDUID", "7 1:3", "done"},
		{"[capability IMAP4rev1 X] hi", "CAPABILITY", "IMAP4rev1 X", "hi"},
		{`[PERMANENTFLAGS (a]b \*)] ok`, "PERMANENTFLAGS", `(a]b \*)`, "ok"},
		{`[BADURL "x]\"]y"] no`, "BADURL", `"x]\"]y"`, "no"},
		{"[UNCLOSED is text", "", "", "[UNCLOSED is text"},
		{"[ALERT]", "ALERT", "", ""},
		{"plain {5}", "", "", "plain {5}"},
	}
	for _, tt := range tests {
		r, err := NewReader(strings.NewReader("* OK "+tt.line+"\r\n"), Limits{}).Next()
		if err != nil || r.Code != tt.code || r.Args != tt.args || r.Text != tt.text {
			t.Errorf("%q: %+v %v", tt.line, r, err)
		}
	}
}

func TestAReaderSkipsWhatIsNotRead(t *testing.T) {
	r := NewReader(strings.NewReader("* 1 FETCH (A {4}\r\n)\r\n( B \"x\\\"y\" C (D {2+}\r\n{}))\r\n* 7 EXISTS\nb1 OK\r\n+ go {3}\r\n* SEARCH 1 2\r\n"), Limits{})
	var got []string
	for {
		resp, err := r.Next()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, resp.Tag+" "+resp.Type+" "+resp.Text)
	}
	if diff := cmp.Diff([]string{"* FETCH ", "* EXISTS ", "b1 OK ", "+  go {3}", "* SEARCH "}, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestWhatASourceMaySend(t *testing.T) {
	for _, line := range []string{
		"b1 LIST \"\" *", "b1 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ) (CHANGEDSINCE 5 VANISHED)", "b1 UID FETCH 1 (BODY.PEEK[])",
		"b1 EXAMINE x", "b1 UID SEARCH ALL", "b1 ENABLE QRESYNC", "b1 IDLE",
	} {
		if err := ReadOnly(commandName(line), line); err != nil {
			t.Error(err)
		}
	}
	for _, line := range []string{
		"b1 SELECT INBOX", "b1 UID STORE 1 FLAGS ()", "b1 APPEND x", "b1 UID FETCH 1 (BODY[])", "b1 UID FETCH 1 body[TEXT]", "b1 UID FETCH 1 RFC822",
		"b1 FETCH 1 (BODY.PEEK[])", "b1 UID EXPUNGE 1", "b1 CLOSE", "b1 EXPUNGE", "b1 CREATE x", "b1 uid copy 1 x", "b1 SETMETADATA x ()", "b1", "",
	} {
		if err := ReadOnly(commandName(line), line); !errors.Is(err, ErrForbidden) {
			t.Errorf("%q is admitted", line)
		}
	}
}
