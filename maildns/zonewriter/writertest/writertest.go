package writertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/zonewriter"
)

// Zone is a fresh zone and the two ways to it.
type Zone struct {
	// Name is the apex.
	Name string
	// Writer is under test; Look asks the authoritative servers.
	Writer zonewriter.Writer
	Look   zonewriter.Look
	// ComparesAndSets says that the service itself refuses a replacement when
	// it holds something else than before.
	ComparesAndSets bool
}

// Run checks the contract. open is called once per case and must give a zone
// no other case has.
func Run(t *testing.T, open func(t *testing.T) Zone) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, z *zone)
	}{
		{"two MX and three apex TXT live side by side", sideBySide},
		{"a TTL changes in place and nowhere else", ttlInPlace},
		{"an MX moves by adding, observing, removing", addObserveRemove},
		{"a long TXT and a TXT of odd characters are served as written", oddTexts},
		{"a value added to a set takes the TTL of the set", oneTTL},
		{"the last MX is not removed", lastMX},
		{"a replacement of something else is refused", conflict},
		{"a set is created and removed by replacing", createAndRemove},
		{"nothing is written beside a CNAME", besideCNAME},
		{"every record type of mail is served as written", everyType},
		{"twenty additions at once are all there", manyAtOnce},
		{"a watcher never sees the domain without MX", watched},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := open(t)
			c.run(t, &zone{t: t, Zone: z, want: map[maildns.Key]maildns.RRset{}})
		})
	}
}

// zone is the zone of one case and what it should hold.
type zone struct {
	t *testing.T
	Zone
	want map[maildns.Key]maildns.RRset
}

func (z *zone) name(relative string) string {
	if relative == "@" {
		return maildns.Name(z.Name)
	}
	return maildns.Name(relative + "." + z.Name)
}

func (z *zone) rr(relative, typ string, ttl uint32, values ...string) maildns.RRset {
	z.t.Helper()
	rr, err := maildns.New(z.name(relative), typ, ttl, values...)
	if err != nil {
		z.t.Fatal(err)
	}
	return rr
}

// add, remove and replace write, then check the whole zone.
func (z *zone) add(rr maildns.RRset) {
	z.t.Helper()
	if err := z.Writer.AddValues(z.t.Context(), z.Name, rr); err != nil {
		z.t.Fatalf("add %v: %v", rr, err)
	}
	have, ok := z.want[rr.Key()]
	if !ok || have.IsEmpty() {
		have = maildns.RRset{Name: rr.Name, Type: rr.Type, TTL: rr.TTL}
	}
	z.expect(have.With(rr.Values...))
}

func (z *zone) remove(rr maildns.RRset) {
	z.t.Helper()
	if err := z.Writer.RemoveValues(z.t.Context(), z.Name, rr); err != nil {
		z.t.Fatalf("remove %v: %v", rr, err)
	}
	z.expect(z.want[rr.Key()].Without(rr.Values...))
}

func (z *zone) replace(before, after maildns.RRset) {
	z.t.Helper()
	if err := z.Writer.ReplaceRRset(z.t.Context(), z.Name, before, after); err != nil {
		z.t.Fatalf("replace %v by %v: %v", before, after, err)
	}
	z.expect(after)
}

// expect notes rr and waits until the servers serve all that is noted.
func (z *zone) expect(changed ...maildns.RRset) {
	z.t.Helper()
	var keys []maildns.Key
	for _, rr := range changed {
		z.want[rr.Key()] = rr
	}
	for k := range z.want {
		keys = append(keys, k)
	}
	var diff string
	err := settle().Do(z.t.Context(), func(ctx context.Context) error {
		diff = z.compare(z.Look(ctx, z.Name, keys))
		if diff != "" {
			return retry.Temporary(errors.New("not yet"))
		}
		return nil
	})
	if err != nil {
		z.t.Fatalf("the authoritative servers do not serve what was written (-want +got):\n%s", diff)
	}
}

// settle gives secondaries about ten seconds.
func settle() retry.Policy {
	return retry.Policy{Tries: 24, First: time.Millisecond, Most: 800 * time.Millisecond}
}

func (z *zone) compare(seen maildns.Zone) string {
	if len(seen.Servers) == 0 {
		return "no server was asked"
	}
	var b strings.Builder
	for _, s := range seen.Servers {
		for key, want := range z.want {
			got, ok := s.Lookup(key)
			switch {
			case !ok:
				fmt.Fprintf(&b, "%s at %s: %s\n", key, s.Name, s.WhyUnknown(key))
			case !got.Equal(want):
				fmt.Fprintf(&b, "%s at %s:\n%s", key, s.Name, cmp.Diff(want, got))
			}
		}
	}
	return b.String()
}

// refused checks that a write failed with the sentinel and changed nothing.
func (z *zone) refused(err, sentinel error) {
	z.t.Helper()
	if !errors.Is(err, sentinel) {
		z.t.Fatalf("got %v, want %v", err, sentinel)
	}
	z.expect()
}

func sideBySide(t *testing.T, z *zone) {
	z.add(z.rr("@", "TXT", 3600, "v=spf1 mx -all", "google-site-verification=abc", "ms=ms123"))
	z.add(z.rr("@", "MX", 3600, "10 mx1.old.example", "20 mx2.old.example"))
	z.add(z.rr("@", "MX", 3600, "10 mx1.old.example")) // again: nothing
	z.remove(z.rr("@", "TXT", 3600, "ms=ms123"))
	z.remove(z.rr("@", "TXT", 3600, "ms=ms123")) // again: nothing
	z.replace(z.rr("@", "TXT", 3600, "v=spf1 mx -all", "google-site-verification=abc"),
		z.rr("@", "TXT", 3600, "v=spf1 a:mx1.old.example ~all", "google-site-verification=abc"))
}

func ttlInPlace(t *testing.T, z *zone) {
	z.add(z.rr("@", "TXT", 3600, "v=spf1 -all", "a", "b"))
	z.add(z.rr("@", "MX", 3600, "10 mx1.old.example", "20 mx2.old.example"))
	before, after := z.rr("@", "MX", 3600, "10 mx1.old.example", "20 mx2.old.example"), z.rr("@", "MX", 300, "10 mx1.old.example", "20 mx2.old.example")
	z.replace(before, after)
	z.replace(before, after) // done already
	z.replace(after, before)
}

func addObserveRemove(t *testing.T, z *zone) {
	old, new := z.rr("@", "MX", 300, "10 mx1.old.example", "20 mx2.old.example"), z.rr("@", "MX", 300, "5 mx.new.example")
	z.add(z.rr("@", "TXT", 300, "v=spf1 -all"))
	z.add(old)
	z.add(new)
	z.remove(old)
	z.add(old) // and back
	z.remove(new)
}

func oddTexts(t *testing.T, z *zone) {
	key := "v=DKIM1; k=rsa; p=" + strings.Repeat("MIIBIjANBgkqhkiG9w0B", 20)[:396]
	z.add(z.rr("s1._domainkey", "TXT", 300, key))
	z.add(z.rr("odd", "TXT", 300, maildns.TXT(`say "hi"`), maildns.TXT(`back\slash;semicolon`), maildns.TXT("déjà vu"), "  two  spaces ", maildns.TXT(`"quoted"`)))
	z.remove(z.rr("odd", "TXT", 300, maildns.TXT(`say "hi"`), maildns.TXT(`"quoted"`)))
	z.replace(z.rr("s1._domainkey", "TXT", 300, key), z.rr("s1._domainkey", "TXT", 600, key))
}

func oneTTL(t *testing.T, z *zone) {
	z.add(z.rr("@", "MX", 300, "10 a.example"))
	if err := z.Writer.AddValues(t.Context(), z.Name, z.rr("@", "MX", 7200, "20 b.example")); err != nil {
		t.Fatal(err)
	}
	z.expect(z.rr("@", "MX", 300, "10 a.example", "20 b.example"))
	z.remove(z.rr("@", "MX", 7200, "20 b.example"))
}

func lastMX(t *testing.T, z *zone) {
	z.add(z.rr("@", "MX", 300, "10 a.example", "20 b.example"))
	z.refused(z.Writer.RemoveValues(t.Context(), z.Name, z.rr("@", "MX", 300, "10 a.example", "20 b.example")), zonewriter.ErrWouldBeEmpty)
	z.refused(z.Writer.ReplaceRRset(t.Context(), z.Name, z.want[maildns.KeyOf(z.Name, "MX")], z.rr("@", "MX", 300)), zonewriter.ErrWouldBeEmpty)
	z.remove(z.rr("@", "MX", 300, "10 a.example"))
	z.refused(z.Writer.RemoveValues(t.Context(), z.Name, z.rr("@", "MX", 300, "20 b.example")), zonewriter.ErrWouldBeEmpty)
}

func conflict(t *testing.T, z *zone) {
	if !z.ComparesAndSets {
		t.Skip("this service cannot compare and set; the guard around it compares")
	}
	z.add(z.rr("@", "MX", 300, "10 a.example", "20 b.example"))
	replace := func(before, after maildns.RRset) error {
		return z.Writer.ReplaceRRset(t.Context(), z.Name, before, after)
	}
	new := z.rr("@", "MX", 300, "10 a.example", "5 new.example")
	z.refused(replace(z.rr("@", "MX", 300, "10 a.example"), new), zonewriter.ErrConflict)
	z.refused(replace(z.rr("@", "MX", 300, "10 a.example", "30 c.example"), new), zonewriter.ErrConflict)
	z.refused(replace(z.rr("@", "MX", 300), new), zonewriter.ErrConflict)
	z.refused(replace(z.rr("none", "TXT", 300, "x"), z.rr("none", "TXT", 300, "y")), zonewriter.ErrConflict)
}

func createAndRemove(t *testing.T, z *zone) {
	z.add(z.rr("@", "MX", 300, "10 a.example"))
	none, some := z.rr("_dmarc", "TXT", 300), z.rr("_dmarc", "TXT", 300, "v=DMARC1; p=none")
	z.replace(none, some)
	z.replace(none, some) // again: nothing
	z.replace(some, none)
	z.add(some)
	z.remove(some)
}

func besideCNAME(t *testing.T, z *zone) {
	z.add(z.rr("alias", "CNAME", 300, "target.example"))
	z.want[maildns.KeyOf(z.name("alias"), "TXT")] = z.rr("alias", "TXT", 300)
	if err := z.Writer.AddValues(t.Context(), z.Name, z.rr("alias", "TXT", 300, "x")); err == nil {
		t.Error("a TXT beside a CNAME was accepted")
	}
	z.expect()
	if err := z.Writer.ReplaceRRset(t.Context(), z.Name, z.rr("alias", "TXT", 300), z.rr("alias", "TXT", 300, "x")); err == nil {
		t.Error("a TXT beside a CNAME was accepted")
	}
	z.expect()
	z.add(z.rr("text", "TXT", 300, "x"))
	z.want[maildns.KeyOf(z.name("text"), "CNAME")] = z.rr("text", "CNAME", 300)
	if err := z.Writer.AddValues(t.Context(), z.Name, z.rr("text", "CNAME", 300, "target.example")); err == nil {
		t.Error("a CNAME beside a TXT was accepted")
	}
	z.expect()
	z.replace(z.rr("alias", "CNAME", 300, "target.example"), z.rr("alias", "CNAME", 600, "other.example"))
}

func everyType(t *testing.T, z *zone) {
	z.add(z.rr("_imaps._tcp", "SRV", 300, "0 1 993 imap.new.example"))
	z.add(z.rr("_imap._tcp", "SRV", 300, "0 0 0 ."))
	z.add(z.rr("@", "CAA", 300, `0 issue "letsencrypt.org"`, `0 iodef "mailto:a@new.example"`))
	z.add(z.rr("_25._tcp.mx", "TLSA", 300, "3 1 1 "+strings.Repeat("ab", 32)))
	z.add(z.rr("mx", "A", 300, "192.0.2.25"))
	z.add(z.rr("mx", "AAAA", 300, "2001:db8::25"))
	z.add(z.rr("*", "MX", 300, "10 mx.new.example"))
	z.replace(z.rr("_imaps._tcp", "SRV", 300, "0 1 993 imap.new.example"), z.rr("_imaps._tcp", "SRV", 600, "0 1 993 imap.old.example"))
}

// manyAtOnce goes through the guard: one writer per zone is its promise.
func manyAtOnce(t *testing.T, z *zone) {
	checked := &zonewriter.Checked{Inner: z.Writer, Look: z.Look, Settle: settle()}
	z.add(z.rr("@", "TXT", 300, "first"))
	want := z.rr("@", "TXT", 300, "first")
	var wait sync.WaitGroup
	for i := range 20 {
		rr := z.rr("@", "TXT", 300, fmt.Sprintf("value-%d", i))
		want = want.With(rr.Values...)
		wait.Go(func() {
			if err := checked.AddValues(t.Context(), z.Name, rr); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	z.expect(want)
}

func watched(t *testing.T, z *zone) {
	old, new := z.rr("@", "MX", 300, "10 mx1.old.example", "20 mx2.old.example"), z.rr("@", "MX", 300, "5 mx.new.example")
	z.add(old)
	stop, looking := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for first := true; ; first = false {
			select {
			case <-stop:
				return
			default:
			}
			for _, s := range z.Look(t.Context(), z.Name, []maildns.Key{old.Key()}).Servers {
				if rr, ok := s.Lookup(old.Key()); ok && rr.IsEmpty() {
					t.Errorf("%s serves no MX", s.Name)
				}
			}
			if first {
				close(looking)
			}
		}
	})
	<-looking
	checked := &zonewriter.Checked{Inner: z.Writer, Look: z.Look, Settle: settle()}
	for range 5 {
		from, to := old, new
		for range 2 {
			steps, err := maildns.SwitchSteps(from, to)
			if err != nil {
				t.Fatal(err)
			}
			current := from
			for _, s := range steps {
				if err := checked.ReplaceRRset(t.Context(), z.Name, current, s); err != nil {
					t.Fatal(err)
				}
				current = s
			}
			from, to = to, from
		}
	}
	close(stop)
	wait.Wait()
	z.expect(old)
}
