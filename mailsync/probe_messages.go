package mailsync

import (
	"fmt"
	"strings"
	"time"
)

// probeHeader is the field that every message of a probe begins with; its
// value is the name of the scratch folder.
const probeHeader = "X-Bascule-Probe"

// specimen is one message of the probe.
type specimen struct {
	// kind completes "messages with …".
	kind  string
	body  string
	date  time.Time
	flags []string
	// odd messages may be refused, or end the connection, on good servers.
	odd bool
	// mark is what the message is there for, besides its octets.
	mark string
}

// Marks of specimens.
const (
	markFlagged = `\Flagged`
	markKeyword = "keyword"
	markLong    = "long keyword"
	markFuture  = "future"
	markOld     = "old"
)

const (
	probeKeyword = "bascule-probe"
	// longKeyword is longer than the 50 octets that some servers keep.
	longKeyword = "bascule-probe-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"
)

// specimens is the fixed set. The first is the marker: with it in place the
// folder is known to be a probe's.
func specimens(name string, now time.Time) []specimen {
	date := now.AddDate(0, 0, -1).Truncate(time.Second)
	head := func(n int, more ...string) string {
		return fmt.Sprintf("%s: %s\r\nMessage-ID: <%d.%s@probe.invalid>\r\nDate: %s\r\nFrom: Bascule Probe <probe@probe.invalid>\r\nTo: nobody@probe.invalid\r\nSubject: probe %d\r\n%s",
			probeHeader, name, n, name, date.UTC().Format(time.RFC1123Z), n, strings.Join(append(more, ""), "\r\n"))
	}
	text := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii"
	all := []specimen{
		{kind: "nothing unusual", body: head(1, text) + "\r\nThis folder is a probe and removes itself.\r\nIt may be deleted.\r\n"},
		{kind: `the flag \Flagged`, body: head(2, text) + "\r\nflagged\r\n", flags: []string{`\Flagged`, `\Seen`}, mark: markFlagged},
		{kind: "a keyword", body: head(3, text) + "\r\nkeyword\r\n", flags: []string{`\Seen`, probeKeyword}, mark: markKeyword},
		{kind: "a long keyword", body: head(4, text) + "\r\nlong keyword\r\n", flags: []string{`\Seen`, longKeyword}, mark: markLong},
		{kind: "a date in the future", body: head(5, text) + "\r\nfuture\r\n", date: now.AddDate(1, 0, 0).Truncate(time.Second), mark: markFuture},
		{kind: "an old date", body: head(6, text) + "\r\nold\r\n", date: time.Date(1996, 2, 29, 23, 59, 58, 0, time.UTC), mark: markOld},
		{kind: "an odd MIME structure", body: head(7, "MIME-Version: 1.0", `Content-Type: multipart/MIXED; boundary="=_a b'()+,-./:=?"`) + oddStructure},
		{kind: "a long line", body: head(8, text) + "\r\n" + strings.Repeat("0123456789", 300) + "\r\n", odd: true},
		{kind: "no final line end", body: head(9, text) + "\r\nno end", odd: true},
		{kind: "8-bit octets in a header", body: head(10, "X-Latin: caf\xe9 \xc3\xa9", text) + "\r\n8-bit\r\n", odd: true},
		{kind: "8-bit octets in the text", body: head(11, "MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit") + "\r\ncaf\xe9 \x80\xff\r\n", odd: true},
		{kind: "bare CR", body: head(12, text) + "\r\na\rb\r\nc\r\r\nd\r\n", odd: true},
		{kind: "bare LF", body: head(13, text) + "\r\na\nb\r\n", odd: true},
		{kind: "NUL", body: head(14, text) + "\r\na\x00b\r\n", odd: true},
	}
	for i := range all {
		if all[i].date.IsZero() {
			all[i].date = date
		}
	}
	return all
}

// oddStructure: empty parts, a text that looks like a boundary, base64 in
// short lines, a message inside, a preamble and an epilogue.
const oddStructure = "\r\npreamble\r\n--=_a b'()+,-./:=?\r\n\r\nno header, --=_a b'()+,-./:=?\r\n" +
	"--=_a b'()+,-./:=?\r\nContent-Type: TEXT/Plain; CharSet=\"UTF-8\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\ncaf=C3=A9 =\r\nau lait=20\r\n" +
	"--=_a b'()+,-./:=?\r\nContent-Type: application/octet-stream; name*=utf-8''%C3%A9t%C3%A9.bin\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: ATTACHMENT\r\n\r\nAAEC\r\nAwQFBgc=\r\n" +
	"--=_a b'()+,-./:=?\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\nFrom: a@probe.invalid\r\n\r\ninner text\r\n" +
	"--=_a b'()+,-./:=?\r\n\r\n\r\n--=_a b'()+,-./:=?--\r\nepilogue\r\n"
