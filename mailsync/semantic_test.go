package mailsync

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func plainOf(t testing.TB, f Form, b []byte, chunk int) Digest {
	t.Helper()
	h := f.NewHasher()
	for rest := b; len(rest) > 0; {
		n := min(max(chunk, 1), len(rest))
		if _, err := h.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	return h.Print().Plain
}

const letter = `Message-ID: <1@a>
Date: Mon, 4 Jan 2027 09:00:00 +0100
From: "Anna B." <Anna@example.ch>
Subject: =?utf-8?q?Caf=C3=A9_au_lait?=
Content-Type: multipart/mixed; boundary=one

not seen
--one
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüezi = miteinander
second line
--one
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAECAwQ=
--one--
`

// rendered is the same said otherwise: other boundaries, encodings, folding,
// zone, fields and order.
const rendered = `X-Server: anew
From: anna@example.ch
Subject: Caf` + "\xc3\xa9" + `
 au lait
Message-ID:
 <1@a>
Content-Type: multipart/mixed;
	boundary="another one"
Date: Mon, 04 Jan 2027 08:00:00 GMT

--another one
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Gr=C3=BCezi =3D mitei=
nander  
second line

--another one
Content-Transfer-Encoding: BASE64
Content-Type: application/octet-stream

AAEC
AwQ=
--another one--
nobody reads this
`

func TestTheSameSaidOtherwiseIsTheSame(t *testing.T) {
	f := Form{Semantic: true}
	want := plainOf(t, f, []byte(crlf(letter)), 1000)
	if got := plainOf(t, f, []byte(rendered), 7); got != want {
		t.Fatalf("%s, rendered anew %s", want, got)
	}
	for name, change := range map[string][2]string{
		"another Message-ID":   {"<1@a>", "<2@a>"},
		"another date":         {"09:00:00", "09:00:01"},
		"another sender":       {"Anna@", "Hanna@"},
		"another subject":      {"Caf=C3", "Caff=C3"},
		"another text":         {"second", "Second"},
		"another attachment":   {"AAECAwQ=", "AAECAwU="},
		"a part less":          {"--one\nContent-Type: application", "Content-Type: application"},
		"a part more":          {"--one--", "--one\n\nmore\n--one--"},
		"an empty part more":   {"--one--", "--one\n\n--one--"},
		"a boundary not there": {"boundary=one", "boundary=two"},
	} {
		if changed := strings.Replace(letter, change[0], change[1], 1); changed == letter || plainOf(t, f, []byte(crlf(changed)), 1000) == want {
			t.Errorf("%s is not seen", name)
		}
	}
}

func TestBrokenStructureCountsAsItIsWritten(t *testing.T) {
	f := Form{Semantic: true}
	deep := func(text string) string {
		var b strings.Builder
		for n := range maxDepth + 5 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", n, n)
		}
		return b.String() + "\n" + text
	}
	many := func(text string) string {
		return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", maxParts+5) + "--b\n\n" + text + "\n--b--\n"
	}
	for name, of := range map[string]func(string) string{
		"no part at all":         func(s string) string { return "Content-Type: multipart/mixed; boundary=b\n\n" + s },
		"a part that never ends": func(s string) string { return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + s },
		"no header":              func(s string) string { return s },
		"no end of the header":   func(s string) string { return "From: a@b\n" + s + "\n\nx" },
		"a message in a message": func(s string) string {
			return "Content-Type: message/rfc822\n\nSubject: " + s + "\n\nx"
		},
		"a text in a message in a message": func(s string) string {
			return "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\n" + s
		},
		"an outer boundary ends the inner part": func(s string) string {
			return "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--a\n\n" + s + "\n--a--\n"
		},
		"an unknown encoding": func(s string) string { return "Content-Transfer-Encoding: x-uuencode\n\n" + s },
		"too deep":            deep,
		"too many":            many,
	} {
		a, b := plainOf(t, f, []byte(of("this")), 1<<20), plainOf(t, f, []byte(of("that")), 1<<20)
		if a == b {
			t.Errorf("%s: two messages look alike", name)
		}
	}
}

func TestNormalForms(t *testing.T) {
	cases := map[string]struct {
		form   Form
		a, b   string
		differ bool
	}{
		"line ends and NUL":                  {Form{TrimEnd: true}, "A: b\r\n\r\nx\x00\r\r\ny\n", "A: b\n\nx\x80\ny", false},
		"a final line end":                   {Form{TrimEnd: true}, "A: b\r\n\r\nx", "A: b\r\n\r\nx\r\n", false},
		"a line in the middle":               {Form{TrimEnd: true}, "A: b\r\n\r\nx\r\n\r\ny", "A: b\r\n\r\nx\r\ny", true},
		"a NUL that is dropped":              {Form{DropNUL: true}, "A: b\r\n\r\nx\x00y\r\n", "A: b\r\n\r\nxy\r\n", false},
		"a field that was added":             {Form{Added: []string{"x-uid"}}, "A: b\r\n\r\nX-UID: c\r\n", "X-UID: 7\r\n\tmore\r\nA: b\r\n\r\nX-UID: c\r\n", false},
		"the same in the body":               {Form{Added: []string{"x-uid"}}, "A: b\r\n\r\nX-UID: c\r\n", "A: b\r\n\r\n", true},
		"another field":                      {Form{Added: []string{"x-uid"}}, "A: b\r\n\r\n", "X-UI: 7\r\nA: b\r\n\r\n", true},
		"8-bit in the header":                {Form{HideHigh: true}, "A: \xe9\r\n\r\nx", "A: X\r\n\r\nx", false},
		"8-bit in the body":                  {Form{HideHigh: true}, "A: b\r\n\r\n\xe9", "A: b\r\n\r\nX", true},
		"a header that ends without a colon": {Form{Added: []string{"x"}}, "abc", "abd", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for chunk := 1; chunk < 9; chunk++ {
				a, b := plainOf(t, c.form, []byte(c.a), chunk), plainOf(t, c.form, []byte(c.b), 1000)
				if (a != b) != c.differ {
					t.Fatalf("in pieces of %d: %s %s", chunk, a, b)
				}
			}
		})
	}
}

func TestADigestKnowsItsForm(t *testing.T) {
	forms := []Form{{}, {Semantic: true}, {TrimEnd: true}, {DropNUL: true}, {HideHigh: true}, {Added: []string{"a"}}, {Added: []string{"b"}}}
	for i, f := range forms {
		d := plainOf(t, f, []byte(crlf(letter)), 1000)
		for j, g := range forms {
			if g.made(d) != (i == j) {
				t.Errorf("%+v, made by %+v: %v", g, f, g.made(d))
			}
		}
	}
}

// FuzzSemantic: however a message is cut, it is the same; and it is the same
// with any line ends.
func FuzzSemantic(f *testing.F) {
	f.Add([]byte(crlf(letter)), 3)
	f.Add([]byte(rendered), 1)
	f.Add([]byte("Content-Transfer-Encoding: quoted-printable\n\na= \nb=\n=4=41=\t\n="), 2)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) {
		for _, form := range []Form{{Semantic: true}, {TrimEnd: true, DropNUL: true, HideHigh: true, Added: []string{"x"}}} {
			whole := plainOf(t, form, b, len(b))
			if got := plainOf(t, form, b, chunk%5000); got != whole {
				t.Fatalf("in pieces of %d: %s, whole %s", chunk%5000, got, whole)
			}
			if got := plainOf(t, form, plainly(bytes.ReplaceAll(b, []byte{0}, []byte{0x80})), 4096); form.DropNUL && got != whole {
				t.Fatalf("with other line ends: %s, whole %s", got, whole)
			}
		}
	})
}

// FuzzLeaf: what is encoded is what comes out.
func FuzzLeaf(f *testing.F) {
	f.Add([]byte("a line \r\nand \xff another"), 5)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) {
		semantic := Form{Semantic: true}
		text := append([]byte("x"), b...)
		head := "Content-Type: text/plain\nContent-Transfer-Encoding: "
		var quoted bytes.Buffer
		q := quotedprintable.NewWriter(&quoted)
		_, _ = q.Write(text)
		_ = q.Close()
		encoded := base64.StdEncoding.EncodeToString(text)
		one := plainOf(t, semantic, []byte(head+"base64\n\n"+encoded), chunk%1000)
		if two := plainOf(t, semantic, []byte(head+"quoted-printable\n\n"+quoted.String()), 4096); one != two && !bytes.Contains(text, []byte("\r")) {
			t.Fatalf("%q: base64 %s, quoted-printable %s", text, one, two)
		}
	})
}

// FuzzVerifyReads: the verifier's own reader says what the copying side says.
func FuzzVerifyReads(f *testing.F) {
	f.Add([]byte(crlf(letter)), byte(0))
	f.Add([]byte("X: \xe9?\r\n\ty\r\r\n\n\x00x\n\n"), byte(15))
	f.Add([]byte("\r\r\nX:"), byte(7))
	f.Fuzz(func(t *testing.T, b []byte, bits byte) {
		form := Form{DropNUL: bits&1 > 0, TrimEnd: bits&2 > 0, HideHigh: bits&4 > 0}
		if bits&8 > 0 {
			form.Added = []string{"x"}
		}
		got, err := plainDigest(form, bytes.NewReader(b))
		if want := plainOf(t, form, b, 4096); err != nil || got != want {
			t.Fatalf("%+v of %q: %s, the copying side %s, %v", form, b, got, want, err)
		}
	})
}
