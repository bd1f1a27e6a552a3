package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// item is one message in a file.
type item struct {
	// at is where its From_ line begins, start where its text does, end where
	// it ends: the blank line in front of the next From_ is not its own.
	at, start, end int64
	date           time.Time
	flags          []string
	// verbatim: nothing is quoted (mboxcl2).
	verbatim bool
	// strip holds pieces of the header that are the format's.
	strip []piece
	// note is what our own line says; nil for messages of other programs.
	note *note
}

type piece struct{ from, to int64 }

// note is the line in front of a message that we wrote.
type note struct {
	octets int64
	lf     bool // CRLF is stored as LF
	date   int64
}

const (
	noteHeader = "X-Bascule: 1 "
	// maxLine bounds what is looked at of one line.
	maxLine = 64 << 10
	// maxStrip bounds the headers of the format in one message.
	maxStrip = 64
)

func (n note) String() string {
	lines := "as-is"
	if n.lf {
		lines = "lf"
	}
	return fmt.Sprintf("%soctets=%d lines=%s date=%d", noteHeader, n.octets, lines, n.date)
}

func parseNote(line string) *note {
	var n note
	var lines string
	if got, err := fmt.Sscanf(line, noteHeader+"octets=%d lines=%s date=%d", &n.octets, &lines, &n.date); err != nil || got != 3 || n.octets < 0 {
		return nil
	}
	n.lf = lines == "lf"
	if !n.lf && lines != "as-is" {
		return nil
	}
	return &n
}

// file is what is scanned.
type file struct {
	r    io.ReaderAt
	size int64
}

// line is one line as far as it is looked at.
type line struct {
	at, next int64
	text     string // at most maxLine octets, without its end
}

func (l line) blank() bool { return l.text == "" || l.text == "\r" }

// lines reads from an offset on.
type lines struct {
	b  *bufio.Reader
	at int64
}

func (f file) lines(from int64) *lines {
	return &lines{bufio.NewReaderSize(io.NewSectionReader(f.r, from, f.size-from), maxLine), from}
}

// next returns io.EOF behind the last line.
func (s *lines) next() (line, error) {
	first, err := s.b.ReadSlice('\n')
	l := line{at: s.at, text: string(bytes.TrimSuffix(first, []byte("\n")))}
	s.at += int64(len(first))
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = s.b.ReadSlice('\n')
		s.at += int64(len(more))
	}
	l.next = s.at
	if errors.Is(err, io.EOF) && l.next > l.at {
		err = nil
	}
	return l, err
}

// scan finds the messages of a file, from one that begins at an offset.
func (f file) scan(from int64) ([]item, error) {
	var out []item
	s := f.lines(from)
	l, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(l.text, "From ") {
		return nil, errors.New("not an mbox: it does not begin with a From_ line")
	}
	_, strict := fromDate(l.text)
	for {
		it := item{at: l.at}
		it.date, _ = fromDate(l.text)
		if s, err = f.header(&it, l.next); err != nil {
			return nil, err
		}
		if l, err = s.until(&it, strict); errors.Is(err, io.EOF) {
			return append(out, it), nil
		} else if err != nil {
			return nil, err
		}
		out = append(out, it)
	}
}

// until looks for the next From_ line behind a blank one, and ends the item there.
func (s *lines) until(it *item, strict bool) (line, error) {
	blank := true
	blankAt := s.at
	for {
		l, err := s.next()
		if errors.Is(err, io.EOF) {
			it.end = max(it.start, s.at)
			if blank && blankAt >= it.start {
				it.end = blankAt
			}
			return l, err
		}
		if err != nil {
			return l, err
		}
		if blank && strings.HasPrefix(l.text, "From ") {
			if _, ok := fromDate(l.text); ok || !strict {
				it.end = max(it.start, blankAt)
				return l, nil
			}
		}
		if blank = l.blank(); blank {
			blankAt = l.at
		} else {
			blankAt = l.next
		}
	}
}

// header reads the header of a message and returns where its body is read on:
// behind it, where a Content-Length can be believed.
func (f file) header(it *item, from int64) (*lines, error) {
	it.start = from
	s := f.lines(from)
	h := &headers{it: it, length: -1}
	for n := 0; ; n++ {
		l, err := s.next()
		if errors.Is(err, io.EOF) {
			return f.body(it, h, line{at: f.size, next: f.size, text: "(end)"})
		}
		if err != nil {
			return nil, err
		}
		if l.blank() || (strings.HasPrefix(l.text, "From ") && n == 0) {
			return f.body(it, h, l)
		}
		if it.note != nil && n == notedLines {
			// Ours: what follows is the message, header and all.
			it.start = l.at
			h.finish()
			return f.lines(l.at), nil
		}
		h.line(l, n)
	}
}

// body decides where the body ends.
func (f file) body(it *item, h *headers, l line) (*lines, error) {
	if it.note != nil {
		it.start = h.behindNote
	}
	h.finish()
	if it.note != nil || !l.blank() {
		return f.lines(it.start), nil
	}
	if end := l.next + h.length; h.length >= 0 && end <= f.size && f.messageAt(end) {
		it.verbatim = true
		it.strip = append(it.strip, h.lengthAt)
		return f.lines(end), nil
	}
	return f.lines(l.at), nil
}

// messageAt reports whether a message may begin at an offset, or the file ends.
func (f file) messageAt(at int64) bool {
	b := make([]byte, 8)
	n, err := f.r.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(string(b[:n]), "\r"), "\n")
	return at+int64(n)-int64(len(rest)) >= f.size || rest != string(b[:n]) && strings.HasPrefix(rest, "From ")
}

// notedLines is how many lines we put in front of a message.
const notedLines = 4

// headers gathers what the header says of flags and lengths.
type headers struct {
	it         *item
	flags      flagWords
	length     int64
	lengthAt   piece
	behindNote int64
	last       bool // the line before was the format's: so is what continues it
}

func (h *headers) line(l line, n int) {
	text := strings.TrimSuffix(l.text, "\r")
	if n == 0 && strings.HasPrefix(text, noteHeader) {
		h.it.note = parseNote(text)
	}
	if n < notedLines {
		h.behindNote = l.next
	}
	name, value, _ := strings.Cut(text, ":")
	own := false
	switch strings.ToLower(name) {
	case "content-length":
		if v, err := strconv.ParseInt(strings.TrimSpace(value), 10, 62); err == nil && h.length < 0 {
			h.length, h.lengthAt = v, piece{l.at, l.next}
		}
	case "x-bascule", "x-uid", "x-imap", "x-imapbase", "status", "x-status", "x-keywords", "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys":
		own = h.it.note == nil || n < notedLines
	default:
		own = h.last && strings.IndexAny(text, " \t") == 0
	}
	if own && len(h.it.strip) < maxStrip {
		h.flags.read(strings.ToLower(name), strings.TrimSpace(value))
		h.it.strip = append(h.it.strip, piece{l.at, l.next})
	}
	h.last = own
}

func (h *headers) finish() {
	h.it.flags = h.flags.flags()
	if h.it.note != nil {
		h.it.date = time.Unix(h.it.note.date, 0).UTC()
	}
}

// fromDate reads the date of a From_ line: the one of asctime, with or without
// seconds and a zone, wherever it stands.
func fromDate(text string) (time.Time, bool) {
	words := strings.Fields(strings.TrimSuffix(text, "\r"))
	for i := 1; i+4 < len(words)+1 && i < 12; i++ {
		for _, layout := range []string{"Mon Jan 2 15:04:05 2006 -0700", "Mon Jan 2 15:04:05 -0700 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04 2006"} {
			n := len(strings.Fields(layout))
			if i+n > len(words) {
				continue
			}
			if t, err := time.Parse(layout, strings.Join(words[i:i+n], " ")); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}
