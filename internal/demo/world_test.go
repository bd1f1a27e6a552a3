package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"go.uber.org/goleak"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/dns/rfc2136"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2027, 3, 6, 7, 30, 0, 0, time.UTC)

func start(t *testing.T) (*World, *clock.Virtual) {
	t.Helper()
	now := clock.NewVirtual(began)
	w, err := Start(t.Context(), Options{Dir: t.TempDir(), Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, now
}

// provision makes the new side ready through the interface of its driver.
func provision(t *testing.T, w *World) {
	t.Helper()
	d, ok := w.Catalog().Find(providers.KindTarget, Driver)
	if !ok {
		t.Fatal("no driver")
	}
	p, err := d.Open(providers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.(providers.DomainCreator).CreateDomain(t.Context(), Domain); err != nil {
		t.Fatal(err)
	}
	for _, person := range People() {
		password := secret.New(w.Env()["DEMO_NEW_"+strings.ToUpper(person)])
		if err := p.(providers.MailboxCreator).CreateMailbox(t.Context(), providers.NewMailbox{Email: address(person), Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.(providers.AliasSetter).SetAlias(t.Context(), address("contact"), []string{address("info"), address("alice")}); err != nil {
		t.Fatal(err)
	}
}

// carry copies what the old side holds and the new one does not, by brute
// force: the part of the engine, for tests of the proof.
func carry(t *testing.T, w *World) {
	t.Helper()
	have, err := w.read(t.Context(), New)
	if err != nil {
		t.Fatal(err)
	}
	want := w.book.expected(New)
	octets := octetsOf(t, w)
	for login, box := range want {
		for folder, list := range box {
			if _, there := have[login][folder]; !there {
				if err := w.imap[New].Create(login, folder, ""); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range list[len(have[login][folder]):] {
				if err := w.imap[New].Append(login, folder, octets[m.Digest], m.Date, m.Flags...); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// octetsOf reads the octets of every message of the old side, by digest.
func octetsOf(t *testing.T, w *World) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, person := range People() {
		m, end, err := w.person(t.Context(), Old, address(person))
		if err != nil {
			t.Fatal(err)
		}
		folders, err := m.folders()
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range folders {
			if _, err := m.command("EXAMINE " + quote(raw)); err != nil {
				t.Fatal(err)
			}
			list, err := m.command("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")
			if err != nil && !strings.Contains(err.Error(), "range") {
				t.Fatal(err)
			}
			for _, r := range list {
				if len(r.literals) == 1 {
					out[newMessage(r.literals[0], began, nil).Digest] = string(r.literals[0])
				}
			}
		}
		end()
	}
	return out
}

func check(t *testing.T, w *World) Report {
	t.Helper()
	r, err := w.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mutate(t *testing.T, w *World, s Stage) {
	t.Helper()
	told, err := w.Mutate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 {
		t.Errorf("stage %s: nobody did anything", s)
	}
}

func writer(t *testing.T, w *World) *rfc2136.Client {
	t.Helper()
	c, err := rfc2136.New(map[string]string{"server": w.Nameservers()[0], "key_name": keyName},
		func(context.Context) (secret.Value, error) { return secret.New(w.Env()["DEMO_TSIG_KEY"]), nil },
		dial)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// switchMX moves the MX as the method does: add, then remove.
func switchMX(t *testing.T, w *World) {
	t.Helper()
	mx := func(v string) maildns.RRset {
		return maildns.RRset{Name: Domain + ".", Type: "MX", TTL: oldTTL, Values: []string{v}}
	}
	if err := writer(t, w).AddValues(t.Context(), Domain, mx(newMX)); err != nil {
		t.Fatal(err)
	}
	if err := writer(t, w).RemoveValues(t.Context(), Domain, mx(oldMX)); err != nil {
		t.Fatal(err)
	}
}

func TestTheWholeLifeOfTheWorldEndsInAProof(t *testing.T) {
	w, now := start(t)
	if r := check(t, w); r.OK() || r.Lost != r.Messages || r.Messages < 250 || r.SourceChanged != 0 {
		t.Errorf("at first everything is still to be carried: %+v", r.String())
	}
	now.Advance(24 * time.Hour)
	mutate(t, w, Week)
	now.Advance(5 * 24 * time.Hour)
	mutate(t, w, Eve)
	provision(t, w)
	carry(t, w)
	if r := check(t, w); !r.OK() {
		t.Fatalf("before the switch: %v\n%s", r, strings.Join(r.Items, "\n"))
	}
	now.Set(w.Cutover())
	switchMX(t, w)
	if at, ok := w.Switched(); !ok || !at.Equal(w.Cutover()) {
		t.Errorf("switched at %v %v", at, ok)
	}
	now.Advance(6 * time.Hour)
	mutate(t, w, Late)
	// One letter to alice, one to contact@ (alice and info), one sent, and one
	// mark of "read" that bob's INBOX lacks.
	if r := check(t, w); r.Lost != 4 || r.Altered != 1 || r.SourceChanged != 0 {
		t.Errorf("late mail not carried yet: %v\n%s", r, strings.Join(r.Items, "\n"))
	}
	carry(t, w)
	m, end, err := w.person(t.Context(), New, address("bob"))
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := w.nth(New, address("bob"), "INBOX", 0)
	uid, err := m.find("INBOX", digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.store(uid, `\Seen`); err != nil {
		t.Fatal(err)
	}
	end()
	now.Advance(20 * time.Hour)
	mutate(t, w, Work)
	w.CloseInbound()
	r := check(t, w)
	if !r.OK() || r.Versions != 3 {
		t.Errorf("%v\n%s", r, strings.Join(r.Items, "\n"))
	}
	want := fmt.Sprintf("%d messages, 0 lost, 0 doubled, 0 altered; MX moved at 2027-03-13 06:00 UTC; never without MX", r.Messages)
	if got := r.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !cmp.Equal(r.MX, []string{newMX}) {
		t.Errorf("MX %v", r.MX)
	}
}

func TestStagesKnowTheirSideOfTheSwitch(t *testing.T) {
	w, _ := start(t)
	if _, err := w.Mutate(t.Context(), Late); err == nil {
		t.Error("late before the switch")
	}
	if _, err := w.Mutate(t.Context(), "nonsense"); err == nil {
		t.Error("no such stage")
	}
}

func TestTheProofFailsWhen(t *testing.T) {
	w, _ := start(t)
	provision(t, w)
	carry(t, w)
	alice := address("alice")
	on := func(s Side, folder string, n int, do func(m *mua, uid uint32) error) {
		t.Helper()
		m, end, err := w.person(t.Context(), s, alice)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		digest, err := w.nth(s, alice, folder, n)
		if err != nil {
			t.Fatal(err)
		}
		uid, err := m.find(folder, digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(m, uid); err != nil {
			t.Fatal(err)
		}
	}
	// Each plants one more fault into the same world.
	var want Report
	for _, c := range []struct {
		name  string
		plant func()
		count func(r *Report) *int
	}{
		{"a message is lost", func() {
			on(New, "INBOX", 4, func(m *mua, uid uint32) error { return m.remove(uid) })
		}, func(r *Report) *int { return &r.Lost }},
		{"one of two equal messages is lost", func() {
			on(New, "Envoyés", 1, func(m *mua, uid uint32) error { return m.remove(uid) })
		}, func(r *Report) *int { return &r.Lost }},
		{"a message is doubled", func() {
			digest, _ := w.nth(New, alice, "INBOX", 9)
			if err := w.imap[New].Append(alice, "INBOX", octetsOf(t, w)[digest], began); err != nil {
				t.Fatal(err)
			}
		}, func(r *Report) *int { return &r.Doubled }},
		{"an octet is another one", func() {
			list := w.book.expected(New)[alice]["Archives/2025"]
			octets := octetsOf(t, w)[list[0].Digest]
			on(New, "Archives/2025", 0, func(m *mua, uid uint32) error { return m.remove(uid) })
			if err := w.imap[New].Append(alice, "Archives/2025", octets+"\r\n", list[0].Date, list[0].Flags...); err != nil {
				t.Fatal(err)
			}
		}, func(r *Report) *int { return &r.Altered }},
		{"a flag is set that nobody set", func() {
			on(New, "INBOX", 5, func(m *mua, uid uint32) error { return m.store(uid, "odd") })
		}, func(r *Report) *int { return &r.Altered }},
		{"a date is another one", func() {
			list := w.book.expected(New)[alice]["Corbeille"]
			octets := octetsOf(t, w)[list[0].Digest]
			on(New, "Corbeille", 0, func(m *mua, uid uint32) error { return m.remove(uid) })
			if err := w.imap[New].Append(alice, "Corbeille", octets, list[0].Date.Add(time.Second), list[0].Flags...); err != nil {
				t.Fatal(err)
			}
		}, func(r *Report) *int { return &r.Altered }},
		{"a message lies in another folder", func() {
			on(New, "INBOX", 7, func(m *mua, uid uint32) error { return m.move(uid, "Corbeille") })
		}, func(r *Report) *int { return &r.Misplaced }},
		{"a message is nobody's", func() {
			if err := w.imap[New].Append(alice, "INBOX", "Subject: x\r\n\r\n", began.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, func(r *Report) *int { return &r.Foreign }},
		{"the source was written", func() {
			on(Old, "INBOX", 0, func(m *mua, uid uint32) error { return m.store(uid, `\Answered`) })
		}, func(r *Report) *int { return &r.SourceChanged }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plant()
			*c.count(&want)++
			r := check(t, w)
			got := Report{Lost: r.Lost, Doubled: r.Doubled, Altered: r.Altered, Misplaced: r.Misplaced, Foreign: r.Foreign, MissingFolders: r.MissingFolders, SourceChanged: r.SourceChanged}
			if (r.SourceChanged > 0) != strings.Contains(r.String(), "THE OLD SIDE WAS CHANGED") {
				t.Errorf("%v", r)
			}
			if diff := cmp.Diff(want, got); diff != "" || r.OK() {
				t.Errorf("OK %v, (-want +got):\n%s\n%s", r.OK(), diff, strings.Join(r.Items, "\n"))
			}
		})
	}
}

func TestTheZoneIsWhatThePlannerNeeds(t *testing.T) {
	w, _ := start(t)
	r := &lookup.Resolver{Dialer: dial, Recursive: w.Nameservers()}
	for _, host := range []string{OldHost, NewHost, "mx.old." + Domain, "mx.new." + Domain} {
		if addrs, err := r.LookupHost(t.Context(), host); err != nil || !cmp.Equal(addrs, []string{"127.0.0.1"}) {
			t.Errorf("%s: %v %v", host, addrs, err)
		}
	}
	for _, include := range []string{"spf.old.", "spf.new."} {
		if txt, err := r.LookupTXT(t.Context(), include+Domain); err != nil || len(txt) != 1 {
			t.Errorf("%s: %v %v", include, txt, err)
		}
	}
	servers, err := r.ExplicitServers(t.Context(), w.Nameservers())
	if err != nil {
		t.Fatal(err)
	}
	z := r.Snapshot(t.Context(), Domain, servers, []maildns.Key{maildns.KeyOf(Domain, "MX")})
	if rr, ok := z.Agreed(Domain, "MX"); !ok || !cmp.Equal(rr.Values, []string{oldMX}) || rr.TTL != oldTTL {
		t.Errorf("MX %+v %v", rr, ok)
	}
}

func TestAZoneWithoutMXIsSeenAfterwards(t *testing.T) {
	w, _ := start(t)
	c := writer(t, w)
	mx := maildns.RRset{Name: Domain + ".", Type: "MX", TTL: oldTTL, Values: []string{oldMX}}
	gone := removeAll(t, w, "MX")
	if err := c.AddValues(t.Context(), Domain, mx); err != nil {
		t.Fatal(err)
	}
	r := check(t, w)
	if !gone || r.WithoutMX != 1 || r.OK() || !strings.Contains(r.String(), "WITHOUT MX in 1 of 3") {
		t.Errorf("%v", r)
	}
}

func TestMailServersTakeWhatTheyKnow(t *testing.T) {
	w, _ := start(t)
	letter := []byte("Subject: x\r\n\r\nx\r\n")
	try := func(s Side, to string) error {
		return send(t.Context(), w.MX(s), "a@sender.example", []string{to}, letter)
	}
	if err := try(Old, address("contact")); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		side Side
		to   string
	}{{Old, address("nobody")}, {Old, "alice@sender.example"}, {New, address("alice")}} {
		if err := try(c.side, c.to); err == nil || !strings.Contains(err.Error(), "550") {
			t.Errorf("%s side, %s: %v, want 550", c.side, c.to, err)
		}
	}
	provision(t, w)
	if err := try(New, strings.ToUpper(address("alice"))); err != nil {
		t.Error(err)
	}
	w.CloseInbound()
	if err := try(Old, address("alice")); err == nil {
		t.Error("the closed side accepts")
	}
	if got, want := w.Posted(Old), (Post{Delivered: 2, Refused: 3}); got != want {
		t.Errorf("old side %+v, want %+v", got, want)
	}
	if err := w.submit(t.Context(), New, address("bob"), address("alice"), letter); err == nil {
		t.Error("what is submitted follows the MX, which still leads to the closed side")
	}
}

func TestSubmissionNeedsALogin(t *testing.T) {
	w, _ := start(t)
	if err := w.submit(t.Context(), New, address("alice"), address("bob"), []byte("x")); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("got %v, want 535", err)
	}
	if err := w.submit(t.Context(), Old, address("alice"), address("bob"), []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Error(err)
	}
}

func TestTheConfigurationIsTidyAndHoldsNoSecret(t *testing.T) {
	w, _ := start(t)
	text := w.Config()
	if got := hclwrite.Format(text); string(got) != string(text) {
		t.Error("not formatted")
	}
	for name, value := range w.Env() {
		if strings.Contains(string(text), value) {
			t.Errorf("%s is in it", name)
		}
		if local := strings.TrimPrefix(strings.TrimPrefix(name, "DEMO_OLD_"), "DEMO_NEW_"); !strings.Contains(string(text), name) && !strings.Contains(strings.ToUpper(string(text)), local) {
			t.Errorf("%s is not used", name)
		}
	}
}

func TestTheSameContentEveryTime(t *testing.T) {
	a, _ := start(t)
	b, _ := start(t)
	if diff := cmp.Diff(a.book.expected(Old), b.book.expected(Old)); diff != "" {
		t.Error(diff)
	}
}

func TestEveryPhaseIsNarrated(t *testing.T) {
	for _, p := range migration.Phases() {
		n, ok := Narrate(p)
		if !ok || n.What == "" || n.Why == "" || n.When == "" {
			t.Errorf("%s: %+v", p, n)
		}
	}
	if len(Narrations()) != len(migration.Phases()) {
		t.Error("one narration too many")
	}
}

func TestAWorldThatCannotStartLeavesNothing(t *testing.T) {
	_, err := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "none"), Clock: clock.NewVirtual(began)})
	if !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("got %v", err)
	}
}

func TestFolderNames(t *testing.T) {
	for raw, want := range map[string]string{
		"INBOX": "INBOX", "Envoy&AOk-s": "Envoyés", "M&APw-ller &- Fils": "Müller & Fils", "&2D3eAA-": "😀", "": "",
	} {
		if got, err := decodeUTF7(raw); err != nil || got != want {
			t.Errorf("%q: got %q %v, want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{"&", "R&D", "&AGEAYg", "&A-"} {
		if got, err := decodeUTF7(raw); err == nil {
			t.Errorf("%q: got %q, want an error", raw, got)
		}
	}
}
