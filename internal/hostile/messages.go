package hostile

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// Message is one that somebody has in a mailbox.
type Message struct {
	// Class says what is particular about it.
	Class string
	// Body is all its octets, header included.
	Body string
	// Date is the INTERNALDATE.
	Date time.Time
	// Flags holds system flags and keywords.
	Flags []string
}

// first is the date of the first message of each function.
var first = time.Date(2019, 3, 5, 10, 0, 0, 0, time.UTC)

// dated gives every message a date of its own.
func dated(list []Message) []Message {
	for i := range list {
		list[i].Date = first.Add(time.Duration(i) * time.Minute)
	}
	return list
}

// Messages returns one message, or a few that belong together, for each way
// in which octets have been lost.
func Messages() []Message {
	var all []Message
	for _, list := range [][]Message{hardlyAny(), identities(), charsets(), lineEnds(), dimensions(), protocol(), headers()} {
		all = append(all, list...)
	}
	return dated(all)
}

// head is an ordinary header with its empty line.
func head(subject string) string {
	return "From: Alice <alice@old.example>\r\nTo: bob@old.example\r\nSubject: " + subject +
		"\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@old.example>\r\nDate: Tue, 5 Mar 2019 10:00:00 +0000\r\n\r\n"
}

// regular is a message no server has trouble with.
func regular(subject string) string { return head(subject) + "An ordinary text.\r\n" }

func hardlyAny() []Message {
	return []Message{
		{Class: "nothing at all", Body: ""},
		{Class: "one octet", Body: "x"},
		{Class: "one line end", Body: "\r\n"},
		{Class: "only NULs", Body: strings.Repeat("\x00", 64)},
		{Class: "empty body", Body: head("empty body")},
		{Class: "header only, without the empty line", Body: "From: alice@old.example\r\nSubject: no body\r\n"},
		{Class: "no header", Body: "This is no header at all.\r\nNor is this.\r\n"},
		{Class: "no header, begins with the empty line", Body: "\r\nA body alone.\r\n"},
		{Class: "a regular message", Body: regular("a regular message")},
	}
}

// identities are messages that a Message-ID tells badly.
func identities() []Message {
	same := func(text string) string {
		return "From: list@old.example\r\nMessage-ID: <same@old.example>\r\nSubject: same\r\n\r\n" + text + "\r\n"
	}
	return []Message{
		{Class: "no Message-ID", Body: "From: scanner@old.example\r\nSubject: scan\r\n\r\nscan\r\n"},
		{Class: "one Message-ID, first content", Body: same("first")},
		{Class: "one Message-ID, second content", Body: same("second")},
		{Class: "identical, first of three", Body: same("identical")},
		{Class: "identical, second of three", Body: same("identical")},
		{Class: "identical, third of three", Body: same("identical")},
		{Class: "two Message-IDs", Body: "Message-ID: <a@old.example>\r\nMessage-ID: <b@old.example>\r\nFrom: a@old.example\r\n\r\ntwo\r\n"},
		{Class: "empty Message-ID", Body: "Message-ID: \r\nFrom: a@old.example\r\n\r\nempty\r\n"},
	}
}

func charsets() []Message {
	return []Message{
		{Class: "8-bit header, UTF-8", Body: "From: Zoé <zoe@old.example>\r\nSubject: Été à Genève\r\nDate: Tue, 5 Mar 2019 10:00:00 +0000\r\n\r\ntext\r\n"},
		{Class: "8-bit header, Latin-1", Body: "From: zoe@old.example\r\nSubject: \xc9t\xe9 \xe0 Gen\xe8ve\r\n\r\ntext\r\n"},
		{Class: "8-bit body", Body: head("8-bit body") + "Caf\xe9, café, \xfe\xff\r\n"},
		{Class: "invalid UTF-8", Body: head("invalid UTF-8") + "\xc3\x28 \xa0\xa1 \xe2\x28\xa1 \xf0\x28\x8c\x28 \xed\xa0\x80 \xc0\xaf\r\n"},
		{Class: "UTF-16", Body: head("UTF-16") + wide("Guten Tag\r\n")},
		{Class: "NUL inside", Body: head("NUL inside") + "before\x00after\r\n"},
		{Class: "NUL in the header", Body: "From: a@old.example\r\nSubject: before\x00after\r\n\r\ntext\r\n"},
		{Class: "control characters", Body: head("control characters") + "\x01\x02\x07\x08\x0b\x0c\x1a\x1b[2J\x7f\x80\x9b\r\n"},
		{Class: "every octet but NUL, CR, LF", Body: head("every octet") + octets() + "\r\n"},
	}
}

// wide is text in UTF-16 with a byte order mark: every other octet is NUL.
func wide(text string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func octets() string {
	var b strings.Builder
	for c := 1; c < 256; c++ {
		if c != '\r' && c != '\n' {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

func lineEnds() []Message {
	return []Message{
		{Class: "bare CR in the body", Body: head("bare CR") + "one\rtwo\rthree\r\n"},
		{Class: "bare CR in the header", Body: "From: a@old.example\r\nSubject: one\rtwo\r\n\r\ntext\r\n"},
		{Class: "bare LF in the body", Body: head("bare LF") + "one\ntwo\nthree\r\n"},
		{Class: "bare LF everywhere", Body: "From: a@old.example\nSubject: LF\n\none\ntwo\n"},
		{Class: "CR CR LF", Body: head("CR CR LF") + "one\r\r\ntwo\r\r\n"},
		{Class: "LF CR", Body: head("LF CR") + "one\n\rtwo\n\r\r\n"},
		{Class: "CR at the end", Body: head("CR at the end") + "text\r"},
		{Class: "LF at the end", Body: head("LF at the end") + "text\n"},
		{Class: "no final line end", Body: head("no final line end") + "text"},
		{Class: "many line ends at the end", Body: head("many line ends") + "text" + strings.Repeat("\r\n", 50)},
		{Class: "CR before a full buffer", Body: head("CR at a buffer's end") + strings.Repeat("x", 8191) + "\r" + strings.Repeat("y", 8192) + "\r\n"},
		{Class: "blanks before line ends", Body: head("trailing blanks") + "one  \t \r\ntwo \r\n \r\n"},
	}
}

// dimensions are messages with one very large measure.
func dimensions() []Message {
	return []Message{
		{Class: "a line of 1 MB", Body: head("long line") + strings.Repeat("0123456789abcdef", 1<<16) + "\r\n"},
		{Class: "a line of 998 octets and one of 999", Body: head("limit") + strings.Repeat("a", 998) + "\r\n" + strings.Repeat("b", 999) + "\r\n"},
		{Class: "a header field of 256 kB", Body: "From: a@old.example\r\nX-Long: " + strings.Repeat("0123456789abcdef", 1<<14) + "\r\n\r\ntext\r\n"},
		{Class: "a folded header of 256 kB", Body: "From: a@old.example\r\nReferences:" + strings.Repeat("\r\n <0123456789abcdef@old.example>", 8000) + "\r\n\r\ntext\r\n"},
		{Class: "5000 header fields", Body: repeat(5000, func(i int) string { return fmt.Sprintf("X-Field-%d: %d\r\n", i, i) }) + "\r\ntext\r\n"},
		{Class: "MIME 1000 deep", Body: deep(1000)},
		{Class: "10000 parts", Body: parts(10000)},
		{Class: "rfc822 in rfc822, 100 times", Body: strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 100) + regular("the innermost")},
		{Class: "a part without an end", Body: multipart("never", "--never\r\nContent-Type: text/plain\r\n\r\nno closing delimiter\r\n")},
		{Class: "an empty boundary", Body: multipart("", "--\r\n\r\none\r\n----\r\n")},
	}
}

func repeat(n int, line func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i))
	}
	return b.String()
}

func multipart(boundary, body string) string {
	return fmt.Sprintf("From: a@old.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%q\r\n\r\n", boundary) + body
}

// deep nests multiparts, each with a boundary of its own.
func deep(levels int) string {
	open := repeat(levels, func(i int) string {
		return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	})
	closing := repeat(levels, func(i int) string { return fmt.Sprintf("--b%d--\r\n", levels-1-i) })
	return "From: a@old.example\r\nMIME-Version: 1.0\r\n" + open + "\r\nthe innermost\r\n" + closing
}

func parts(n int) string {
	return multipart("p", repeat(n, func(i int) string { return fmt.Sprintf("--p\r\n\r\n%d\r\n", i) })+"--p--\r\n")
}

// protocol are messages that look like the protocols they travel in.
func protocol() []Message {
	return []Message{
		{Class: "a literal's announcement", Body: head("literals") + "{100+}\r\n{5}\r\n~{10}\r\n{9999999999}\r\n"},
		{Class: "IMAP answers", Body: "A1 OK done\r\n* BYE bye\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\n)\r\n+ go ahead\r\n\r\nb1 OK\r\n"},
		{Class: "ends in a parenthesis", Body: head("parenthesis") + ")"},
		{Class: "ends in a literal's announcement", Body: head("literal at the end") + "{20+}\r\n"},
		{Class: "From lines", Body: head("From lines") + "From alice@old.example Tue Mar  5 10:00:00 2019\r\n>From the start\r\n\r\nFrom here on\r\n"},
		{Class: "begins with a From line", Body: "From alice@old.example Tue Mar  5 10:00:00 2019\r\nFrom: a@old.example\r\n\r\nmbox\r\n"},
		{Class: "lines of dots", Body: head("dots") + ".\r\n..\r\n.hidden\r\n\r\n.\r\n"},
		{Class: "SMTP commands", Body: head("SMTP") + ".\r\nRSET\r\nQUIT\r\n"},
		{Class: "dbox magic", Body: head("dbox") + "\x01\x02N                 000000000000004C\n\x01\x03\nR5c0a0000\n\n"},
	}
}

func headers() []Message {
	absurd := []string{"Mon, 1 Jan 1899 00:00:00 +0000", "Fri, 31 Dec 9999 23:59:60 +9999", "Sun, 30 Feb 2019 25:61:61 -0000", "mardi 5 mars 2019 à 10 h", ""}
	var out []Message
	for _, d := range absurd {
		out = append(out, Message{Class: fmt.Sprintf("Date header %q", d), Body: "From: a@old.example\r\nSubject: date " + d + "\r\nDate: " + d + "\r\n\r\ntext\r\n"})
	}
	return append(out, []Message{
		{Class: "a header field without a colon", Body: "From: a@old.example\r\nthis is no field\r\nSubject: x\r\n\r\ntext\r\n"},
		{Class: "a header field with a blank before its colon", Body: "From : a@old.example\r\nSubject\t: x\r\n\r\ntext\r\n"},
		{Class: "a header that begins with a continuation", Body: " folded from nowhere\r\nFrom: a@old.example\r\n\r\ntext\r\n"},
		{Class: "an empty field name", Body: ": nameless\r\nFrom: a@old.example\r\n\r\ntext\r\n"},
		{Class: "unbalanced addresses", Body: "From: \"Alice <<alice@@old.example>,,;\r\nTo: undisclosed-recipients:;(((\r\nCc: " + strings.Repeat("(", 500) + "\r\n\r\ntext\r\n"},
		{Class: "fields other programs add", Body: "X-UID: 17\r\nStatus: RO\r\nX-Status: AF\r\nX-Keywords: $Forwarded\r\nContent-Length: 5\r\nX-TUID: abcdefghijkl\r\nX-IMAP: 1 2\r\n\r\ntext\r\n"},
	}...)
}

// Large returns an ordinary message of about so many octets, with an
// attachment in base64 as mail programs send it.
func Large(octets int) Message {
	const line = "QmFzY3VsZSBtb3ZlcyBtYWlsIGZyb20gb25lIHByb3ZpZGVyIHRvIGFub3RoZXIsIHdob2xlLg\r\n"
	body := head("large") + "Content-Transfer-Encoding: base64\r\n\r\n"
	return Message{Class: fmt.Sprintf("%d MB", octets>>20), Body: body + strings.Repeat(line, octets/len(line)), Date: first}
}
