package hostile

import (
	"fmt"
	"strings"
	"time"
)

// Dates returns regular messages with difficult INTERNALDATEs. Octets tell
// them apart, for a server may change the dates.
func Dates() []Message {
	at := func(class, date string) Message {
		d, err := time.Parse("2006-01-02 15:04:05 -0700", date)
		if err != nil {
			panic("bug: " + err.Error())
		}
		return Message{Class: class, Body: regular("date " + class), Date: d}
	}
	return []Message{
		at("the epoch", "1970-01-01 00:00:00 +0000"),
		at("a second before the epoch", "1969-12-31 23:59:59 +0000"),
		at("before the epoch", "1969-07-20 20:17:40 +0000"),
		at("1899", "1899-12-31 12:00:00 +0000"),
		at("leap day", "2020-02-29 23:59:59 +0000"),
		at("leap day of a century", "2000-02-29 12:00:00 +0000"),
		at("the hour that was twice, first", "2019-10-27 02:30:00 +0200"),
		at("the hour that was twice, second", "2019-10-27 02:30:00 +0100"),
		at("the hour that was not", "2019-03-31 02:30:00 +0100"),
		at("zone +1400", "2019-03-05 10:00:00 +1400"),
		at("zone -1200", "2019-03-05 10:00:00 -1200"),
		at("zone +0545", "2019-03-05 10:00:00 +0545"),
		at("a one-digit day", "2019-03-05 00:00:00 +0000"),
		at("2037", "2037-06-01 00:00:00 +0000"),
		at("after 2038", "2038-01-19 03:14:08 +0000"),
		at("2099", "2099-12-31 23:59:59 +0000"),
		at("after 2106", "2106-02-07 06:28:16 +0000"),
	}
}

// Flags returns messages with every kind of system flag.
func Flags() []Message {
	var out []Message
	for _, set := range []string{``, `\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`, `\Seen \Answered \Flagged \Draft`} {
		class := "system flags (" + set + ")"
		out = append(out, Message{Class: class, Body: regular(class), Flags: strings.Fields(set)})
	}
	return dated(out)
}

// Keywords returns messages with keywords: those programs agree on, and those
// servers refuse. No more than a few of them share a message, so that one lost
// keyword is told from another.
func Keywords() []Message {
	var out []Message
	add := func(class string, keywords ...string) {
		out = append(out, Message{Class: class, Body: regular("keyword " + class), Flags: keywords})
	}
	for _, k := range []string{"$Forwarded", "$MDNSent", "NonJunk", "Junk", "$Junk", "$label1", "Étiquette", "[tag]", "tag[1]", "a.b/c", "k{5}", "NIL", "$", "+FLAGS", "with:colon", "a&AOk-b", "x'y`z~"} {
		add("keyword "+k, k)
	}
	add("one keyword in two cases, upper", "PROJET")
	add("one keyword in two cases, lower", "projet")
	add("keyword of 50 characters", strings.Repeat("k", 50))
	add("keyword of 51 characters", strings.Repeat("l", 51))
	add("keyword of 65 characters", strings.Repeat("m", 65))
	add("keyword of 300 characters", strings.Repeat("n", 300))
	add("a keyword beside flags", `\Seen`, `\Flagged`, "$Forwarded")
	return dated(out)
}

// ManyKeywords returns n messages, each with a keyword of its own: a Maildir
// has room for 26 in a folder.
func ManyKeywords(n int) []Message {
	var out []Message
	for i := range n {
		class := fmt.Sprintf("keyword %d of %d", i+1, n)
		out = append(out, Message{Class: class, Body: regular(class), Flags: []string{fmt.Sprintf("projet%02d", i+1)}})
	}
	return dated(out)
}
