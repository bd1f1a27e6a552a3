package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
	"unicode/utf8"

	"bascule/internal/safetext"
)

// StreamVersion is the version of the JSON stream: the first number rises when
// something is taken away or means something else.
const StreamVersion = "1.0"

// streamModule is the @module of every message.
const streamModule = "bascule"

// JSON reports one JSON object a line, in the envelope Terraform users know.
type JSON struct {
	mu     sync.Mutex
	w      io.Writer
	meters meters
	said   map[string]time.Time
}

var _ Reporter = (*JSON)(nil)

// jsonEvery is how often the progress of a mailbox is reported.
const jsonEvery = time.Second

// message is one line of the stream; docs/json-output.md describes it.
type message struct {
	Level     Level             `json:"@level"`
	Message   string            `json:"@message"`
	Module    string            `json:"@module"`
	Timestamp string            `json:"@timestamp"`
	Type      string            `json:"type"`
	Address   string            `json:"address,omitempty"`
	Step      string            `json:"step,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"`
	Version   *streamVersion    `json:"version,omitempty"`
	Progress  *streamProgress   `json:"progress,omitempty"`
}

type streamVersion struct {
	Stream string `json:"stream"`
	Tool   string `json:"tool"`
}

type streamProgress struct {
	Folder     string   `json:"folder,omitempty"`
	Unit       string   `json:"unit"`
	Done       int64    `json:"done"`
	Total      int64    `json:"total"`
	BytesDone  int64    `json:"bytes_done"`
	Rate       float64  `json:"rate"`
	ByteRate   float64  `json:"byte_rate"`
	ETASeconds *float64 `json:"eta_seconds"`
	Ended      bool     `json:"ended"`
}

// NewJSON returns a Reporter that writes the JSON stream to w, and writes its
// first line: the versions of the stream and of the tool.
func NewJSON(w io.Writer, tool string, at time.Time) *JSON {
	j := &JSON{w: w, said: map[string]time.Time{}}
	j.write(message{Level: Info, Message: "bascule " + tool, Timestamp: stamp(at), Type: "version", Version: &streamVersion{StreamVersion, tool}})
	return j
}

// Event implements Reporter.
func (j *JSON) Event(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	level := e.Level
	if level == "" {
		level = Info
	}
	kind := e.Name
	if kind == "" {
		kind = "log"
	}
	j.write(message{Level: level, Message: e.Text, Timestamp: stamp(e.At), Type: kind, Address: string(e.Address), Step: e.StepID, Fields: e.Fields})
}

// Progress implements Reporter.
func (j *JSON) Progress(u ProgressUpdate) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := j.meters.add(u)
	key := string(u.Mailbox)
	if last, said := j.said[key]; said && !u.Ended && u.At.Sub(last) < jsonEvery {
		return
	}
	j.said[key] = u.At
	if u.Ended {
		delete(j.said, key)
	}
	j.write(message{Level: Info, Message: key + ": " + m.figures(), Timestamp: stamp(u.At), Type: "apply_progress", Address: key, Progress: progressOf(m)})
}

func progressOf(m *meter) *streamProgress {
	messages, bytes := m.rates()
	u := m.last
	p := &streamProgress{
		Folder: u.Folder, Unit: "messages", Done: u.Done, Total: u.Total, BytesDone: u.Bytes,
		Rate: math.Round(messages*10) / 10, ByteRate: math.Round(bytes), Ended: u.Ended,
	}
	if left, ok := m.left(); ok {
		seconds := math.Round(left.Seconds())
		p.ETASeconds = &seconds
	}
	return p
}

// Close implements Reporter.
func (j *JSON) Close() {}

// write writes one line. An apply goes on when nobody listens.
func (j *JSON) write(m message) {
	m.Module = streamModule
	b, err := json.Marshal(m)
	if err != nil {
		panic("bug: a message is plain data: " + err.Error())
	}
	_, _ = j.w.Write(append(escapeJSON(b), '\n'))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// escapeJSON writes what a terminal would obey as \u escapes, which mean the
// same to a parser: streams end in CI logs, which people read.
func escapeJSON(b []byte) []byte {
	var out bytes.Buffer
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if s := string(r); safetext.Line(s) == s {
			out.Write(b[i : i+n])
		} else if r > 0xffff {
			// RFC 8259 §7: beyond the basic plane, a surrogate pair.
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		} else {
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		i += n
	}
	return out.Bytes()
}
