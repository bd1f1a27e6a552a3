package state_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/migration"
	"bascule/state"
)

// update rewrites the fixtures of the present format; those of older formats
// are history and are never rewritten.
var update = flag.Bool("update", false, "rewrite the fixtures of the present format")

func at(hour int) time.Time { return time.Date(2027, 3, 13, hour, 0, 0, 0, time.UTC) }

// full returns a state in which every part of the format is used.
func full() *state.State {
	back := at(9)
	s := state.New("3f0c9a7e", "bascule 1.0.0", at(6))
	s.Serial, s.Revision = 42, 17
	s.Hold = &state.Hold{Since: at(8), By: "anna", Reason: "waiting for the <old> host"}
	s.Switch = &state.Switch{Intent: at(6), PlanID: "p1", Back: &back, Approved: state.Approved{
		Sources: []migration.Server{{Address: "source.imap.old", Driver: "imap",
			Endpoint: migration.Endpoint{Host: "mail.old.example", Port: 993, TLS: migration.Implicit}}},
		Mailboxes: []migration.Mailbox{{Address: `mailbox.team["alice"]`, Email: "alice@example.ch",
			Source: migration.SourceAccount{Server: "source.imap.old", Login: "alice", Password: migration.Secret{Locator: "env:OLD_ALICE"}}}},
		Limits: migration.Limits{Mailboxes: 4, Connections: 4},
	}}
	domain := s.Object("domain.main")
	domain.Done = map[string]state.Done{"mx.add": {At: at(6), PlanID: "p1",
		Before: json.RawMessage(`{"values":["10 mx.old.example."]}`), After: json.RawMessage(`{"values":[]}`)}}
	domain.Evidence = map[string]state.Evidence{"rcpt": {At: at(5), Verdict: state.Failed, Summary: "1 of 3 refused",
		Items: []string{"bob@example.ch: 550 no such user"}, Counts: map[string]int64{"addresses": 3}}}
	domain.Failure = &state.Failure{At: at(7), Step: "mx.remove", Text: "NOTAUTH", Temporary: true}
	m := s.MailboxOf(`mailbox.team["alice"]`)
	m.Source = &state.Pin{At: at(1), Endpoint: "mail.old.example:993", KeySHA256: "ab", ID: map[string]string{"name": "Dovecot"}, InboxUIDValidity: 7}
	m.Target = &state.Pin{At: at(1), Endpoint: "mail.new.example:993", Address: "192.0.2.7", KeySHA256: "cd"}
	m.Created = true
	m.Pass = &state.Pass{Started: at(2), Ended: at(3), Complete: true, LastComplete: at(3), Left: 5, InboxNext: 301, InboxValidity: 7, Behind: 2}
	m.Paused = &state.Pause{Since: at(3), Until: at(4), Why: "server asked", Words: "NO slow down"}
	m.Totals = state.Totals{Source: 300, Target: 300, Bytes: 1 << 30, ByOutcome: map[string]int64{"copied": 300}}
	m.Silence = state.Silence{LastLook: at(4), Quiet: time.Hour}
	m.Fences = &state.Fences{At: at(4), LedgerID: "l1", LedgerSerial: 12, Folders: []state.Fence{{Source: []string{"Dossiers", "Été"}, SourceValidity: 1, TargetValidity: 2, SourceNext: 9, TargetNext: 9}}}
	m.Refused = []state.Refused{{Folder: "INBOX", UID: 3, Reason: "NO [LIMIT] too big"}}
	m.Personality = &state.Personality{At: at(1), Server: map[string]string{"name": "Dovecot"}, Class: "normalised", Alters: []string{"line ends"},
		Refuses: []state.RefusedKind{{Kind: "NUL", Text: "NO"}}, Keywords: "by STORE", Source: "exact", SourceMessages: 6, Text: []string{"normalised: it alters line ends"}}
	m.Similar = []state.Similar{{Folder: "INBOX", Messages: 12}}
	m.Exceptions = []state.Exception{{Kind: "flag not kept", What: "projet", Count: 3, Examples: []string{"INBOX UID 7"}, Text: "NO"}}
	s.AddEvent(at(6), "cutover", "domain.main", "the MX points to the new service")
	s.Executions = []state.Execution{{PlanID: "p1", Began: at(6), Who: "anna", From: 3, To: 17, ExitCode: 3}}
	s.Last = &state.Tick{At: at(8), ExitCode: 3, Gate: "soak", ResumeAfter: at(20), Rollback: "5 min", Plan: json.RawMessage(`{"id":"p1"}`)}
	s.InFlight = []state.Mark{{Key: "domain.main/mx.remove", PlanID: "p1", At: at(7), Before: json.RawMessage(`[1,2]`)}}
	s.Accounts = []state.Account{{
		Endpoint: "mail.old.example:993", Login: "alice", Side: "source", PausedSince: at(3), PausedUntil: at(4), Words: "NO slow down", Tries: 2,
		Day: "2027-03-13", Octets: 1 << 20,
	}}
	return s
}

func encode(t *testing.T, s *state.State) []byte {
	t.Helper()
	data, err := state.Encode(s)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return data
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for name, s := range map[string]*state.State{"full": full(), "new": state.New("l", "t", at(0))} {
		first := encode(t, s)
		got, err := state.Decode(first)
		if err != nil {
			t.Fatalf("%s: decode: %v", name, err)
		}
		if diff := cmp.Diff(string(first), string(encode(t, got))); diff != "" {
			t.Errorf("%s changed on the way (-written +read back):\n%s", name, diff)
		}
	}
}

func TestFixturesOfEveryFormatAreRead(t *testing.T) {
	if *update {
		for name, s := range map[string]*state.State{"full": full(), "new": state.New("3f0c9a7e", "bascule 1.0.0", at(6))} {
			if err := os.WriteFile(filepath.Join("testdata/roundtrip", "v1_"+name+".json"), encode(t, s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob("testdata/roundtrip/v*_*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("fixtures: %v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := state.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		_, name, _ := strings.Cut(filepath.Base(file), "_")
		want, err := os.ReadFile(filepath.Join("testdata/roundtrip", "v1_"+name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(encode(t, s))); diff != "" {
			t.Errorf("%s does not become the present format (-want +got):\n%s", file, diff)
		}
	}
}

func TestBadFilesAreRefusedWithTheNextMove(t *testing.T) {
	good := encode(t, full())
	replace := func(old, new string) []byte {
		out := bytes.Replace(good, []byte(old), []byte(new), 1)
		if bytes.Equal(out, good) {
			t.Fatalf("nothing to replace: %q", old)
		}
		return out
	}
	tests := map[string]struct {
		data []byte
		want error
		says string
	}{
		"an empty file is corrupt":                      {nil, state.ErrCorrupt, "bascule state restore"},
		"a truncated file is corrupt":                   {good[:len(good)/2], state.ErrCorrupt, "bascule state history"},
		"a file without its last line is corrupt":       {good[:len(good)-3], state.ErrCorrupt, "not complete JSON"},
		"a changed number is corrupt":                   {replace(`"serial": 42`, `"serial": 43`), state.ErrCorrupt, "checksum"},
		"octets after the end are corrupt":              {append(bytes.Clone(good), "{}"...), state.ErrCorrupt, "not complete JSON"},
		"another JSON document is corrupt":              {[]byte(`{"version": 4}`), state.ErrCorrupt, "never used"},
		"null is corrupt":                               {[]byte(`null`), state.ErrCorrupt, "never used"},
		"an empty object is corrupt":                    {[]byte(`{"format_version":1,"lineage":"l","objects":{"domain.a":null}}`), state.ErrCorrupt, "domain.a"},
		"no lineage is corrupt":                         {[]byte(`{"format_version":1}`), state.ErrCorrupt, "lineage"},
		"a newer format names both versions":            {[]byte(`{"format_version":7,"tool":"bascule 9.0.0","shape":[]}`), state.ErrNewer, `"bascule 9.0.0" in format 7, and this program reads up to format 1`},
		"an unknown member is newer, and never dropped": {replace(`"serial"`, `"gates": 1, "serial"`), state.ErrNewer, `"gates"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := state.Decode(test.data)
			if got != nil || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Decode = %v, %v; want %v saying %q", got, err, test.want, test.says)
			}
		})
	}
}

func TestAFileEditedByHandIsReadOnceItsChecksumIsGone(t *testing.T) {
	var m map[string]any
	if err := json.Unmarshal(encode(t, full()), &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "checksum")
	m["revision"] = 18
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.Decode(data)
	if err != nil || s.Revision != 18 {
		t.Errorf("Decode = %v, %v", s, err)
	}
}

func TestReformattingDoesNotBreakTheChecksum(t *testing.T) {
	var b bytes.Buffer
	if err := json.Compact(&b, encode(t, full())); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Decode(b.Bytes()); err != nil {
		t.Error(err)
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	for _, s := range []*state.State{nil, {FormatVersion: 2, Lineage: "l"}, {FormatVersion: 1}} {
		if _, err := state.Encode(s); err == nil {
			t.Errorf("encoded %+v", s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/roundtrip/*.json")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"format_version":1,"lineage":"l"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := state.Decode(data)
		if err != nil {
			if !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, state.ErrNewer) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		first, err := state.Encode(s)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := state.Decode(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if second, err := state.Encode(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("not stable: %v\n%s\n%s", err, first, second)
		}
	})
}

// TestEveryMemberIsInTheFixture keeps the fixture whole when the format grows:
// what is not in it is not protected.
func TestEveryMemberIsInTheFixture(t *testing.T) {
	s := full()
	mailbox := s.MailboxOf(`mailbox.team["alice"]`)
	for name, v := range map[string]any{"State": *s, "Last": *s.Last, "Switch": *s.Switch, "Mailbox": *mailbox, "Domain": *s.Object("domain.main")} {
		member := reflect.ValueOf(v)
		for i := range member.NumField() {
			field := member.Type().Field(i).Name
			elsewhere := name+"."+field == "Domain.Mailbox"
			if member.Field(i).IsZero() && !elsewhere {
				t.Errorf("%s.%s is not in the fixture", name, field)
			}
		}
	}
}
