package mailsync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// arrived is a message as the old side holds it: its MX wrote the first
// Received field that names it.
func arrived(n int, queue string) string {
	return fmt.Sprintf("Return-Path: <a@far.example>\r\nReceived: from mx.old.example by store.old.example with LMTP id L%s\r\n"+
		"Received: from far.example (far.example [192.0.2.1])\r\n\tby mx.old.example (Postfix) with ESMTPS id %s\r\n\tfor <alice@example.ch>; Mon, 4 Jan 2027 11:00:00 +0000\r\n"+
		"From: a@far.example\r\nMessage-ID: <%d@far.example>\r\nDate: Mon, 4 Jan 2027 11:00:00 +0000\r\nSubject: %d\r\n\r\nhello %d\r\n", queue, queue, n, n, n)
}

// forwarded is what the target makes of it: lines on top, the last ones of the
// old side gone, folded otherwise.
func forwarded(n int, queue string) string {
	m := arrived(n, queue)
	m = m[strings.Index(m, "Received: from far.example"):]
	m = strings.ReplaceAll(m, "\r\n\t", "\r\n  ")
	return "Return-Path: <SRS0=x@old.example>\r\nDelivered-To: alice@example.ch\r\nReceived: from mx.old.example by mx.new.example with ESMTPS id N" + queue + "; Mon, 4 Jan 2027 11:00:05 +0000\r\n" + m
}

// noon of the day of the forward; it began in the morning.
var forwardNoon = time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC)

func forwarding(t testing.TB) *world {
	w := switched(t)
	w.o.Forward = &mailsync.Forward{Since: forwardNoon.Add(-4 * time.Hour), Hosts: []string{"MX.old.example."}, Grace: 15 * time.Minute}
	return w
}

func (w *world) expectTotal(folder string, n int) {
	w.t.Helper()
	if got := len(w.target.Snapshot()[folder]); got != n {
		w.t.Fatalf("%s holds %d messages, want %d", folder, got, n)
	}
}

func TestAMessageThatComesBothWaysIsOne(t *testing.T) {
	early := forwardNoon.Add(-time.Hour)
	cases := map[string]struct {
		do   func(w *world)
		want int // messages in INBOX beyond those of before
		sum  map[mailsync.Outcome]int
	}{
		"by the forward first": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", forwarded(1, "A"), early)
		}, 1, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"filed elsewhere by a rule": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("Clients", forwarded(1, "A"), early)
		}, 0, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"filed where no pair leads": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("Perso", forwarded(1, "A"), early)
		}, 0, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"a list copy and a direct copy": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.source.Put("INBOX", arrived(1, "B"), early)
			w.target.Put("INBOX", forwarded(1, "B"), early)
		}, 2, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"the direct copy, of which the forward brought the list's": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", forwarded(1, "B"), early)
		}, 2, nil},
		"later still, read on the old side": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early, `\Seen`)
			w.complete()
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 2, nil},
		"twice the same, brought once": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", forwarded(1, "A"), early)
		}, 2, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"another body": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", strings.Replace(forwarded(1, "A"), "hello", "hallo", 1), early)
		}, 2, nil},
		"another sender": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", strings.Replace(forwarded(1, "A"), "From: a@", "From: b@", 1), early)
		}, 2, nil},
		"no Message-ID": {func(w *world) {
			w.source.Put("INBOX", strings.Replace(arrived(1, "A"), "Message-ID", "X-ID", 1), early)
			w.target.Put("INBOX", strings.Replace(forwarded(1, "A"), "Message-ID", "X-ID", 1), early)
		}, 2, nil},
		"two Message-IDs": {func(w *world) {
			w.source.Put("INBOX", "Message-ID: <1@far.example>\r\n"+arrived(1, "A"), early)
			w.target.Put("INBOX", "Message-ID: <1@far.example>\r\n"+forwarded(1, "A"), early)
		}, 2, nil},
		"no line of the old MX": {func(w *world) {
			w.source.Put("INBOX", strings.ReplaceAll(arrived(1, "A"), "by mx.old", "by mx.other"), early)
			w.target.Put("INBOX", strings.ReplaceAll(forwarded(1, "A"), "by mx.old", "by mx.other"), early)
		}, 2, nil},
		"from before the forward": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), forwardNoon.Add(-5*time.Hour))
			w.target.Put("INBOX", forwarded(1, "A"), early)
		}, 2, nil},
		"no forward": {func(w *world) {
			w.o.Forward = nil
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.target.Put("INBOX", forwarded(1, "A"), early)
		}, 2, nil},
		"later still": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 1, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"later still, elsewhere": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Put("Perso", forwarded(1, "A"), forwardNoon)
		}, 0, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"later still, ours was read": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Flag("INBOX", lastUID(w, "INBOX"), `+\Seen`)
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 2, nil},
		"later still, ours was flagged": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Flag("INBOX", lastUID(w, "INBOX"), `+\Flagged`)
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 2, nil},
		"later still, ours was moved": {func(w *world) { // both stay; the row goes over to the twin
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Move("INBOX", lastUID(w, "INBOX"), "Perso")
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 1, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
		"a person copied ours": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			w.target.Put("Perso", arrived(1, "A"), early)
		}, 1, nil},
		"later still, gone from the source": {func(w *world) {
			w.source.Put("INBOX", arrived(1, "A"), early)
			w.complete()
			list := w.source.Snapshot()["INBOX"]
			w.source.Expunge("INBOX", list[len(list)-1].UID)
			w.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
		}, 1, map[mailsync.Outcome]int{mailsync.Delivered: 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := forwarding(t)
			before := len(w.target.Snapshot()["INBOX"])
			c.do(w)
			private := len(w.target.Snapshot()["Perso"])
			w.complete()
			w.expectTotal("INBOX", before+c.want)
			w.expectTotal("Perso", private)
			if r := w.complete(); r.Totals[mailsync.Delivered] != c.sum[mailsync.Delivered] {
				t.Fatal(r.Totals)
			}
			w.expectTotal("INBOX", before+c.want)
			w.quiet()
			if v := w.verifyAs(mailsync.Full, mailsync.Personality{}); slices.ContainsFunc(v.Differences, func(d mailsync.Difference) bool {
				return d.Kind == mailsync.Altered || d.Kind == mailsync.Missing
			}) {
				t.Fatalf("%+v", v.Differences)
			}
		})
	}
}

func lastUID(w *world, folder string) mailsync.UID {
	list := w.target.Snapshot()[folder]
	return list[len(list)-1].UID
}

func TestThePullWaitsForTheForward(t *testing.T) {
	for name, c := range map[string]struct {
		age   time.Duration
		final bool
		want  int
	}{
		"young":                 {5 * time.Minute, false, 0},
		"old enough":            {15 * time.Minute, false, 1},
		"by a clock that leads": {-10 * time.Minute, false, 0},
		"a date far ahead":      {-time.Hour, false, 1},
		"the last delta":        {5 * time.Minute, true, 1},
		"before the forward":    {5 * time.Hour, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := forwarding(t)
			w.o.Final = c.final
			w.source.Put("INBOX", arrived(1, "A"), forwardNoon.Add(-c.age))
			r := w.complete()
			w.expect("INBOX", arrived(1, "A"), c.want)
			if len(r.Held) != 1-c.want {
				t.Fatalf("held: %+v", r.Held)
			}
		})
	}
}

// TestWithdrawnAnywhereKilled: killed at any step, there is one message at the end.
func TestWithdrawnAnywhereKilled(t *testing.T) {
	start := forwarding(t)
	start.source.Put("INBOX", arrived(1, "A"), forwardNoon.Add(-time.Hour))
	start.source.Put("Clients", arrived(2, "B"), forwardNoon.Add(-time.Hour))
	start.source.Put("INBOX", arrived(4, "D"), forwardNoon.Add(-2*time.Hour))
	start.complete()
	start.source.Put("INBOX", arrived(3, "C"), forwardNoon.Add(-time.Hour))
	start.target.Put("INBOX", forwarded(1, "A"), forwardNoon)
	start.target.Put("Perso", forwarded(2, "B"), forwardNoon)
	start.target.Put("Perso", forwarded(3, "C"), forwardNoon)
	want := start.fork(t)
	want.end()
	if n := want.complete().Totals[mailsync.Delivered]; n != 3 {
		t.Fatalf("%d delivered", n)
	}
	n := 1
	for ; ; n++ {
		w := start.fork(t)
		if !w.killAt(n) {
			break
		}
		w.end()
		if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
			t.Fatalf("killed at step %d (-undisturbed +killed):\n%s", n, d)
		}
		if d := cmp.Diff(memoryOf(t, want.ledger), memoryOf(t, w.ledger)); d != "" {
			t.Fatalf("killed at step %d: ledger (-undisturbed +killed):\n%s", n, d)
		}
	}
	if n < 10 {
		t.Fatalf("only %d steps", n)
	}
}

func TestTwinsOnATargetThatAltersLines(t *testing.T) {
	w := forwarding(t)
	w.o.Personality = mailsync.Personality{Class: mailsync.Normalised, Alters: []mailsync.Alteration{mailsync.AltersLineEnds}}
	w.target.P = storetest.Personality{EatCR: true, Delim: '/', Now: w.target.P.Now}
	before := len(w.target.Snapshot()["INBOX"])
	w.source.Put("INBOX", arrived(1, "A")+"a\r\r\nb\r\n", forwardNoon.Add(-time.Hour))
	w.target.Put("INBOX", forwarded(1, "A")+"a\r\nb\r\n", forwardNoon)
	if r := w.complete(); r.Totals[mailsync.Delivered] != 1 {
		t.Fatal(r.Totals)
	}
	w.expectTotal("INBOX", before+1)
}
