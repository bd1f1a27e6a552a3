package mailsync_test

import (
	"bytes"
	"testing"

	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// probed is a world whose passes know what a probe learnt.
func probed(t testing.TB, p storetest.Personality) *world {
	w := newWorld(t, p)
	w.o.Personality = w.probe()
	w.target.Writes()
	return w
}

// altering are targets that do not keep octets.
func altering() map[string]storetest.Personality {
	return map[string]storetest.Personality{
		"line ends":       {EatCR: true},
		"added fields":    {Alter: put("X-UID: 7\r\n")},
		"a final line":    {Alter: func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("\r\n")), "\r\n"...) }},
		"written anew":    {Render: anew},
		"no UIDs, added":  {Alter: put("X-UID: 7\r\n"), NoUIDPlus: true},
		"no UIDs, anew":   {Render: anew, NoUIDPlus: true},
		"one by one, new": {Render: anew, NoUIDPlus: true, SingleAppend: true, NoCondStore: true},
	}
}

// sentBy counts what a pass appended.
func sentBy(r mailsync.Report) (n int) {
	for _, f := range r.Folders {
		n += f.Copied
	}
	return n
}

func odd() string {
	return "From: a@example.com\r\nMessage-ID: <odd@example.com>\r\n\r\nfour\r\r\nlines"
}

func TestWhatATargetAltersIsCopiedOnce(t *testing.T) {
	for name, p := range altering() {
		t.Run(name, func(t *testing.T) {
			w := probed(t, p)
			w.fill()
			w.source.Put("Clients", odd(), day)
			r := w.complete()
			if r.Totals[mailsync.Copied] != 36 || total(w.target) != 36 {
				t.Fatal(r.Totals, total(w.target))
			}
			w.quiet()
		})
	}
}

func total(s *storetest.Server) (n int) {
	for _, list := range s.Snapshot() {
		n += len(list)
	}
	return n
}

func TestAnAlteredCopyThatAPersonMovedIsFound(t *testing.T) {
	for name, p := range altering() {
		t.Run(name, func(t *testing.T) {
			w := probed(t, p)
			w.fill()
			w.source.Put("Clients", odd(), day)
			w.complete()
			list := w.target.Snapshot()["Clients"]
			w.target.Move("Clients", list[len(list)-1].UID, "Perso")
			w.target.Move("INBOX", 2, "Perso")
			if r := w.complete(); sentBy(r) > 0 || total(w.target) != 36 {
				t.Fatalf("copied again: %v", r.Outcomes)
			}
			w.quiet()
		})
	}
}

func TestALostLedgerOnATargetThatAlters(t *testing.T) {
	for name, p := range altering() {
		for decision, similar := range map[string]mailsync.Similar{"ask": mailsync.AskSimilar, "adopt": mailsync.AdoptSimilar, "keep both": mailsync.KeepBoth} {
			t.Run(name+", "+decision, func(t *testing.T) {
				w := probed(t, p)
				w.fill()
				w.source.Put("Clients", odd(), day)
				w.source.Put("Clients", odd(), day)
				w.complete()
				before := total(w.target)
				w.ledger = ledgertest.NewMemory("another")
				w.o.OnSimilar = similar
				r := w.pass()
				asked := 0
				for _, f := range r.Folders {
					asked += f.Similar
				}
				switch similar {
				case mailsync.AskSimilar:
					if asked < 2 || r.Complete || len(r.Failures) == 0 || len(r.Failures) > 4 || total(w.target) != before {
						t.Fatalf("asked about %d: %+v", asked, r)
					}
				case mailsync.AdoptSimilar:
					if asked > 0 || !r.Complete || total(w.target) != before || r.Totals[mailsync.Adopted] != before {
						t.Fatalf("%d on the target, had %d: %+v", total(w.target), before, r)
					}
					w.quiet()
				case mailsync.KeepBoth:
					if asked > 0 || !r.Complete || total(w.target) < before+2 {
						t.Fatalf("%d on the target, had %d: %+v", total(w.target), before, r)
					}
				}
			})
		}
	}
}

// TestASourceThatWritesAnewIsFollowed: its messages are known by what they say.
func TestASourceThatWritesAnewIsFollowed(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.source.P.Render = anew
	w.o.Personality = w.probe()
	w.complete()
	before := total(w.target)
	w.source.Renumber("INBOX")
	w.source.Move("Clients", 1, "Clients/Nouveau")
	w.source.Put("Sent", body(3000), day)
	if r := w.complete(); sentBy(r) != 1 || total(w.target) != before+1 || r.MovedOnTarget != 1 {
		t.Fatalf("%d on the target, had %d: %+v", total(w.target), before, r)
	}
	w.quiet()
}
