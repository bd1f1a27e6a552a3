package mailsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// untold is a Received field that servers spell each in its own way.
const untold = "é"

// message is one that was sent, or arrived, by what match looks at. Its octets
// are those of text, known as plain where a target alters nothing else.
type message struct {
	text, plain  string
	minute, size int
	id, received string
	ended        bool
}

func (m message) found(altered bool) foundMessage {
	text := m.text
	if altered {
		text += ", altered"
	}
	label := func(s string) (d Digest) {
		if s != "" {
			d = sha256.Sum256([]byte(s))
		}
		return d
	}
	f := foundMessage{meta: Meta{Date: noon.Add(time.Duration(m.minute) * time.Minute), Size: int64(m.size)},
		print: Print{Digest: label(text), Plain: label(text), Octets: int64(m.size)}, marks: origins{id: label(m.id), newest: label(m.received)}}
	f.marks.untold, f.ended = m.received == untold, m.ended
	if m.plain != "" {
		f.print.Plain = label(m.plain)
	}
	return f
}

func TestMatch(t *testing.T) {
	type list = []message
	claimed := func(at int) fate { return fate{byMarks, at} }
	content := func(at int) fate { return fate{byContent, at} }
	doubtful := func(at int) fate { return fate{inDoubt, at} }
	never := fate{}
	full := func(id string, minute, size int) message {
		return message{text: id, minute: minute, size: size, id: strings.TrimPrefix(id, "!")}
	}
	same := func(text string, minute, size int) message {
		return message{text: text, minute: minute, size: size, id: "same"}
	}
	mute := func(text string, minute, size int) message { return message{text: text, minute: minute, size: size} }
	cases := map[string]struct {
		sent, arrived list // arrived in other octets than it was sent, if its text begins with "!"
		want          []fate
	}{
		"nothing arrived: nothing was received":                {list{full("a", 1, 10)}, nil, []fate{never}},
		"the same octets are ours, whatever else they have":    {list{full("a", 1, 10)}, list{full("a", 9, 99)}, []fate{content(0)}},
		"the same but for what the target is known to alter":   {list{{text: "a", plain: "p"}}, list{{text: "!a", plain: "p", minute: 7, size: 7}}, []fate{content(0)}},
		"the same octets come before what is only like them":   {list{full("a", 1, 10), full("a", 1, 10)}, list{full("!a", 1, 10), full("a", 1, 10)}, []fate{content(1), doubtful(0)}},
		"date, size and Message-ID agree: ours":                {list{full("a", 1, 10)}, list{full("!a", 1, 10)}, []fate{claimed(0)}},
		"a field was added: date and Message-ID are enough":    {list{full("a", 1, 10)}, list{full("!a", 1, 23)}, []fate{claimed(0)}},
		"the date was replaced: size and Message-ID will do":   {list{full("a", 1, 10)}, list{full("!a", 2, 10)}, []fate{claimed(0)}},
		"date and size, and no Message-ID: in doubt":           {list{mute("a", 1, 10)}, list{mute("!a", 1, 10)}, []fate{doubtful(0)}},
		"the target lost the Message-ID: in doubt":             {list{full("a", 1, 10)}, list{mute("!a", 1, 10)}, []fate{doubtful(0)}},
		"only the date agrees: in doubt":                       {list{mute("a", 1, 10)}, list{mute("!a", 1, 23)}, []fate{doubtful(0)}},
		"only the size agrees: in doubt":                       {list{mute("a", 1, 10)}, list{mute("!a", 2, 10)}, []fate{doubtful(0)}},
		"only the Message-ID agrees: in doubt":                 {list{full("a", 1, 10)}, list{full("!a", 2, 23)}, []fate{doubtful(0)}},
		"nothing agrees: a stranger's, and ours is sent again": {list{full("a", 1, 10)}, list{full("!b", 2, 23)}, []fate{never}},
		"another Message-ID is another message":                {list{full("a", 1, 10)}, list{full("!b", 1, 10)}, []fate{never}},
		"delivered there by a server: not what we sent": {list{{text: "a", minute: 1, size: 10, id: "a", received: "old"}},
			list{{text: "!a", minute: 1, size: 10, id: "a", received: "new"}}, []fate{never}},
		"with the line of the server that it came from: ours": {list{{text: "a", minute: 1, size: 10, id: "a", received: "old"}},
			list{{text: "!a", minute: 1, size: 11, id: "a", received: "old"}}, []fate{claimed(0)}},
		"a line that servers alter says nothing": {list{{text: "a", minute: 1, size: 10, id: "a", received: untold}},
			list{{text: "!a", minute: 1, size: 10, id: "a", received: "X"}}, []fate{claimed(0)}},
		"the copy of a row that ended is not ours a second time": {list{full("a", 1, 10)}, list{{text: "!a", minute: 1, size: 10, id: "a", ended: true}}, []fate{never}},
		"unless it has the very octets":                          {list{full("a", 1, 10)}, list{{text: "a", minute: 1, size: 10, id: "a", ended: true}}, []fate{content(0)}},
		"as many, and not one for one in their order: in doubt": {list{{text: "a", minute: 1, size: 10, id: "x"}, {text: "b", minute: 2, size: 10, id: "x"}},
			list{{text: "!b", minute: 2, size: 99, id: "x"}, {text: "!a", minute: 3, size: 10, id: "x"}}, []fate{doubtful(0), doubtful(0)}},
		"all arrived, each is its own, in order": {list{full("a", 1, 10), full("b", 2, 20), full("c", 3, 30)},
			list{full("!a", 1, 11), full("!b", 2, 21), full("!c", 3, 31)}, []fate{claimed(0), claimed(1), claimed(2)}},
		"the batch ended half way: the rest was not received": {list{full("a", 1, 10), full("b", 1, 20), full("c", 1, 30)},
			list{full("!a", 1, 11), full("!b", 1, 21)}, []fate{claimed(0), claimed(1), never}},
		"a stranger in between changes nothing": {list{full("a", 1, 10), full("b", 2, 20)},
			list{full("!a", 1, 11), full("!x", 7, 70), full("!b", 2, 21)}, []fate{claimed(0), claimed(2)}},
		"all alike, as many as were sent: in their order": {list{same("a", 1, 10), same("b", 1, 10), same("c", 1, 10)},
			list{same("!a", 1, 10), same("!b", 1, 10), same("!c", 1, 10)}, []fate{claimed(0), claimed(1), claimed(2)}},
		"all alike, and one fewer: any may be missing": {list{same("a", 1, 10), same("b", 1, 10)}, list{same("!a", 1, 10)}, []fate{doubtful(0), doubtful(0)}},
		"one that is there twice: which is ours?":      {list{full("a", 1, 10)}, list{full("!a", 1, 10), full("!a", 1, 10)}, []fate{doubtful(0)}},
		"the same message sent twice, received once: whichever it is": {list{full("a", 1, 10), full("a", 1, 10)}, list{full("!a", 1, 11)},
			[]fate{claimed(0), never}},
		"three marks come before two": {list{mute("a", 1, 10), full("b", 1, 10)}, list{full("!b", 1, 10), mute("!a", 1, 10)},
			[]fate{doubtful(1), claimed(0)}},
		"behind one that was sent later: in doubt": {list{full("a", 1, 10), full("b", 2, 20)}, list{full("b", 2, 20), full("!a", 1, 11)},
			[]fate{doubtful(1), content(0)}},
		"before one that was sent earlier: in doubt": {list{full("a", 1, 10), full("b", 2, 20)}, list{full("!b", 2, 21), full("a", 1, 10)},
			[]fate{content(1), doubtful(0)}},
		"two that cross each other: both in doubt": {list{full("a", 1, 10), full("b", 2, 20)}, list{full("!b", 2, 21), full("!a", 1, 11)},
			[]fate{doubtful(1), doubtful(0)}},
		"one that crosses two leaves none of them sure": {list{full("a", 1, 10), full("b", 2, 20), full("c", 3, 30)},
			list{full("!b", 2, 21), full("!c", 3, 31), full("!a", 1, 11)}, []fate{doubtful(2), doubtful(0), doubtful(1)}},
		"its place decides between two that are alike": {list{same("a", 1, 10), full("b", 2, 20), same("c", 1, 10)},
			list{full("b", 2, 20), same("!c", 1, 10)}, []fate{never, content(0), claimed(1)}},
		"empty messages are the same octets": {list{mute("", 1, 0)}, list{mute("", 2, 0)}, []fate{content(0)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var sent, arrived []foundMessage
			for _, m := range c.sent {
				sent = append(sent, m.found(false))
			}
			for _, m := range c.arrived {
				text, altered := strings.CutPrefix(m.text, "!")
				m.text = text
				arrived = append(arrived, m.found(altered))
			}
			if d := cmp.Diff(c.want, match(sent, arrived, unheard()), cmp.AllowUnexported(fate{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestACopyOfARowThatEndedIsRememberedAsSuch(t *testing.T) {
	in, k := Intent{Next: 3, Validity: 7}, newKnown()
	for _, r := range []Row{
		{TargetUID: 3, TargetValidity: 7, Outcome: Gone}, {TargetUID: 4, TargetValidity: 7, Outcome: Copied}, {TargetUID: 2, TargetValidity: 7, Outcome: Gone},
		{TargetUID: 5, TargetValidity: 6, Outcome: Gone}, {TargetUID: 6, TargetValidity: 7, TargetFolder: []string{"Else"}, Outcome: Gone},
	} {
		k.add(&r, in)
	}
	if d := cmp.Diff([]map[UID]bool{{3: true}, {4: true}}, []map[UID]bool{k.ended, k.claimed}); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestOneMarkIsEnoughForWhatWasAccepted, where nothing else can be meant.
func TestOneMarkIsEnoughForWhatWasAccepted(t *testing.T) {
	sent := []foundMessage{message{text: "a", minute: 1, size: 10}.found(false), message{text: "b", minute: 1, size: 20}.found(false)}
	arrived := []foundMessage{message{text: "a", minute: 1, size: 11}.found(true), message{text: "b", minute: 1, size: 21}.found(true)}
	if f := match(sent, arrived, accepted()); f[0] != (fate{byMarks, 0}) || f[1] != (fate{byMarks, 1}) {
		t.Error(f)
	}
	if f := match(sent, arrived[:1], accepted()); f[0].how != inDoubt || f[1].how != inDoubt {
		t.Error(f)
	}
	if f := match(sent, arrived, unheard()); f[0].how != inDoubt || f[1].how != inDoubt {
		t.Error(f)
	}
}

// TestWhatIsWithheldIsKnownByItsMarksAlone: nothing is the digest of nothing.
func TestWhatIsWithheldIsKnownByItsMarksAlone(t *testing.T) {
	there := foundMessage{meta: Meta{Date: noon, Size: 10}, withheld: true}
	here := foundMessage{meta: Meta{Date: noon}, print: Print{Digest: Digest{1}, Octets: 10}, marks: origins{id: Digest{2}, newest: Digest{3}}}
	if f := match([]foundMessage{here}, []foundMessage{there}, unheard()); f[0] != (fate{byMarks, 0}) {
		t.Error(f)
	}
	if f := match([]foundMessage{{meta: Meta{Date: noon.Add(time.Hour)}, print: Print{Octets: 11}}}, []foundMessage{there}, unheard()); f[0] != (fate{}) {
		t.Error(f)
	}
}

// backwards delivers the last message first.
type backwards struct{ Source }

func (backwards) Fetch(_ context.Context, uids []UID, fn func(Meta, int64, io.Reader) error) ([]UID, error) {
	for _, u := range slices.Backward(uids[1:]) {
		if err := fn(Meta{UID: u}, 0, strings.NewReader("Message-ID: <1@x>\r\n\r\n")); err != nil {
			return nil, err
		}
	}
	return uids[:1], nil
}

func TestWhatWasSentIsReadInItsOrder(t *testing.T) {
	list, missing, err := readAll(t.Context(), backwards{}, []UID{9, 7, 5, 8}, Form{})
	if err != nil || len(list) != 3 || list[0].meta.UID != 7 || list[1].meta.UID != 5 || list[2].meta.UID != 8 || len(missing) != 1 || missing[0] != 9 {
		t.Fatalf("%+v, missing %v, %v", list, missing, err)
	}
	if list[0].marks.id.IsZero() {
		t.Error("no Message-ID was read")
	}
}

func TestLabels(t *testing.T) {
	sum := func(s string) Digest { return sha256.Sum256([]byte(s)) }
	cases := map[string]struct {
		text string
		want origins
	}{
		"both fields":                             {"Received: from a by b\r\nMessage-ID: <1@x>\r\n\r\nbody", origins{id: sum("<1@x>"), newest: sum("from a by b")}},
		"however they are folded":                 {"RECEIVED: from a\r\n\t by  b\r\nMessage-Id:\r\n <1@x>\r\n\r\n", origins{id: sum("<1@x>"), newest: sum("from a by b")}},
		"the first Received is the newest":        {"Received: two\r\nReceived: one\r\n\r\n", origins{newest: sum("two")}},
		"a header without an end":                 {"Message-ID: <1@x>", origins{id: sum("<1@x>")}},
		"a body is no header":                     {"Subject: x\r\n\r\nMessage-ID: <1@x>\r\nReceived: one\r\n", origins{}},
		"two Message-IDs are none":                {"Message-ID: <1@x>\r\nMessage-ID: <1@x>\r\n\r\n", origins{}},
		"three are none either":                   {"Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\nMessage-ID: <1@x>\r\n\r\n", origins{}},
		"an empty one is none":                    {"Message-ID: \r\n\r\n", origins{}},
		"one that servers alter is none":          {"Message-ID: <é@x>\r\n\r\n", origins{}},
		"a line that servers alter tells nothing": {"Received: from é\r\nReceived: one\r\n\r\n", origins{untold: true}},
		"one without bounds is none":              {"Message-ID: <" + strings.Repeat("x", maxField) + ">\r\n\r\n", origins{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := originsOf([]byte(c.text), 7); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func originsOf(b []byte, chunk int) origins {
	var l originReader
	for rest := b; len(rest) > 0; {
		n := min(max(chunk, 1), len(rest))
		_, _ = l.Write(rest[:n])
		rest = rest[n:]
	}
	return l.end()
}

// FuzzLabels: neither the pieces a header comes in nor its line ends matter.
func FuzzLabels(f *testing.F) {
	f.Add([]byte("Received: from a\r\n\tby mx\r\nMessage-ID: <1>\r\n\r\nMessage-ID: <2>"), 3)
	f.Add([]byte("\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) {
		whole := originsOf(b, len(b))
		if cut := originsOf(b, chunk%5000); cut != whole {
			t.Fatalf("in pieces %+v, whole %+v", cut, whole)
		}
		if lines := originsOf(bytes.ReplaceAll(b, []byte("\r"), nil), 4096); lines != whole {
			t.Fatalf("without CR %+v, with it %+v", lines, whole)
		}
	})
}
