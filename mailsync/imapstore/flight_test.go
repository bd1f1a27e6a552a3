package imapstore

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/retry"
	"bascule/internal/testservers"
	"bascule/mailsync"
)

// stubborn is a server that keeps a folder open when the next one is refused,
// and tells what was done in which.
type stubborn struct{ open string }

func (b *stubborn) answer(did *[]string) func(p *peer, tag, cmd string) {
	return func(p *peer, tag, cmd string) {
		name, rest, _ := strings.Cut(cmd, " ")
		folder := strings.Trim(rest, `"`)
		switch {
		case name == "UNSELECT":
			b.open = ""
			p.send(tag + " OK closed")
		case (name == "SELECT" || name == "EXAMINE") && folder == "Gone":
			p.send(tag + " NO no such folder")
		case name == "SELECT", name == "EXAMINE":
			b.open = folder
			p.send("* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 100] x", tag+" OK x")
		case name == "UID" && b.open == "":
			p.send(tag + " BAD no folder is open")
		case name == "UID":
			*did = append(*did, b.open+": "+rest)
			p.send(tag + " OK done")
		default:
			p.ok(tag, cmd)
		}
	}
}

func named(name string) mailsync.Folder { return mailsync.Folder{Path: []string{name}, Raw: name} }

func marking(folder string, uids ...mailsync.UID) mailsync.Storing {
	return mailsync.Storing{Folder: named(folder), Validity: 7, Changes: []mailsync.FlagChange{{UIDs: uids, Flag: `\Deleted`}}}
}

// What is meant for a folder that is refused is done in no other, whatever the
// server makes of a refused SELECT, and whether it has UNSELECT or not.
func TestARefusedFolderTakesNothingWithIt(t *testing.T) {
	for _, caps := range []string{"UIDPLUS UNSELECT", "UIDPLUS"} {
		t.Run(caps, func(t *testing.T) {
			var did []string
			cfg, _ := scripted(t, caps, (&stubborn{}).answer(&did))
			dst := target(t, cfg)
			// A folder is open for writing already.
			if _, err := dst.Select(t.Context(), named("Before")); err != nil {
				t.Fatal(err)
			}
			stored, err := dst.StoreAll(t.Context(), []mailsync.Storing{marking("Gone", 1), marking("A", 2), marking("Gone", 3), marking("B", 4, 5)})
			if err != nil || stored[0].Err == nil || stored[1].Err != nil || stored[2].Err == nil || stored[3].Err != nil {
				t.Fatalf("%+v, %v", stored, err)
			}
			if stored[1].Replaced(7) || !stored[1].Replaced(8) || stored[0].Replaced(7) {
				t.Fatalf("%+v", stored)
			}
			gone, err := dst.ExpungeAll(t.Context(), []mailsync.Removal{{Folder: named("Gone"), UIDs: []mailsync.UID{2}}, {Folder: named("B"), UIDs: []mailsync.UID{4}}})
			if err != nil || gone[0].Err == nil || gone[1].Err != nil {
				t.Fatalf("%+v, %v", gone, err)
			}
			want := []string{`A: STORE 2 +FLAGS.SILENT (\Deleted)`, `B: STORE 4:5 +FLAGS.SILENT (\Deleted)`, "B: EXPUNGE 4"}
			if d := cmp.Diff(want, did); d != "" {
				t.Fatal(d)
			}
		})
	}
}

func TestAConnectionThatEndsInTheMiddleOfAFlight(t *testing.T) {
	serve := func(p *peer, tag, cmd string) {
		if strings.Contains(cmd, "Third") {
			p.send("* BYE [UNAVAILABLE] going down")
			if c, ok := p.out.(io.Closer); ok {
				_ = c.Close()
			}
			return
		}
		p.ok(tag, cmd)
	}
	flights := map[string]func(dst *Target) error{
		"storing": func(dst *Target) error {
			_, err := dst.StoreAll(t.Context(), []mailsync.Storing{marking("First", 1), marking("Second", 1), marking("Third", 1), marking("Fourth", 1)})
			return err
		},
		"expunging": func(dst *Target) error {
			_, err := dst.ExpungeAll(t.Context(), []mailsync.Removal{{Folder: named("Second"), UIDs: []mailsync.UID{1}}, {Folder: named("Third"), UIDs: []mailsync.UID{1}}})
			return err
		},
		"reading": func(dst *Target) error {
			_, err := dst.ReadAll(t.Context(), readings("First", "Third", "Fourth"), func(int, mailsync.Meta, int64, io.Reader) error { return nil })
			return err
		},
	}
	for name, run := range flights {
		cfg, _ := scripted(t, "UIDPLUS UNSELECT", serve)
		if err := run(target(t, cfg)); err == nil || !retry.IsTemporary(err) || !strings.Contains(err.Error(), "going down") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func readings(folders ...string) []mailsync.Reading {
	var out []mailsync.Reading
	for _, f := range folders {
		out = append(out, mailsync.Reading{Folder: named(f), Validity: 7, UIDs: []mailsync.UID{1, 2}})
	}
	return out
}

// TestOctetsBelongToTheFolderThatWasAsked: whatever a server says when, no
// message is delivered for a folder it does not belong to.
func TestOctetsBelongToTheFolderThatWasAsked(t *testing.T) {
	const opened = "* OK [UIDVALIDITY 7] x"
	tests := map[string]struct {
		examine, fetch []string // of the second folder; %s is the tag
		refused        bool
		want           []string
	}{
		"as it should be":                            {[]string{opened, "%s OK x"}, []string{fetched(1, "b1"), fetched(2, "b2"), "%s OK x"}, false, []string{"1 1 b1", "1 2 b2"}},
		"the folder is another one":                  {[]string{"* OK [UIDVALIDITY 8] x", "%s OK x"}, []string{fetched(1, "b1"), "%s OK x"}, true, nil},
		"the folder is refused and yet answered for": {[]string{"%s NO x"}, []string{fetched(1, "b1"), "%s OK x"}, true, nil},
		"octets come before the folder is open":      {[]string{fetched(1, "a1"), opened, "%s OK x"}, []string{fetched(2, "b2"), "%s OK x"}, false, []string{"1 2 b2"}},
		"strangers and twins":                        {[]string{opened, "%s OK x"}, []string{fetched(9, "b9"), fetched(1, "b1"), fetched(1, "c1"), fetched(2, "b2"), "%s OK x"}, false, []string{"1 1 b1", "1 2 b2"}},
		"half of it is refused":                      {[]string{opened, "%s OK x"}, []string{fetched(1, "b1"), "%s NO cannot read"}, true, []string{"1 1 b1"}},
		"octets before attributes":                   {[]string{opened, "%s OK x"}, []string{"* 1 FETCH (BODY[] {2}\r\nb1 UID 1)", "%s OK x"}, true, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			second := false
			cfg, _ := scripted(t, "UNSELECT", func(p *peer, tag, cmd string) {
				lines := []string{opened, "%s OK x"}
				switch {
				case strings.HasPrefix(cmd, "EXAMINE"):
					if second = strings.Contains(cmd, "Second"); second {
						lines = tt.examine
					}
				case strings.HasPrefix(cmd, "UID FETCH") && second:
					lines = tt.fetch
				default:
					lines = []string{fetched(1, "o1"), "%s OK x"}
				}
				for _, l := range lines {
					p.send(strings.ReplaceAll(l, "%s", tag))
				}
			})
			var got []string
			refusals, err := source(t, cfg).ReadAll(t.Context(), readings("First", "Second", "Third"), func(i int, m mailsync.Meta, _ int64, body io.Reader) error {
				text, err := io.ReadAll(body)
				if i == 1 {
					got = append(got, fmt.Sprintf("%d %d %s", i, m.UID, text))
				}
				return err
			})
			if err != nil || (refusals[1] != nil) != tt.refused || refusals[0] != nil {
				t.Fatal(refusals, err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatal(d)
			}
		})
	}
}

func TestAReadingThatIsStoppedEndsWell(t *testing.T) {
	_, cfg := memory(t)
	dst := target(t, cfg)
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("A: 1\r\n\r\none"), message("A: 2\r\n\r\ntwo"))); err != nil {
		t.Fatal(err)
	}
	st, err := dst.Examine(t.Context(), inbox())
	if err != nil {
		t.Fatal(err)
	}
	g := mailsync.Reading{Folder: inbox(), Validity: st.UIDValidity, UIDs: []mailsync.UID{1, 2}}
	boom, told := errors.New("enough"), 0
	_, err = dst.ReadAll(t.Context(), []mailsync.Reading{g, g, g}, func(int, mailsync.Meta, int64, io.Reader) error { told++; return boom })
	if !errors.Is(err, boom) || told != 1 {
		t.Fatal(told, err)
	}
	if _, err := dst.Examine(t.Context(), inbox()); err != nil {
		t.Fatal("out of step:", err)
	}
}

// TestFlightsAreOneRoundTrip counts on the wire what sixteen folders cost.
func TestFlightsAreOneRoundTrip(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{})
	dst := target(t, cfg)
	var reads []mailsync.Reading
	var marks []mailsync.Storing
	var gone []mailsync.Removal
	for n := range 16 {
		f := mustCreate(t, dst, fmt.Sprint("Dossier ", n))
		done, err := dst.Append(t.Context(), f, outgoing(message("A: 1\r\n\r\none"), message("A: 2\r\n\r\n"+strings.Repeat("two\r\n", 5000))))
		if err != nil {
			t.Fatal(err)
		}
		reads = append(reads, mailsync.Reading{Folder: f, Validity: done.UIDValidity, UIDs: done.UIDs})
		marks = append(marks, mailsync.Storing{Folder: f, Validity: done.UIDValidity, Changes: []mailsync.FlagChange{{UIDs: done.UIDs[:1], Flag: `\Deleted`}}})
		gone = append(gone, mailsync.Removal{Folder: f, Validity: done.UIDValidity, UIDs: done.UIDs})
	}
	turns := func(what string, flight func() error) {
		t.Helper()
		before := dst.Meter().Turns
		if err := flight(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n := dst.Meter().Turns - before; n != 1 {
			t.Errorf("%s of 16 folders waited %d times", what, n)
		}
	}
	octets := int64(0)
	turns("reading", func() error {
		refusals, err := dst.ReadAll(t.Context(), reads, func(_ int, _ mailsync.Meta, n int64, _ io.Reader) error { octets += n; return nil })
		return errors.Join(append(refusals, err)...)
	})
	if octets < 16*25_000 {
		t.Fatalf("%d octets", octets)
	}
	turns("storing", func() error { _, err := dst.StoreAll(t.Context(), marks); return err })
	turns("expunging", func() error { _, err := dst.ExpungeAll(t.Context(), gone); return err })
	if st, err := dst.Examine(t.Context(), reads[7].Folder); err != nil || st.Messages != 1 {
		t.Fatal(st, err)
	}
}

// A folder whose questions do not fit into the buffers on the way is visited
// more than once.
func TestManyScatteredMessagesAreStoredAllTheSame(t *testing.T) {
	_, cfg := memory(t)
	dst := target(t, cfg)
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("one"), message("two"), message("three"))); err != nil {
		t.Fatal(err)
	}
	st, err := dst.Examine(t.Context(), inbox())
	if err != nil {
		t.Fatal(err)
	}
	var odd []mailsync.UID
	for n := range mailsync.UID(20_000) {
		odd = append(odd, 1+2*n)
	}
	g := mailsync.Storing{Folder: inbox(), Validity: st.UIDValidity, Changes: []mailsync.FlagChange{{UIDs: odd, Flag: `\Seen`}, {UIDs: odd, Flag: `\Flagged`}}}
	stored, err := dst.StoreAll(t.Context(), []mailsync.Storing{g, g})
	if err != nil || stored[0].Err != nil || errors.Join(stored[0].Refusals...) != nil {
		t.Fatalf("%+v, %v", stored, err)
	}
	if n := dst.Meter().Commands["SELECT"]; n < 20 || n > 60 {
		t.Fatalf("visited %d times", n)
	}
	if _, err := dst.Examine(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	for _, m := range scanned(t, dst, 0) {
		if want := m.UID != 2; (len(m.Flags) == 2) != want {
			t.Fatalf("%+v", m)
		}
	}
}
