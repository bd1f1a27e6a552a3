package imapstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/emersion/go-imap/v2"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// opened returns a source with a folder open.
func examined(t *testing.T, cfg Config) *Source {
	t.Helper()
	s := source(t, cfg)
	if _, err := s.Examine(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFetchDeliversEveryBodyHoweverItIsTold(t *testing.T) {
	const head = `INTERNALDATE "03-Feb-2019 03:05:06 +0000" RFC822.SIZE 3`
	tests := []struct {
		name  string
		lines []string
	}{
		{"a flag update with the UID comes before the body", []string{
			`* 1 FETCH (UID 1 FLAGS (\Seen))`, fetched(1, "one"), fetched(2, "two")}},
		{"a flag update comes between and after", []string{
			fetched(1, "one"), `* 2 FETCH (FLAGS (\Seen) UID 2)`, fetched(2, "two"), `* 1 FETCH (UID 1 FLAGS ())`}},
		{"responses nobody knows", []string{
			"* VANISHED 77", "* XYZZY (a {3}\r\nabc) \"q\\\"\"", fetched(1, "one"), "* OK [HUH a \"]\" b] text {9}", "* 9 XPUNGE", fetched(2, "two")}},
		{"attributes nobody asked for", []string{
			"* 1 FETCH (X-GM-LABELS (\"\\\\Inbox\" {5}\r\nab)cd) X-GM-THRID (\"a\" {5}\r\nab)cd (deep (er))) EMAILID (M6) UID 1 FLAGS () " + head + " BODY[HEADER.FIELDS (TO CC)] {2}\r\nxy BODY[] {3}\r\none)", fetched(2, "two")}},
		{"keywords with brackets and braces", []string{
			"* 1 FETCH (FLAGS (a]b {c [d }e) UID 1 " + head + " BODY[] {3}\r\none)", fetched(2, "two")}},
		{"bodies as quoted strings, attributes in lower case, a fetch of another message", []string{
			"* 1 FETCH (uid 1 flags () internaldate \"03-Feb-2019 03:05:06 +0000\" rfc822.size 3 body[] \"one\")", fetched(9, "stranger"), fetched(2, "two"), fetched(2, "two")}},
		{"dates of two digits, of zero, and none", []string{
			"* 1 FETCH (UID 1 FLAGS () INTERNALDATE \" 3-Feb-19 03:05:06 +0000\" RFC822.SIZE 3 BODY[] {3}\r\none)",
			"* 2 FETCH (UID 2 FLAGS () INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" RFC822.SIZE 3 BODY[] {3}\r\ntwo)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _ := scripted(t, "", on("UID FETCH", append(tt.lines, "%s OK done")...))
			got, missing := bodies(t, examined(t, cfg), []mailsync.UID{2, 1, 1})
			if diff := cmp.Diff(map[mailsync.UID]string{1: "one", 2: "two"}, got); diff != "" || len(missing) > 0 {
				t.Fatal(missing, diff)
			}
		})
	}
}

func TestAServerThatNamesAMessageBehindItsOctetsIsAskedOneByOne(t *testing.T) {
	cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
		switch {
		case strings.HasPrefix(cmd, "UID FETCH 1:2 ") && strings.Contains(cmd, "BODY"):
			p.send("* 1 FETCH (BODY[] {3}\r\none UID 1)", "* 2 FETCH (BODY[] {3}\r\ntwo UID 2)", tag+" OK")
		case strings.HasPrefix(cmd, "UID FETCH 1:2 "):
			p.send(`* 1 FETCH (UID 1 RFC822.SIZE 3 FLAGS (\Seen) INTERNALDATE "03-Feb-2019 03:05:06 +0000")`,
				`* 2 FETCH (UID 2 RFC822.SIZE 3 FLAGS () INTERNALDATE "03-Feb-2019 03:05:06 +0000")`, tag+" OK")
		case strings.HasPrefix(cmd, "UID FETCH 1 "):
			p.send("* 1 FETCH (BODY[] {3}\r\none UID 1)", tag+" OK")
		case strings.HasPrefix(cmd, "UID FETCH 2 "):
			p.send("* 2 FETCH (BODY[] {3}\r\ntwo UID 2)", tag+" OK")
		default:
			p.ok(tag, cmd)
		}
	})
	got, missing := bodies(t, examined(t, cfg), []mailsync.UID{1, 2})
	if diff := cmp.Diff(map[mailsync.UID]string{1: "one", 2: "two"}, got); diff != "" || len(missing) > 0 {
		t.Fatal(missing, diff)
	}
}

func TestOctetsUnderAnotherNameThanAskedForAreRefused(t *testing.T) {
	cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
		switch {
		case strings.HasPrefix(cmd, "UID FETCH") && strings.Contains(cmd, "BODY"):
			p.send("* 1 FETCH (BODY[] {3}\r\none UID 2)", tag+" OK")
		case strings.HasPrefix(cmd, "UID FETCH"):
			p.send(`* 1 FETCH (UID 1 RFC822.SIZE 3 FLAGS () INTERNALDATE "03-Feb-2019 03:05:06 +0000")`, tag+" OK")
		default:
			p.ok(tag, cmd)
		}
	})
	_, err := examined(t, cfg).Fetch(t.Context(), []mailsync.UID{1}, drink)
	var prot *wire.ProtocolError
	if !errors.As(err, &prot) {
		t.Fatal(err)
	}
}

func drink(_ mailsync.Meta, _ int64, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func TestWhatAServerDoesNotGiveIsMissing(t *testing.T) {
	for name, line := range map[string]string{
		"a body of NIL":                          `* 2 FETCH (UID 2 FLAGS () INTERNALDATE "03-Feb-2019 03:05:06 +0000" RFC822.SIZE 3 BODY[] NIL)`,
		"an empty body of a message with a size": `* 2 FETCH (UID 2 FLAGS () INTERNALDATE "03-Feb-2019 03:05:06 +0000" RFC822.SIZE 3 BODY[] "")`,
		"a body of a negative size":              `* 2 FETCH (UID 2 FLAGS () INTERNALDATE "03-Feb-2019 03:05:06 +0000" RFC822.SIZE 3 BODY[] {-1})`,
		"no body at all":                         `* 2 FETCH (UID 2 FLAGS ())`,
		"nothing":                                `* OK never mind`,
	} {
		t.Run(name, func(t *testing.T) {
			cfg, p := scripted(t, "", on("UID FETCH", fetched(1, "one"), line, fetched(3, "three"), "%s OK done"))
			got, missing := bodies(t, examined(t, cfg), []mailsync.UID{1, 2, 3})
			if len(got) != 2 || len(missing) != 1 || missing[0] != 2 {
				t.Fatal(got, missing)
			}
			if n := strings.Count(p.transcript(), "UID FETCH 2 "); n != 1 {
				t.Fatalf("asked for again alone %d times", n)
			}
		})
	}
}

func TestOnePoisonedMessageDoesNotHideTheOthers(t *testing.T) {
	const poisoned = 37
	cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
		set, found := strings.CutPrefix(cmd, "UID FETCH ")
		if !found {
			p.ok(tag, cmd)
			return
		}
		set, _, _ = strings.Cut(set, " ")
		uids, _ := wire.ParseSet(set, 1000)
		for _, u := range uids {
			if u == poisoned {
				p.send(tag + " NO Server Unavailable. 15")
				return
			}
			p.send(fetched(int(u), fmt.Sprint("body ", u)))
		}
		p.send(tag + " OK")
	})
	var uids []mailsync.UID
	for u := mailsync.UID(1); u <= 100; u++ {
		uids = append(uids, u)
	}
	got, missing := bodies(t, examined(t, cfg), uids)
	if len(got) != 99 || len(missing) != 1 || missing[0] != poisoned {
		t.Fatal(len(got), missing)
	}
}

func TestAHandlerThatStopsLeavesTheConnectionUsable(t *testing.T) {
	cfg, _ := scripted(t, "", on("UID FETCH", fetched(1, "one"), fetched(2, "two"), "%s OK done"))
	s := examined(t, cfg)
	boom := errors.New("target is full")
	missing, err := s.Fetch(t.Context(), []mailsync.UID{1, 2}, func(mailsync.Meta, int64, io.Reader) error { return boom })
	if !errors.Is(err, boom) || len(missing) != 1 {
		t.Fatal(missing, err)
	}
	if got, _ := bodies(t, s, []mailsync.UID{1, 2}); len(got) != 2 {
		t.Fatal(got)
	}
}

func TestServersThatLieEndInAClearError(t *testing.T) {
	tests := []struct {
		name, says string
		temporary  bool
		lines      []string
	}{
		{"a literal of ten billion octets", "a literal of 9999999999 octets", false, []string{"* 1 FETCH (UID 1 BODY[] {9999999999}"}},
		{"a literal beyond counting", "more octets than can be counted", false, []string{"* 1 FETCH (UID 1 BODY[] {99999999999999999999999}"}},
		{"BYE with words", "closed the connection: maintenance", true, []string{"* BYE maintenance", "EOF"}},
		{"an end without words", "connection lost", true, []string{"EOF"}},
		{"an end inside a literal", "connection lost", true, []string{"* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"03-Feb-2019 03:05:06 +0000\" RFC822.SIZE 9 BODY[] {9}\r\nabc", "EOF"}},
		{"a reply to another question", "which was not asked", false, []string{"zz9 OK done"}},
		{"a reply of a kind there is not", "where a reply belongs", false, []string{"%s MAYBE"}},
		{"an endless word", "a word of more than", false, []string{"* 1 FETCH (FLAGS (" + strings.Repeat("x", 2000) + "))"}},
		{"endless chatter", "responses nobody asked for", false, []string{strings.Repeat("* OK still here\r\n", 200) + "* OK"}},
		{"a quoted string without end", "quoted string without end", false, []string{`* 1 FETCH (INTERNALDATE "03-Feb`}},
		{"a list without end", "", false, []string{`* 1 FETCH (FLAGS (\Seen`}},
		{"silence", "no progress for", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
				if !strings.HasPrefix(cmd, "UID FETCH") {
					p.ok(tag, cmd)
					return
				}
				for _, l := range tt.lines {
					if l == "EOF" {
						_ = p.out.(io.Closer).Close()
						return
					}
					p.send(strings.ReplaceAll(l, "%s", tag))
				}
			})
			cfg.Limits = wire.Limits{MaxToken: 1000, MaxNoise: 100}
			s := examined(t, cfg)
			if tt.lines == nil {
				s.s.conn.Patience(time.Millisecond) // only where nothing is said, nothing can be too late
			}
			missing, err := s.Fetch(t.Context(), []mailsync.UID{1}, drink)
			if err == nil || !strings.Contains(err.Error(), tt.says) || retry.IsTemporary(err) != tt.temporary {
				t.Fatalf("missing %v, temporary %v: %v", missing, retry.IsTemporary(err), err)
			}
			if _, err := s.UIDs(t.Context()); err == nil || !retry.IsTemporary(err) {
				t.Fatalf("the connection was used again: %v", err)
			}
		})
	}
}

func TestFolderNamesComeBackInTheirOwnOctets(t *testing.T) {
	cfg, p := scripted(t, "LITERAL+", on("LIST",
		`* LIST (\HasNoChildren) "/" "R&D"`, `* LIST () "/" "&AGEAYg-"`, "* LIST () \"/\" \"Entw\xfcrfe/x\"", "* LIST () \"/\" {6}\r\na\"b\\\xff)",
		`* LIST (\Noselect) NIL NIL`, `* LIST () "/" inbox`, "* LIST () \"/\" \"Gel\xc3\xb6scht\"", `* LIST (\Trash) "/" "Envoy&AOk-s/&ZeVnLIqe-"`, `* LIST () "/" x]{5}`, "%s OK"))
	s := source(t, cfg)
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, f := range l.Folders {
		got = append(got, append([]string{f.Raw}, f.Path...))
	}
	want := [][]string{
		{"R&D", "R&D"}, {"&AGEAYg-", "&AGEAYg-"}, {"Entw\xfcrfe/x", "Entwürfe", "x"}, {"a\"b\\\xff)", "a\"b\\ÿ)"}, {"NIL", "NIL"},
		{"inbox", "INBOX"}, {"Gel\xc3\xb6scht", "Gelöscht"}, {"Envoy&AOk-s/&ZeVnLIqe-", "Envoyés", "日本語"}, {"x]{5}", "x]{5}"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for _, f := range l.Folders {
		if _, err := s.Examine(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range []string{`EXAMINE "R&D"`, "EXAMINE {10+}\r\nEntw\xfcrfe/x", "EXAMINE {6+}\r\na\"b\\\xff)", `EXAMINE "inbox"`} {
		if !strings.Contains(p.transcript(), sent) {
			t.Errorf("%q was not sent", sent)
		}
	}
}

func TestStatusThatAListingLeftOutIsAskedFor(t *testing.T) {
	cfg, p := scripted(t, "LIST-EXTENDED LIST-STATUS CONDSTORE", func(p *peer, tag, cmd string) {
		switch {
		case strings.HasPrefix(cmd, "LIST"):
			p.send(`* LIST (\Subscribed) "/" A`, `* LIST () "/" B`, `* LIST () "/" "C"`,
				`* STATUS B (UIDVALIDITY 5 UIDNEXT 6 MESSAGES 7 HIGHESTMODSEQ 8 XTRA (1 2))`, `* STATUS A (MESSAGES 1)`, tag+" OK")
		case strings.HasPrefix(cmd, `STATUS "A"`):
			p.send(`* STATUS {1}`+"\r\n"+`A (UIDVALIDITY 1 UIDNEXT 2 MESSAGES 3)`, tag+" OK")
		case strings.HasPrefix(cmd, `STATUS "C"`):
			p.send(tag + " NO [UNAVAILABLE] later")
		default:
			p.ok(tag, cmd)
		}
	})
	l, err := source(t, cfg).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*mailsync.Status{}
	for _, f := range l.Folders {
		got[f.Raw] = f.Status
	}
	want := map[string]*mailsync.Status{
		"A": {UIDValidity: 1, UIDNext: 2, Messages: 3}, "B": {UIDValidity: 5, UIDNext: 6, Messages: 7, HighestModSeq: 8}, "C": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if strings.Contains(p.transcript(), `STATUS "B"`) {
		t.Fatal("what was told was asked for again")
	}
}

func TestAListingWithoutEndIsRefused(t *testing.T) {
	cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
		if !strings.HasPrefix(cmd, "LIST") {
			p.ok(tag, cmd)
			return
		}
		for i := range 100_000 {
			p.send(fmt.Sprintf(`* LIST () "/" folder%d`, i))
		}
	})
	cfg.Limits.MaxFolders = 1000
	if _, err := source(t, cfg).List(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 1000 folders") {
		t.Fatal(err)
	}
}

func TestForeignNamespacesAreNamedAndNotCarried(t *testing.T) {
	cfg, _ := scripted(t, "NAMESPACE", func(p *peer, tag, cmd string) {
		switch {
		case cmd == "NAMESPACE":
			p.send(`* NAMESPACE (("INBOX." ".")) (("user." "." "X-PARAM" ("a" "b"))) (("#shared/" "/")("Public" NIL))`, tag+" OK")
		case strings.HasPrefix(cmd, "LIST"):
			p.send(`* LIST () "." INBOX`, `* LIST () "." INBOX.Sent`, `* LIST () "." user.bob.x`, `* LIST () "/" "#shared/team"`, tag+" OK")
		default:
			p.ok(tag, cmd)
		}
	})
	l, err := source(t, cfg).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Folders) != 2 || !cmp.Equal(l.Foreign, []string{"user/bob/x", "#shared/team"}) {
		t.Fatalf("%+v", l)
	}
}

func TestAScanThatFallsShortIsAnErrorNotASmallerFolder(t *testing.T) {
	line := `* 1 FETCH (UID 1 RFC822.SIZE 3 FLAGS (\Recent b a a) INTERNALDATE "03-Feb-2019 03:05:06 +0000")`
	cfg, _ := scripted(t, "", on("UID FETCH", line, line, `* 2 FETCH (UID 2 FLAGS ())`, "%s OK done"))
	s := examined(t, cfg)
	var seen []mailsync.Meta
	err := s.Scan(t.Context(), 0, func(m mailsync.Meta) error { seen = append(seen, m); return nil })
	if err == nil || !strings.Contains(err.Error(), "listed 1 of 3") || !retry.IsTemporary(err) {
		t.Fatal(err)
	}
	if len(seen) != 1 || !cmp.Equal(seen[0].Flags, []string{"a", "b"}) {
		t.Fatalf("%+v", seen)
	}
}

func TestASearchThatInventsMessagesIsRefused(t *testing.T) {
	for _, line := range []string{"* ESEARCH (TAG \"x\") UID ALL 1:4294967295", "* SEARCH 1:4294967295", "* SEARCH one"} {
		cfg, _ := scripted(t, "ESEARCH", on("UID SEARCH", line, "%s OK"))
		var prot *wire.ProtocolError
		if _, err := examined(t, cfg).UIDs(t.Context()); !errors.As(err, &prot) {
			t.Fatal(line, err)
		}
	}
	cfg, _ := scripted(t, "ESEARCH", on("UID SEARCH", "* ESEARCH (TAG \"x\") UID MIN 1 ALL 9,3:5,4294967295", "%s OK"))
	uids, err := examined(t, cfg).UIDs(t.Context())
	if err != nil || !cmp.Equal(uids, []mailsync.UID{3, 4, 5, 9, 4294967295}) {
		t.Fatal(uids, err)
	}
}

func TestAppendAnswers(t *testing.T) {
	tests := []struct {
		name     string
		answer   string
		uids     int
		accepted bool
		unknown  bool
		is       error
	}{
		{"as many UIDs as messages", "%s OK [APPENDUID 7 11:12] done", 2, true, false, nil},
		{"UIDs downwards", "%s OK [APPENDUID 7 12:11] done", 2, true, false, nil},
		{"too few UIDs name nothing", "%s OK [APPENDUID 7 11] done", 0, true, false, nil},
		{"too many UIDs name nothing", "%s OK [APPENDUID 7 1:4294967295] done", 0, true, false, nil},
		{"no UIDs", "%s OK done", 0, true, false, nil},
		{"a folder that is gone", "%s NO [TRYCREATE] none", 0, false, false, mailsync.ErrNoFolder},
		{"over quota", "%s NO [OVERQUOTA] full", 0, false, false, nil},
		{"BYE instead of an answer", "* BYE [UNAVAILABLE] x", 0, false, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, p := scripted(t, "LITERAL+ MULTIAPPEND UIDPLUS", func(p *peer, tag, cmd string) {
				if !strings.HasPrefix(cmd, "APPEND") {
					p.ok(tag, cmd)
					return
				}
				p.send(strings.ReplaceAll(tt.answer, "%s", tag))
				if strings.HasPrefix(tt.answer, "*") {
					_ = p.out.(io.Closer).Close()
				}
			})
			dst := target(t, cfg)
			res, err := dst.Append(t.Context(), inbox(), outgoing(message("one", `\Seen`), message("two\r\nx")))
			if (err == nil) != tt.accepted || len(res.UIDs) != tt.uids {
				t.Fatal(res, err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatal(err)
			}
			var failed *mailsync.AppendError
			if errors.As(err, &failed) && (failed.Unknown != tt.unknown || failed.Accepted != 0) {
				t.Fatalf("%+v", failed)
			}
			want := "APPEND \"INBOX\" (\\Seen) \"03-Feb-2019 03:05:06 +0000\" {3+}\r\none \"03-Feb-2019 03:05:06 +0000\" {6+}\r\ntwo\r\nx\r\n"
			if !strings.Contains(p.transcript(), want) {
				t.Fatal(p.transcript())
			}
		})
	}
}

func TestAnAppendRefusedBeforeTheGoAheadCostsNothingElse(t *testing.T) {
	for _, caps := range []string{"", "MULTIAPPEND", "MULTIAPPEND LITERAL-"} {
		cfg, p := scripted(t, caps, on("APPEND", "%s NO [OVERQUOTA] full"))
		dst := target(t, cfg)
		big := strings.Repeat("x", 5000)
		_, err := dst.Append(t.Context(), inbox(), outgoing(message(big), message(big)))
		var failed *mailsync.AppendError
		var said *mailsync.ServerError
		if !errors.As(err, &failed) || failed.Unknown || failed.Accepted != 0 || !errors.As(err, &said) || said.Code != "OVERQUOTA" {
			t.Fatalf("%s: %v", caps, err)
		}
		if _, err := dst.Select(t.Context(), inbox()); err != nil {
			t.Fatalf("%s: the connection was lost: %v", caps, err)
		}
		if strings.Contains(p.transcript(), "xxx") {
			t.Fatal("octets were sent without a go-ahead")
		}
	}
}

func TestSingleAppendsSayHowFarTheyCame(t *testing.T) {
	n := 0
	cfg, _ := scripted(t, "LITERAL+ UIDPLUS", func(p *peer, tag, cmd string) {
		if !strings.HasPrefix(cmd, "APPEND") {
			p.ok(tag, cmd)
			return
		}
		if n++; n == 3 {
			p.send(tag + " NO [LIMIT] too many")
			return
		}
		p.send(fmt.Sprintf("%s OK [APPENDUID 7 %d] x", tag, n))
	})
	dst := target(t, cfg)
	_, err := dst.Append(t.Context(), inbox(), outgoing(message("1"), message("2"), message("3")))
	var failed *mailsync.AppendError
	if !errors.As(err, &failed) || failed.Accepted != 2 || failed.Unknown || !cmp.Equal(failed.UIDs, []mailsync.UID{1, 2}) || retry.IsTemporary(err) {
		t.Fatalf("%+v", failed)
	}
	n = 0
	_, err = dst.Append(t.Context(), inbox(), outgoing(message("1"), message("2"), message("3"), message("4")))
	if !errors.As(err, &failed) || failed.Accepted != 2 || !failed.Unknown {
		t.Fatalf("a message behind the refused one was accepted: %+v", failed)
	}
}

func TestABodyThatFailsHalfWayLeavesTheFateUnknown(t *testing.T) {
	cfg, _ := scripted(t, "LITERAL+ MULTIAPPEND", func(p *peer, tag, cmd string) { p.ok(tag, cmd) })
	dst := target(t, cfg)
	short := message("one")
	short.Size = 10
	_, err := dst.Append(t.Context(), inbox(), outgoing(short))
	var failed *mailsync.AppendError
	if !errors.As(err, &failed) || !failed.Unknown || !strings.Contains(err.Error(), "10 octets ended after 3") {
		t.Fatal(err)
	}
	if _, err := dst.Select(t.Context(), inbox()); err == nil {
		t.Fatal("a connection in the middle of a message was used again")
	}
}

func TestAMultiAppendThatDoesNotWorkIsNotTriedTwice(t *testing.T) {
	cfg, p := scripted(t, "LITERAL+ MULTIAPPEND", func(p *peer, tag, cmd string) {
		if strings.HasPrefix(cmd, "APPEND") && strings.Count(cmd, "{") > 1 {
			p.send(tag + " BAD one at a time")
			return
		}
		p.ok(tag, cmd)
	})
	dst := target(t, cfg)
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("1"), message("2"))); err == nil {
		t.Fatal("refusal was lost")
	}
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("1"), message("2"))); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(p.transcript(), " APPEND "); n != 3 {
		t.Fatalf("%d APPENDs", n)
	}
}

func TestRefusedChangesAreInTheServersWords(t *testing.T) {
	cfg, _ := scripted(t, "UIDPLUS", on("UID STORE", `* 1 FETCH (FLAGS (a]b {c) UID 1)`, "* XYZZY", `%s NO [LIMIT "]"] Too many keywords]`))
	dst := target(t, cfg)
	if _, err := dst.Select(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	err := dst.AddFlags(t.Context(), []mailsync.UID{1}, []string{"Work"})
	var said *mailsync.ServerError
	if !errors.As(err, &said) || said.Code != "LIMIT" || said.Text != "Too many keywords]" {
		t.Fatal(err)
	}
	if err := dst.Expunge(t.Context(), []mailsync.UID{1}); err == nil {
		t.Fatal("expunged what could not be marked")
	}
	if err := dst.AddFlags(t.Context(), []mailsync.UID{1}, []string{"two words"}); !errors.Is(err, ErrFlag) {
		t.Fatal(err)
	}
}

func TestASourceCannotWriteWhateverTheCodeDoes(t *testing.T) {
	cfg, p := scripted(t, "", func(p *peer, tag, cmd string) { p.ok(tag, cmd) })
	s := examined(t, cfg)
	for _, m := range []*wire.Command{
		s.s.conn.Begin("SELECT", 0).Name("INBOX"), s.s.conn.Begin("UID STORE", 0).Text(` 1 +FLAGS (\Seen)`), s.s.conn.Begin("EXPUNGE", 0),
		s.s.conn.Begin("UID FETCH", 0).Text(" 1 (BODY[])"), s.s.conn.Begin("NOOP", 0).Text("\r\nb9 EXPUNGE"),
	} {
		if err := m.End(); !errors.Is(err, wire.ErrForbidden) {
			t.Errorf("%s: %v", m.Tag, err)
		}
	}
	err := s.s.tap.Lend(func() error {
		return s.s.lib.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	})
	if !errors.Is(err, wire.ErrForbidden) {
		t.Error(err)
	}
	_ = s.s.conn.Flush()
	for _, word := range []string{"SELECT", "STORE", "EXPUNGE", "BODY[]"} {
		if strings.Contains(p.transcript(), word) {
			t.Errorf("%s went out", word)
		}
	}
}

func TestCancellingReturnsItsCause(t *testing.T) {
	asked := make(chan struct{})
	cfg, _ := scripted(t, "", func(p *peer, tag, cmd string) {
		if strings.HasPrefix(cmd, "UID FETCH") {
			close(asked)
			return
		}
		p.ok(tag, cmd)
	})
	s := examined(t, cfg)
	ctx, cancel := context.WithCancelCause(t.Context())
	boom := errors.New("operator went home")
	go func() {
		<-asked
		cancel(boom)
	}()
	if _, err := s.Fetch(ctx, []mailsync.UID{1}, drink); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func TestNoTraceOrErrorHoldsTheCredentials(t *testing.T) {
	secretForms := []string{scriptPassword, base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + scriptPassword))}
	for _, caps := range []string{"SASL-IR AUTH=PLAIN", "AUTH=PLAIN LOGINDISABLED", ""} {
		var trace strings.Builder
		cfg, p := serving(t, func(p *peer) {
			p.send("* OK [CAPABILITY IMAP4rev1 " + caps + "] hello")
			tag, cmd, _ := p.command()
			if strings.HasPrefix(cmd, "AUTHENTICATE") && !strings.Contains(caps, "SASL-IR") {
				p.send("+ ")
				_, _, _ = p.command()
			}
			p.send(tag + " NO [AUTHENTICATIONFAILED] no such password: " + scriptPassword)
			_, _, _ = p.command()
		})
		cfg.Trace = func(_ wire.Direction, line string) { trace.WriteString(line + "\n") }
		_, err := OpenSource(t.Context(), cfg)
		if !errors.Is(err, mailsync.ErrAuth) || retry.IsTemporary(err) {
			t.Fatalf("%s: %v", caps, err)
		}
		if !strings.Contains(p.transcript(), secretForms[0]) && !strings.Contains(p.transcript(), secretForms[1]) {
			t.Fatal("the password was not sent: this test shows nothing")
		}
		for _, s := range secretForms {
			if strings.Contains(trace.String(), s) || strings.Contains(err.Error(), s) {
				t.Fatalf("%s\n%v", trace.String(), err)
			}
		}
	}
}
