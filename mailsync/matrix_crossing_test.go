package mailsync_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/internal/safetext"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
	"bascule/mailsync/wire"
)

// crossing is one mailbox on its way. Without a probe, its options are those of
// `bascule copy`.
type crossing struct {
	o      mailsync.Options
	ledger *ledger.Ledger
	to     account

	mu      sync.Mutex
	metered []func() wire.Meter // of connections to the target
	read    []func() wire.Meter // of connections to the source
}

func newCrossing(t *testing.T, from, to account) *crossing {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &crossing{ledger: l, to: to}
	p.o = mailsync.Options{Ledger: l, Owner: "matrix", Clock: clock.Real{}, Policy: mailsync.Mirror, KeepVanished: true,
		OnSimilar: mailsync.AskSimilar, Grace: time.Millisecond,
		Progress: func(e mailsync.Event) {
			if e.Kind == "reconnect" {
				t.Log("connected again: " + e.Text)
			}
		},
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			s, err := imapstore.OpenSource(ctx, from.store)
			if err != nil {
				return nil, err
			}
			p.meter(&p.read, s.Meter)
			return s, nil
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			s, err := imapstore.OpenTarget(ctx, to.store)
			if err != nil {
				return nil, err
			}
			p.meter(&p.metered, s.Meter)
			return s, nil
		}}
	return p
}

// probe learns the target's personality, as `prepare` does.
func (p *crossing) probe(t *testing.T) {
	t.Helper()
	var err error
	p.o.Personality, err = mailsync.Probe(t.Context(), mailsync.ProbeOptions{OpenSource: p.o.OpenSource, OpenTarget: p.o.OpenTarget, Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *crossing) meter(list *[]func() wire.Meter, m func() wire.Meter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*list = append(*list, m)
}

// writing are the commands that change a mailbox.
var writing = []string{"APPEND", "STORE", "UID STORE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "COPY", "UID COPY", "MOVE", "UID MOVE", "EXPUNGE", "UID EXPUNGE", "CLOSE"}

// wrote tells the writing commands that crossed the wire.
func wrote(meters []func() wire.Meter) string {
	count := map[string]int{}
	for _, m := range meters {
		for command, n := range m().Commands {
			count[command] += n
		}
	}
	var out []string
	for _, command := range writing {
		if count[command] > 0 {
			out = append(out, fmt.Sprintf("%d %s", count[command], command))
		}
	}
	return strings.Join(out, ", ")
}

func (p *crossing) pass(t *testing.T) mailsync.Report {
	t.Helper()
	r, err := mailsync.Pass(t.Context(), p.o)
	if err != nil {
		t.Fatalf("the pass ends with: %v", err)
	}
	if w := wrote(p.read); w != "" {
		t.Errorf("the source was written: %s", w)
	}
	return r
}

// again runs a second pass and says what it wrote.
func (p *crossing) again(t *testing.T) string {
	t.Helper()
	p.metered = nil
	p.pass(t)
	return wrote(p.metered)
}

// judge compares what the source holds with what arrived, and looks how the
// engine names each difference.
func (p *crossing) judge(t *testing.T, source *server, r mailsync.Report) []difference {
	t.Helper()
	got := readBox(t, p.to.access)
	var list []difference
	carried := map[string]bool{}
	for _, f := range r.Folders {
		if f.Excluded {
			continue
		}
		carried[pathKey(f.Source)] = true
		items := source.items(f.Source)
		if !slices.Equal(f.Source, f.Target) {
			d := difference{folder: f.Source, class: source.class(f.Source), kind: renamed, what: "became " + quotedPath(f.Target)}
			if f.Renamed {
				d.words = reason(f.Reason)
			}
			list = append(list, d)
		}
		list = append(list, compare(f.Source, items, got[pathKey(f.Target)])...)
	}
	for _, path := range source.folders() {
		if len(source.items(path)) > 0 && !carried[pathKey(path)] {
			list = append(list, difference{folder: path, class: source.class(path), kind: absent, what: fmt.Sprintf("with %d messages", len(source.items(path)))})
		}
	}
	p.name(t, list, r)
	return list
}

func quotedPath(path []string) string {
	return safetext.Shorten(safetext.Line(fmt.Sprintf("%+q", path)), 120)
}

// name looks for the words the engine has for each difference: in what the
// pass reports, in the ledger, and in a full verification.
func (p *crossing) name(t *testing.T, list []difference, r mailsync.Report) {
	t.Helper()
	n := names{}
	err := mailsync.RefusedIn(t.Context(), p.ledger, func(m mailsync.RefusedMessage) error {
		n.give(missing, "", m.Folder, m.UID, "refused: "+stable(m.Reason))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		n.give(missing, "", f.Folder, f.UID, "failed: "+stable(f.Text))
		n.give(absent, "", f.Folder, f.UID, "failed: "+stable(f.Text))
	}
	n.exceptions("pass", r.Exceptions)
	v := p.verify(t)
	n.exceptions("verify", v.Exceptions)
	for _, d := range v.Differences {
		for _, kind := range kindsOf(d.Kind) {
			n.give(kind, "", d.Folder, d.UID, "verify: "+string(d.Kind))
		}
	}
	for i := range list {
		d := &list[i]
		if d.words == "" {
			d.words = n.of(*d)
		}
	}
}

func (p *crossing) verify(t *testing.T) mailsync.Verification {
	t.Helper()
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{OpenSource: p.o.OpenSource, Ledger: p.ledger, Depth: mailsync.Full,
		Personality: p.o.Personality, Now: clock.Real{}.Now(),
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, p.to.store) }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// names are words for differences, by kind, flag and place. The first ones given stay.
type names map[string]string

func (n names) give(kind, flag string, folder []string, uid mailsync.UID, words string) {
	key := kind + " " + strings.ToLower(flag) + " " + place(folder, uid)
	if n[key] == "" {
		n[key] = words
	}
}

func (n names) exceptions(side string, list []mailsync.Exception) {
	kinds := map[mailsync.ExceptionKind]string{mailsync.FlagNotKept: lost, mailsync.DateNotKept: date, mailsync.OctetsAltered: octets, mailsync.FolderRenamed: renamed}
	for _, x := range list {
		kind, flag, words := kinds[x.Kind], "", side+": "+string(x.Kind)+", "+x.What
		if kind == lost {
			flag, words = x.What, side+": "+string(x.Kind)
		}
		if x.Kind == mailsync.FlagAdded { // of all of them, a few are named
			n[added+" "+strings.ToLower(x.What)] = side + ": " + string(x.Kind)
			continue
		}
		for _, e := range x.Examples {
			n.give(kind, flag, e.Folder, e.UID, words)
		}
	}
}

func kindsOf(k mailsync.Kind) []string {
	switch k {
	case mailsync.Altered:
		return []string{octets}
	case mailsync.DateDiffers:
		return []string{date}
	case mailsync.FlagsDiffer:
		return []string{lost, added}
	case mailsync.Missing, mailsync.Refused, mailsync.Unaccounted:
		return []string{missing, absent}
	}
	return nil
}

// of finds the words for a difference: for the message, or for its folder.
func (n names) of(d difference) string {
	uid := mailsync.UID(d.uid)
	if words := n[d.kind+" "+strings.ToLower(d.flag)]; d.flag != "" && words != "" {
		return words
	}
	for _, at := range []string{place(d.folder, uid), place(d.folder, 0)} {
		for _, flag := range []string{strings.ToLower(d.flag), ""} {
			if words := n[d.kind+" "+flag+" "+at]; words != "" {
				return words
			}
		}
	}
	return ""
}

func place(folder []string, uid mailsync.UID) string {
	return fmt.Sprintf("%s %d", pathKey(folder), uid)
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func alike(list []difference, is func(*difference) bool) []*difference {
	var out []*difference
	for i := range list {
		if is(&list[i]) {
			out = append(out, &list[i])
		}
	}
	return out
}

var volatile = regexp.MustCompile(` \(\d+\.\d+( \+ \d+\.\d+)* secs\)\.?`)

// reason is why a folder has another name, without what changes with the run.
func reason(text string) string {
	if _, said, ok := strings.Cut(text, "server said "); ok {
		return "its name was refused: " + stable(said)
	}
	return text
}

// stable keeps of an error what the server said, the same in every run.
func stable(text string) string {
	if _, said, ok := strings.Cut(text, "server said "); ok {
		text = said
	}
	return safetext.Shorten(safetext.Line(volatile.ReplaceAllString(text, "")), 160)
}
