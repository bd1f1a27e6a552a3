package mailsync

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Trace is what tells whether two messages are one delivery: what it says of
// itself, its body, and the lines that servers wrote on the way.
type Trace struct {
	// Key is over Message-ID, Date, From and the body; zero when one of the
	// fields is missing, doubled or too long: then nothing is certain.
	Key Digest
	// Line is the newest Received field that an old MX wrote; zero without one.
	Line Digest
	// Received are all such fields, whoever wrote them.
	Received []Digest
	Print    Print
}

// maxReceived bounds the Received fields that are looked at.
const maxReceived = 200

func (t Trace) certain() bool { return !t.Key.IsZero() && !t.Line.IsZero() }

// twinOf reports whether a message of the target is what t became on its way
// through a forward. The newest line of such a one was written after t was
// stored; what a person copied on the target has none that t has not.
func (t Trace) twinOf(there Trace) bool {
	return t.certain() && t.Key == there.Key && slices.Contains(there.Received, t.Line) && !slices.Contains(t.Received, there.Received[0])
}

// traceReader makes a Trace of a message that streams through it.
type traceReader struct {
	trace  Trace
	hosts  []string
	lines  lines
	fields fields
	values map[string]string
	doubt  bool
	inBody bool
	body   *Hasher
	whole  *Hasher
}

func newTraceReader(hosts []string, form Form) *traceReader {
	t := &traceReader{hosts: hosts, values: map[string]string{}, body: NewHasher(), whole: form.NewHasher()}
	t.lines.emit = func(piece []byte, start, end bool) { t.fields.line(piece, start) }
	t.fields.wants = func(name string) bool {
		return name == "message-id" || name == "date" || name == "from" || name == "received"
	}
	t.fields.found = t.field
	return t
}

// Write never fails.
func (t *traceReader) Write(b []byte) (int, error) {
	t.whole.Write(b)
	rest := b
	for !t.inBody && len(rest) > 0 {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		empty := len(t.lines.piece) == 0 && !t.lines.running
		t.inBody = empty && len(bytes.Trim(rest[:i], "\r\n")) == 0 && rest[i-1] == '\n'
		t.lines.Write(rest[:i])
		rest = rest[i:]
	}
	t.body.Write(rest)
	return len(b), nil
}

func (t *traceReader) field(name string, value []byte) {
	if name != "received" {
		_, twice := t.values[name]
		t.doubt = t.doubt || twice || len(value) >= maxField
		t.values[name] = string(value)
		return
	}
	if len(t.trace.Received) == maxReceived || len(value) >= maxField {
		return
	}
	sum := Digest(sha256.Sum256(value))
	if t.trace.Line.IsZero() && writtenBy(string(value), t.hosts) {
		t.trace.Line = sum
	}
	t.trace.Received = append(t.trace.Received, sum)
}

// writtenBy reads the "by" clause of a Received field (RFC 5321 §4.4).
func writtenBy(received string, hosts []string) bool {
	words := strings.Fields(received)
	for i := 0; i+1 < len(words); i++ {
		switch strings.ToLower(words[i]) {
		case "from":
			i++ // what follows is what the client called itself
		case "by":
			name := strings.TrimRight(words[i+1], ".;,")
			return slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(strings.TrimRight(h, "."), name) })
		}
	}
	return false
}

// end returns the trace. With altered the line ends of the body do not count:
// the target is known to alter them.
func (t *traceReader) end(altered bool) Trace {
	t.lines.close()
	t.fields.end()
	t.trace.Print = t.whole.Print()
	body := t.body.Print()
	sum := body.Digest
	if altered {
		sum = body.Plain
	}
	id, date, from := t.values["message-id"], t.values["date"], t.values["from"]
	if t.doubt || id == "" || date == "" || from == "" {
		return t.trace
	}
	t.trace.Key = sha256.Sum256(fmt.Appendf(nil, "%q %q %q %x", id, date, from, sum))
	return t.trace
}

// traceOf reads body to its end.
func traceOf(hosts []string, form Form, altered bool, body io.Reader) (Trace, error) {
	t := newTraceReader(hosts, form)
	_, err := io.Copy(t, body)
	return t.end(altered), err
}
