package imapstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// hangingUp serves a peer that takes `good` APPENDs and answers the beginning
// of the next with what it is given, without reading its octets, and hangs up:
// so do servers that do not trust a client after a syntax error.
func hangingUp(t *testing.T, good int, answer string) (Config, *peer) {
	t.Helper()
	return serving(t, func(p *peer) {
		p.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello")
		for n := 0; ; {
			tag, cmd, ok := p.line(n >= good)
			switch {
			case !ok:
				return
			case strings.HasPrefix(cmd, "AUTHENTICATE"):
				p.send(tag + " OK [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND UIDPLUS] in")
			case strings.HasPrefix(cmd, "APPEND") && n == good:
				p.send(strings.ReplaceAll(answer, "%s", tag))
				return
			case strings.HasPrefix(cmd, "APPEND"):
				n++
				p.send(fmt.Sprintf("%s OK [APPENDUID 7 %d] x", tag, n))
			default:
				p.ok(tag, cmd)
			}
		}
	})
}

// line reads a command, or only its first line.
func (p *peer) line(first bool) (tag, cmd string, ok bool) {
	if !first {
		return p.command()
	}
	text, err := p.in.ReadString('\n')
	tag, cmd, _ = strings.Cut(strings.TrimRight(text, "\r\n"), " ")
	return tag, cmd, err == nil
}

// lots is more than fits into the buffers on the way.
func lots() string { return strings.Repeat("x", 16<<20) }

func TestARefusalIsHeardThoughTheServerHungUp(t *testing.T) {
	tests := []struct {
		name, answer string
		heard        bool
	}{
		{"a syntax error", "%s BAD no such flag", true},
		{"a refusal", "%s NO [CANNOT] no such flag", true},
		{"an acceptance of what was not sent is not believed", "%s OK thanks", false},
		{"the answer to something else", "b9999 BAD no such flag", false},
		{"a farewell", "* BYE I have had enough", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _ := hangingUp(t, 0, tt.answer)
			dst := target(t, cfg)
			_, err := dst.Append(t.Context(), inbox(), outgoing(message(lots()), message(lots())))
			var failed *mailsync.AppendError
			var said *mailsync.ServerError
			if !errors.As(err, &failed) || failed.Unknown == tt.heard || errors.As(err, &said) != tt.heard || retry.IsTemporary(err) == tt.heard {
				t.Fatalf("%+v", err)
			}
			var lost *wire.Lost
			if _, err := dst.Select(t.Context(), inbox()); !errors.As(err, &lost) {
				t.Fatalf("the connection was used again: %v", err)
			}
		})
	}
}

func TestAnswersBeforeTheEndAreHeardOfAStream(t *testing.T) {
	cfg, _ := hangingUp(t, 2, "%s BAD no such flag")
	dst := target(t, cfg)
	batches, at := []string{"one", "two", lots(), "never sent"}, 0
	next := func(bool) (*mailsync.Batch, bool) {
		if at == len(batches) {
			return nil, false
		}
		m := message(batches[at])
		at++
		return &mailsync.Batch{To: inbox(), Next: outgoing(m)}, true
	}
	var answers []string
	err := dst.AppendStream(t.Context(), next, func(done mailsync.Appended, err error) {
		var failed *mailsync.AppendError
		switch {
		case err == nil:
			answers = append(answers, fmt.Sprint(done.UIDs))
		case errors.As(err, &failed):
			answers = append(answers, fmt.Sprintf("unknown %v", failed.Unknown))
		}
	})
	if got := strings.Join(answers, ", "); got != "[1], [2], unknown false" {
		t.Errorf("answers: %s", got)
	}
	if err == nil || !retry.IsTemporary(err) {
		t.Errorf("the end of the connection was not told: %v", err)
	}
}

func TestWhoAsksFirstLosesNoConnectionToARefusal(t *testing.T) {
	cfg, p := scripted(t, "LITERAL+ MULTIAPPEND UIDPLUS", on("APPEND", "%s BAD no such flag"))
	dst := target(t, cfg)
	dst.AskFirst(true)
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("the octets"))); err == nil {
		t.Fatal("refusal was lost")
	}
	if strings.Contains(p.transcript(), "the octets") {
		t.Error("octets were sent without a go-ahead")
	}
	dst.AskFirst(false)
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("the octets"))); err == nil || !strings.Contains(p.transcript(), "the octets") {
		t.Errorf("the usual way was not taken again: %v", err)
	}
}

// TestANameThatWasRefusedIsNotListed: Cyrus takes a LIST of "{5}" for the
// beginning of a literal, and hangs up.
func TestANameThatWasRefusedIsNotListed(t *testing.T) {
	cfg, p := scripted(t, "LITERAL+", func(p *peer, tag, cmd string) {
		switch {
		case cmd == `CREATE "{5}"` || cmd == `CREATE "plain"`:
			p.send(tag + " NO Invalid mailbox name")
		case cmd == `CREATE "{6}"`:
			p.send(tag + " NO [ALREADYEXISTS] Mailbox already exists")
		case cmd == `LIST "" "{6}"`, cmd == `LIST "" "{7}"`:
			p.send(`* LIST () "/" `+strings.TrimPrefix(cmd, `LIST "" `), tag+" OK")
		default:
			p.ok(tag, cmd)
		}
	})
	dst := target(t, cfg)
	made, err := dst.CreateAll(t.Context(), []mailsync.NewFolder{{Path: []string{"{5}"}}, {Path: []string{"{6}"}}, {Path: []string{"{7}"}}, {Path: []string{"plain"}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, refused := range []bool{true, false, false, true} {
		if (made[i].Err != nil) != refused {
			t.Errorf("folder %d: %v", i, made[i].Err)
		}
	}
	if _, err := dst.Create(t.Context(), []string{"{5}"}, ""); err == nil {
		t.Error("a refusal was lost")
	}
	if strings.Contains(p.transcript(), `LIST "" "{5}"`) {
		t.Error("a refused name was listed")
	}
}

// TestWhatLiesBelowInboxIsFoundInAnySpelling: mox lists what was made as
// INBOX/Enfant as Inbox/Enfant.
func TestWhatLiesBelowInboxIsFoundInAnySpelling(t *testing.T) {
	cfg, _ := scripted(t, "LITERAL+", func(p *peer, tag, cmd string) {
		if strings.HasPrefix(cmd, "LIST") {
			p.send(`* LIST () "/" Inbox/enfant`, `* LIST () "/" Inbox/Enfant`, `* LIST () "/" INBOX`)
		}
		p.ok(tag, cmd)
	})
	f := mustCreate(t, target(t, cfg), "INBOX", "Enfant")
	if f.Raw != "Inbox/Enfant" || strings.Join(f.Path, "/") != "INBOX/Enfant" {
		t.Errorf("%+v", f)
	}
}
