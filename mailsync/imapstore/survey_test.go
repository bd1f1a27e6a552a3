package imapstore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

const (
	changedTwo = `* 2 FETCH (UID 12 FLAGS (\Seen) INTERNALDATE "03-Feb-2019 03:05:06 +0000" RFC822.SIZE 3 MODSEQ (91))`
	foundAll   = `* ESEARCH (TAG "x") UID ALL 10:12 MODSEQ 91`
	goneThree  = "* VANISHED (EARLIER) 7:8,9"
)

// history is a server with QRESYNC that answers the two questions with lines.
func history(fetch, search []string) func(p *peer, tag, cmd string) {
	return func(p *peer, tag, cmd string) {
		switch {
		case strings.HasPrefix(cmd, "ENABLE"):
			p.send("* ENABLED QRESYNC", tag+" OK")
		case strings.HasPrefix(cmd, "EXAMINE"):
			p.send("* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 13] x", "* OK [HIGHESTMODSEQ 91] x", tag+" OK x")
		case strings.HasPrefix(cmd, "UID FETCH"):
			p.send(append(fetch, tag+" OK")...)
		case strings.HasPrefix(cmd, "UID SEARCH"):
			p.send(append(search, tag+" OK")...)
		default:
			p.ok(tag, cmd)
		}
	}
}

func TestChangesAreToldInWhateverOrderTheyCome(t *testing.T) {
	want := mailsync.Surveyed{Status: mailsync.Status{UIDValidity: 7, UIDNext: 13, Messages: 3, HighestModSeq: 91},
		Changes: &mailsync.Changes{Present: []mailsync.UIDRange{{First: 10, Last: 12}}, Vanished: []mailsync.UIDRange{{First: 7, Last: 9}}}}
	changedZero, twelve := strings.ReplaceAll(changedTwo, "UID 12", "UID 10"), []mailsync.UID{12}
	for name, c := range map[string]struct {
		fetch, search []string
		told          []mailsync.UID
	}{
		"one after the other":             {[]string{goneThree, changedTwo}, []string{foundAll}, twelve},
		"what vanished at the end":        {[]string{changedTwo, goneThree}, []string{foundAll}, twelve},
		"the search first":                {[]string{foundAll, goneThree, changedTwo}, nil, twelve},
		"the changes late":                {nil, []string{foundAll, changedTwo, goneThree}, twelve},
		"messages by when they changed":   {[]string{goneThree, changedTwo, changedZero}, []string{foundAll}, []mailsync.UID{12, 10}},
		"numbers instead of ranges":       {[]string{"* VANISHED (EARLIER) 7", "* VANISHED (EARLIER) 8", "* VANISHED (EARLIER) 9", changedTwo}, []string{"* SEARCH 10 11 12 (MODSEQ 91)"}, twelve},
		"flags of another message, alone": {[]string{goneThree, `* 1 FETCH (UID 10 FLAGS (\Seen))`, changedTwo}, []string{foundAll}, twelve},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, p := scripted(t, "ENABLE QRESYNC ESEARCH", history(c.fetch, c.search))
			var told []mailsync.UID
			got, err := source(t, cfg).Survey(t.Context(), []mailsync.Ask{{Folder: inbox(), Question: mailsync.AskChanges, ChangedSince: 90,
				Message: func(m mailsync.Meta) { told = append(told, m.UID) }}})
			if err != nil || got[0].Err != nil {
				t.Fatal(err, got)
			}
			if d := cmp.Diff(want, got[0]) + cmp.Diff(c.told, told); d != "" {
				t.Error(d)
			}
			if !strings.Contains(p.transcript(), "(CHANGEDSINCE 90 VANISHED)") {
				t.Error(p.transcript())
			}
		})
	}
}

func TestWithoutQRESYNCEveryMessageIsAskedFor(t *testing.T) {
	cfg, p := scripted(t, "CONDSTORE", on("UID FETCH", strings.ReplaceAll(changedTwo, "UID 12", "UID 10"), strings.ReplaceAll(changedTwo, "UID 12", "UID 11"), changedTwo, "%s OK"))
	got, err := source(t, cfg).Survey(t.Context(), []mailsync.Ask{{Folder: inbox(), Question: mailsync.AskChanges, ChangedSince: 90}})
	if err != nil || got[0].Err != nil || got[0].Changes != nil || len(got[0].Messages) != 3 || strings.Contains(p.transcript(), "CHANGEDSINCE") {
		t.Fatalf("%+v %v\n%s", got, err, p.transcript())
	}
}

// TestAHistoryThatIsOfNoUseIsRefused: the folder alone, and the connection goes on.
func TestAHistoryThatIsOfNoUseIsRefused(t *testing.T) {
	var holes strings.Builder
	for n := range 1200 {
		fmt.Fprintf(&holes, "%d,", 2*n+1)
	}
	for name, answer := range map[string]func(p *peer, tag, cmd string){
		"gaps without number": history([]string{"* VANISHED (EARLIER) " + holes.String() + "5000"}, []string{foundAll}),
		"a search in pieces":  history(nil, []string{"* ESEARCH UID ALL " + holes.String() + "5000"}),
		"a history refused": func(p *peer, tag, cmd string) {
			if strings.HasPrefix(cmd, "UID FETCH") {
				p.send(tag + " NO [LIMIT] too long ago")
				return
			}
			history(nil, []string{foundAll})(p, tag, cmd)
		},
		"a search refused": func(p *peer, tag, cmd string) {
			if strings.HasPrefix(cmd, "UID SEARCH") {
				p.send(tag + " NO not now")
				return
			}
			history([]string{goneThree}, nil)(p, tag, cmd)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _ := scripted(t, "ENABLE QRESYNC ESEARCH", answer)
			s := source(t, cfg)
			for range 2 {
				got, err := s.Survey(t.Context(), []mailsync.Ask{{Folder: inbox(), Question: mailsync.AskChanges, ChangedSince: 90}, {Folder: inbox()}})
				if err != nil || got[0].Err == nil || got[1].Err != nil {
					t.Fatalf("%+v %v", got, err)
				}
			}
		})
	}
}
