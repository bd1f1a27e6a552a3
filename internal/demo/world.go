package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bascule/internal/clock"
	"bascule/internal/demo/dnsd"
	"bascule/internal/imapmem"
	"bascule/maildns"
	"bascule/migration"
)

// Names of this world.
const (
	// Domain is the mail domain that moves.
	Domain = "demo.example"
	// OldHost and NewHost are the IMAP servers, inside the domain.
	OldHost = "old." + Domain
	NewHost = "new." + Domain
	// CAFile is the name of the authority's certificate in the directory.
	CAFile = "ca.pem"

	keyName = "bascule"
	newMX   = "10 mx.new." + Domain + "."
	oldMX   = "10 mx.old." + Domain + "."
	oldTTL  = 3600
)

// People are the local parts of the mailboxes.
func People() []string { return []string{"alice", "bob", "info"} }

// address makes an e-mail address of a local part.
func address(local string) string { return local + "@" + Domain }

// Options of a world.
type Options struct {
	// Dir takes ca.pem. It must exist.
	Dir string
	// Clock is the time in which the world lives; its time at the start is J-7.
	Clock clock.Clock
	// Messages is about how many messages there are at first; 0 means 300.
	Messages int
	// Lag is how long, in the machine's time, the second name server stays
	// behind the first.
	Lag time.Duration
}

// World is the running demonstration.
type World struct {
	clock   clock.Clock
	began   time.Time
	life    context.Context
	end     context.CancelFunc
	ca      *authority
	imap    map[Side]*imapmem.Server
	post    map[Side]*postOffice
	dns     *dnsd.Server
	service *service
	book    *book
	key     dnsd.Key
	env     map[string]string
}

// Start makes the world: servers listen and mailboxes are full when it
// returns. The context bounds the start only.
func Start(ctx context.Context, o Options) (*World, error) {
	w := &World{clock: o.Clock, began: o.Clock.Now(), imap: map[Side]*imapmem.Server{}, post: map[Side]*postOffice{}, book: newBook()}
	w.life, w.end = context.WithCancel(context.WithoutCancel(ctx))
	if o.Messages == 0 {
		o.Messages = 300
	}
	for _, step := range []func(context.Context, Options) error{w.makeSecrets, w.openIMAP, w.openDNS, w.openPost, w.fill} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(fmt.Errorf("start the demonstration: %w", err), w.Close())
		}
	}
	return w, nil
}

// Close stops every server and waits for them.
func (w *World) Close() error {
	w.end()
	var errs []error
	for _, side := range []Side{Old, New} {
		if p := w.post[side]; p != nil {
			errs = append(errs, p.close())
		}
		if s := w.imap[side]; s != nil {
			errs = append(errs, s.Close())
		}
	}
	if w.dns != nil {
		errs = append(errs, w.dns.Close())
	}
	return errors.Join(errs...)
}

// makeSecrets draws the passwords and the key, and makes the authority.
func (w *World) makeSecrets(_ context.Context, o Options) error {
	w.key = dnsd.Key{Name: keyName, Secret: base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])}
	w.env = map[string]string{"DEMO_TSIG_KEY": w.key.Secret}
	for _, person := range People() {
		w.env["DEMO_OLD_"+strings.ToUpper(person)] = rand.Text()
		w.env["DEMO_NEW_"+strings.ToUpper(person)] = rand.Text()
	}
	var err error
	if w.ca, err = newAuthority(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.Dir, CAFile), w.ca.pem, 0o644)
}

// password returns the password a person has on a side.
func (w *World) password(s Side, login string) string {
	local, _, _ := strings.Cut(login, "@")
	return w.env["DEMO_"+strings.ToUpper(string(s))+"_"+strings.ToUpper(local)]
}

func hostOf(s Side) string {
	if s == Old {
		return OldHost
	}
	return NewHost
}

// openIMAP starts both IMAP servers: on the old one people have accounts.
func (w *World) openIMAP(_ context.Context, _ Options) error {
	for serial, side := range []Side{Old, New} {
		identity, err := w.ca.certify(hostOf(side), int64(serial+2))
		if err != nil {
			return err
		}
		users := map[string]string{}
		for _, person := range People() {
			if side == Old {
				users[address(person)] = w.password(Old, address(person))
			}
		}
		if w.imap[side], err = imapmem.Start(imapmem.Options{Users: users, Implicit: identity}); err != nil {
			return err
		}
	}
	return nil
}

// zoneRecords is the zone as the old provider left it.
func zoneRecords() string {
	return fmt.Sprintf(`
@ %[1]d MX 10 mx.old
@ %[1]d TXT "v=spf1 mx include:spf.old.%[2]s ip4:192.0.2.25 -all"
@ %[1]d TXT "site-verification=5f1d"
@ 3600 A 192.0.2.80
www 3600 CNAME %[2]s.
_dmarc 3600 TXT "v=DMARC1; p=quarantine; rua=mailto:info@%[2]s"
_imaps._tcp 3600 SRV 0 1 993 old
old 3600 A 127.0.0.1
new 3600 A 127.0.0.1
mx.old 3600 A 127.0.0.1
mx.new 3600 A 127.0.0.1
spf.old 3600 TXT "v=spf1 ip4:192.0.2.10 -all"
spf.new 3600 TXT "v=spf1 ip4:198.51.100.10 -all"
`, oldTTL, Domain)
}

func (w *World) openDNS(ctx context.Context, o Options) error {
	var err error
	w.dns, err = dnsd.Start(ctx, dnsd.Options{
		Zone: Domain, Records: zoneRecords(), Key: w.key, Clock: w.clock, Lag: o.Lag, OnChange: w.zoneChanged,
	})
	return err
}

// zoneChanged notices the switch: the first version in which the MX names the
// new side.
func (w *World) zoneChanged(v dnsd.Version) {
	if slices.Contains(v.RRset(Domain, "MX").Values, newMX) {
		w.book.turn(v.At)
	}
}

// openPost starts the mail servers; between their ports and their service the
// new side's interface is made, which names the ports.
func (w *World) openPost(ctx context.Context, _ Options) error {
	for serial, side := range []Side{Old, New} {
		p := &postOffice{side: side, host: "mx." + hostOf(side), imap: w.imap[side], book: w.book, clock: w.clock, life: w.life, forward: w.toReceiver}
		w.post[side] = p
		identity, err := w.ca.certify(hostOf(side), int64(serial+4))
		if err != nil {
			return err
		}
		if err := p.listen(ctx, identity); err != nil {
			return err
		}
	}
	w.service = newService(w.imap[New], w.exports())
	old, new := w.post[Old], w.post[New]
	old.accounts = func(a string) []string { return routes(a, isPerson, oldAliases()) }
	old.admits = func(login, password string) bool { return isPerson(login) && password == w.password(Old, login) }
	new.accounts, new.admits = w.service.accounts, w.service.admits
	old.serve()
	new.serve()
	return nil
}

func isPerson(address string) bool {
	return slices.Contains(People(), strings.TrimSuffix(address, "@"+Domain))
}

// oldAliases are the addresses without a mailbox of the old side.
func oldAliases() map[string][]string {
	return map[string][]string{address("contact"): {address("alice"), address("info")}}
}

// exports is what the new service offers. The key is that of RFC 8463 §A.1,
// whose private half the whole world knows: nothing is signed here.
func (w *World) exports() migration.Exports {
	return migration.Exports{
		MX:         []string{newMX},
		SPF:        []string{"include:spf.new." + Domain},
		DKIM:       []migration.DKIMRecord{{Name: "n1._domainkey", Type: "TXT", Value: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
		IMAP:       migration.Service{Host: NewHost, Port: port(w.imap[New].Addr()), TLS: migration.Implicit},
		Submission: migration.Service{Host: NewHost, Port: port(w.post[New].submission.Addr().String()), TLS: migration.Implicit},
	}
}

func port(addr string) int {
	_, p, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(p)
	return n
}

// receiver is the side the zone's MX names now: the one of lowest preference.
func (w *World) receiver() Side {
	versions := w.dns.Versions()
	for _, v := range versions[len(versions)-1].RRset(Domain, "MX").Values {
		return map[bool]Side{true: New, false: Old}[v == newMX]
	}
	return Old
}

// toReceiver sends to whoever receives the domain's mail at this moment.
func (w *World) toReceiver(ctx context.Context, from string, to []string, octets []byte) error {
	return send(ctx, w.MX(w.receiver()), from, to, octets)
}

// Env holds the secrets the configuration names, by variable.
func (w *World) Env() map[string]string {
	out := map[string]string{}
	for k, v := range w.env {
		out[k] = v
	}
	return out
}

// Nameservers are the addresses of the name servers, the primary first; they
// also answer as resolvers, for this domain only.
func (w *World) Nameservers() []string { return w.dns.Nameservers() }

// MX returns the address at which a side's MX listens.
func (w *World) MX(s Side) string { return w.post[s].mx.Addr().String() }

// IMAP returns the address at which a side's IMAP server listens.
func (w *World) IMAP(s Side) string { return w.imap[s].Addr() }

// Submission returns the address of a side's submission server.
func (w *World) Submission(s Side) string { return w.post[s].submission.Addr().String() }

// Posted returns what a side's mail server did so far.
func (w *World) Posted(s Side) Post { return w.post[s].counts() }

// CloseInbound makes the old side refuse the domain: what a person does at
// decommission.
func (w *World) CloseInbound() { w.post[Old].closed.Store(true) }

// Hold keeps the second name server behind until Release.
func (w *World) Hold() { w.dns.Hold() }

// Release lets the second name server follow again.
func (w *World) Release() { w.dns.Release() }

// ZoneVersions returns every version the zone ever had.
func (w *World) ZoneVersions() []dnsd.Version { return w.dns.Versions() }

// Switched returns when the MX first named the new side.
func (w *World) Switched() (time.Time, bool) { return w.book.turned() }

// mxValues are the values of the MX in a version.
func mxValues(v dnsd.Version) []string { return v.RRset(maildns.Name(Domain), "MX").Values }
