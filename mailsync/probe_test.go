package mailsync_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

func (w *world) probeOptions() mailsync.ProbeOptions {
	return mailsync.ProbeOptions{OpenSource: w.source.OpenSource, OpenTarget: w.target.OpenTarget, Clock: clock.NewVirtual(day.AddDate(0, 0, 1)), Random: rand.Reader}
}

func (w *world) probe() mailsync.Personality {
	w.t.Helper()
	p, err := mailsync.Probe(context.Background(), w.probeOptions())
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// anew writes a message again as a server does that keeps what messages say.
func anew(b []byte, n int) []byte {
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	head = strings.ReplaceAll(head, "\r\n ", " ")
	if _, boundary, ok := strings.Cut(head, "boundary="); ok {
		boundary, _, _ = strings.Cut(strings.Trim(boundary, `"`), "\r\n")
		boundary = strings.Trim(boundary, `"`)
		fresh := fmt.Sprintf("anew-%d", n)
		head, body = strings.ReplaceAll(head, `"`+boundary+`"`, fresh), strings.ReplaceAll("\r\n"+body, "\r\n--"+boundary, "\r\n--"+fresh)[2:]
	}
	return []byte(fmt.Sprintf("X-Rendered: %d\r\n", n) + head + "\r\n\r\n" + body)
}

func put(field string) func([]byte) []byte {
	return func(b []byte) []byte { return append([]byte(field), b...) }
}

func TestAProbeLearnsTheClass(t *testing.T) {
	lines := func(b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	cases := map[string]struct {
		p      storetest.Personality
		class  mailsync.Class
		alters []mailsync.Alteration
		form   mailsync.Form
	}{
		"keeps every octet":     {class: mailsync.Exact},
		"eats a CR":             {p: storetest.Personality{EatCR: true}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AltersLineEnds}},
		"stores lines":          {p: storetest.Personality{Alter: lines}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AltersLineEnds}},
		"replaces NUL":          {p: storetest.Personality{Alter: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, []byte{0x80}) }}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AltersNUL}},
		"drops NUL":             {p: storetest.Personality{Alter: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, nil) }}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AltersNUL}, form: mailsync.Form{DropNUL: true}},
		"ends the last line":    {p: storetest.Personality{Alter: func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("\r\n")), "\r\n"...) }}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AltersEnd}, form: mailsync.Form{TrimEnd: true}},
		"adds a field":          {p: storetest.Personality{Alter: put("X-UID: 7\r\n")}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AddsFields}, form: mailsync.Form{Added: []string{"x-uid"}}},
		"adds one, ends lines":  {p: storetest.Personality{Alter: func(b []byte) []byte { return lines(put("X-UID: 7\r\n")(b)) }}, class: mailsync.Normalised, alters: []mailsync.Alteration{mailsync.AddsFields, mailsync.AltersLineEnds}, form: mailsync.Form{Added: []string{"x-uid"}}},
		"writes anew each time": {p: storetest.Personality{Render: anew}, class: mailsync.Semantic, alters: []mailsync.Alteration{mailsync.WritesAnew}, form: mailsync.Form{Semantic: true}},
		"writes anew once":      {p: storetest.Personality{Alter: func(b []byte) []byte { return anew(b, 1) }}, class: mailsync.Semantic, alters: []mailsync.Alteration{mailsync.WritesAnew}, form: mailsync.Form{Semantic: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.p)
			w.fill()
			w.target.Put("Private", "theirs", day)
			before := contents(w.target)
			p := w.probe()
			if p.Class != c.class || !slices.Equal(p.Alters, c.alters) {
				t.Fatalf("%s, alters %v: %+v", p.Class, p.Alters, p)
			}
			if d := cmp.Diff(c.form, p.Form()); d != "" {
				t.Fatal(d)
			}
			if p.Source != mailsync.Exact || p.SourceMessages == 0 || len(w.source.Writes()) > 0 {
				t.Fatalf("source: %+v", p)
			}
			if d := cmp.Diff(before, contents(w.target)); d != "" || len(w.target.Snapshot()) != 2 {
				t.Fatalf("the probe left something: %v\n%s", w.target.Snapshot(), d)
			}
		})
	}
}

func TestAProbeLearnsMarks(t *testing.T) {
	long := "bascule-probe-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"
	for name, c := range map[string]struct {
		p    storetest.Personality
		want mailsync.Personality
	}{
		"all are kept":          {want: mailsync.Personality{Flagged: "at APPEND", Keywords: "at APPEND", LongKeywords: "at APPEND", FutureDates: "at APPEND", OldDates: "at APPEND"}},
		"flagged by STORE":      {storetest.Personality{DropFlagged: true}, mailsync.Personality{Flagged: "by STORE", Keywords: "at APPEND", LongKeywords: "at APPEND", FutureDates: "at APPEND", OldDates: "at APPEND"}},
		"the long one by STORE": {storetest.Personality{StoreOnly: []string{long}}, mailsync.Personality{Flagged: "at APPEND", Keywords: "at APPEND", LongKeywords: "by STORE", FutureDates: "at APPEND", OldDates: "at APPEND"}},
		"no keywords":           {storetest.Personality{FixedKeywords: []string{"$Forwarded"}}, mailsync.Personality{Flagged: "at APPEND", Keywords: "not kept", LongKeywords: "not kept", FutureDates: "at APPEND", OldDates: "at APPEND"}},
		"no future":             {storetest.Personality{FutureIsNow: true, Now: day}, mailsync.Personality{Flagged: "at APPEND", Keywords: "at APPEND", LongKeywords: "at APPEND", FutureDates: "not kept", OldDates: "at APPEND"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newWorld(t, c.p).probe()
			got := mailsync.Personality{Flagged: p.Flagged, Keywords: p.Keywords, LongKeywords: p.LongKeywords, FutureDates: p.FutureDates, OldDates: p.OldDates}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Fatal(d)
			}
		})
	}
}

func TestAProbeOfAServerThatRefuses(t *testing.T) {
	refuse := func(b []byte, _ []string) error {
		if bytes.IndexByte(b, 0) >= 0 || bytes.Contains(bytes.ReplaceAll(b, []byte("\r\n"), nil), []byte("\n")) {
			return &mailsync.ServerError{Command: "APPEND", Status: "NO", Text: "Message contains NUL or bare newlines"}
		}
		return nil
	}
	w := newWorld(t, storetest.Personality{Refuse: refuse})
	p := w.probe()
	if p.Class != mailsync.Exact || len(p.Refuses) != 2 || !strings.Contains(p.Refuses[0].Text, "bare newlines") {
		t.Fatalf("%+v", p)
	}
	for name, personality := range map[string]storetest.Personality{
		"folders": {RefuseFolder: func([]string) error { return &mailsync.ServerError{Command: "CREATE", Status: "NO", Text: "no"} }},
		"all messages": {Refuse: func([]byte, []string) error {
			return &mailsync.ServerError{Command: "APPEND", Status: "NO", Text: "no"}
		}},
		"deletion": {KeepsFolders: true},
	} {
		w := newWorld(t, personality)
		if p := w.probe(); p.Class != mailsync.Unprobed || p.Why == "" {
			t.Errorf("%s: %+v", name, p)
		}
		if p := w.probe(); p.Class != mailsync.Unprobed || len(w.target.Snapshot()) > 2 {
			t.Errorf("%s: each probe leaves a folder: %v", name, w.target.Snapshot())
		}
	}
	full := newWorld(t, storetest.Personality{Refuse: func([]byte, []string) error {
		return &mailsync.ServerError{Command: "APPEND", Status: "NO", Code: "OVERQUOTA", Text: "full"}
	}})
	if _, err := mailsync.Probe(context.Background(), full.probeOptions()); err == nil || len(full.target.Snapshot()) != 1 {
		t.Fatalf("a full mailbox was judged: %v, %v", err, full.target.Snapshot())
	}
}

func TestAProbeFindsOneAccountOnBothSides(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.source = w.target
	w.fill()
	before := contents(w.target)
	_, err := mailsync.Probe(context.Background(), w.probeOptions())
	if !errors.Is(err, mailsync.ErrSameAccount) {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(before, contents(w.target)); d != "" || slices.ContainsFunc(folderNames(w.target), isProbe) {
		t.Fatalf("%v %s", folderNames(w.target), d)
	}
}

func folderNames(s *storetest.Server) (out []string) {
	for f := range s.Snapshot() {
		out = append(out, f)
	}
	return out
}

func isProbe(folder string) bool { return strings.HasPrefix(folder, "bascule-probe-") }

// TestAProbeThatIsKilled: the next one removes what is left, and nothing else.
func TestAProbeThatIsKilled(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t, storetest.Personality{StoreOnly: []string{"bascule-probe"}})
		w.fill()
		w.target.Put("bascule-probe-mine", "a person's own", day)
		o := w.probeOptions()
		seen, killed := 0, false
		o.Tap = func(string) {
			if seen++; seen == n {
				panic(errKilled)
			}
		}
		func() {
			defer func() { killed = recover() != nil }()
			if _, err := mailsync.Probe(context.Background(), o); err != nil {
				t.Fatal(err)
			}
		}()
		if !killed {
			if n < 30 {
				t.Fatalf("only %d points", n)
			}
			return
		}
		if p := w.probe(); p.Class != mailsync.Exact {
			t.Fatalf("killed at %d: %+v", n, p)
		}
		if left := w.target.Snapshot(); len(left) != 2 || len(left["bascule-probe-mine"]) != 1 {
			t.Fatalf("killed at %d: %v", n, folderNames(w.target))
		}
	}
}

// TestAProbeLeavesOthersFoldersAlone: a scratch folder in which somebody filed
// a message is somebody's.
func TestAProbeLeavesOthersFoldersAlone(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	o := w.probeOptions()
	appends := 0
	o.Tap = func(point string) {
		if point == "after APPEND" {
			if appends++; appends == 3 {
				panic(errKilled)
			}
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = mailsync.Probe(context.Background(), o)
	}()
	names := folderNames(w.target)
	i := slices.IndexFunc(names, isProbe)
	w.target.Put(names[i], "filed here by a person", day)
	w.probe()
	if len(w.target.Snapshot()[names[i]]) != 4 {
		t.Fatalf("a person's message was deleted: %v", w.target.Snapshot())
	}
}

func TestASourceThatWritesAnew(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.source.P.Render = anew
	if p := w.probe(); p.Source != mailsync.Semantic || p.Class != mailsync.Exact || !p.Form().Semantic {
		t.Fatalf("%+v", p)
	}
}

func TestAConnectionThatEndsDuringAProbe(t *testing.T) {
	for n := 1; n < 60; n++ {
		w := newWorld(t, storetest.Personality{})
		seen := 0
		w.target.Before = func(string) error {
			if seen++; seen == n {
				return storetest.Cutoff()
			}
			return nil
		}
		p, err := mailsync.Probe(context.Background(), w.probeOptions())
		w.target.Before = nil
		if err == nil && p.Class != mailsync.Exact {
			t.Fatalf("cut at %d: %+v", n, p)
		}
		if p := w.probe(); p.Class != mailsync.Exact || len(w.target.Snapshot()) != 1 {
			t.Fatalf("cut at %d: %+v, left %v", n, p, folderNames(w.target))
		}
	}
}
