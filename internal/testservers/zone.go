package testservers

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"

	"github.com/miekg/dns"
)

// Zone is a zone a name server starts with.
type Zone struct {
	// Name is the zone without the final dot.
	Name string
	// Records are the lines of the zone file, relative names allowed. SOA and
	// NS records are added; lines without TTL get an hour.
	Records string
}

// TSIGKey is what signs updates and transfers (RFC 8945). The algorithm is
// always hmac-sha256.
type TSIGKey struct {
	// Name is the key's name without the final dot.
	Name string
	// Secret is in base64, as servers and libraries want it.
	Secret string
}

// TSIGAlgorithm is how name servers' configurations spell the algorithm.
const TSIGAlgorithm = "hmac-sha256"

// NewTSIGKey returns a key nobody else knows.
func NewTSIGKey(name string) TSIGKey {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // documented never to fail
	return TSIGKey{Name: name, Secret: base64.StdEncoding.EncodeToString(secret)}
}

// DNSOptions says what name server to start.
type DNSOptions struct {
	Zones []Zone
	// Key may update and transfer every zone; a new one is made if it is empty.
	Key TSIGKey
}

func (o DNSOptions) withDefaults() DNSOptions {
	if o.Key.Name == "" {
		o.Key = NewTSIGKey("updates")
	}
	return o
}

// file returns the zone as a master file. The name servers' addresses are
// given as glue, all on loopback; their ports are known to the test only.
func (z Zone) file() string {
	return fmt.Sprintf(`$ORIGIN %[1]s.
$TTL 3600
@ IN SOA ns1.%[1]s. hostmaster.%[1]s. 1 3600 600 86400 300
@ IN NS ns1.%[1]s.
@ IN NS ns2.%[1]s.
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.1
%[2]s
`, z.Name, strings.TrimSpace(z.Records))
}

func zoneFile(dir, name string) string { return filepath.Join(dir, name+".zone") }

// nameServer is what both implementations have in common.
type nameServer struct {
	// Addr answers queries, updates and transfers, over UDP and TCP.
	Addr string
	// Key may update and transfer every zone.
	Key TSIGKey
	// Dir holds everything of the server; Config is its configuration file.
	Dir, Config string

	t       testing.TB
	opts    DNSOptions
	user    user
	server  program
	process *process
}

// writeZones writes the zone files into the server's directory.
func (n *nameServer) writeZones() error {
	for _, z := range n.opts.Zones {
		if err := n.user.write(zoneFile(n.Dir, z.Name), z.file()); err != nil {
			return err
		}
	}
	return nil
}

// ready reports whether every zone is loaded and served.
func (n *nameServer) ready() error {
	for _, z := range n.opts.Zones {
		if _, err := n.lookup(z.Name, dns.TypeSOA); err != nil {
			return err
		}
	}
	return nil
}

// Lookup asks the server itself and returns the answer section. The name needs
// no final dot. An error code of the server fails the test.
func (n *nameServer) Lookup(name string, recordType uint16) []dns.RR {
	n.t.Helper()
	answer, err := n.lookup(name, recordType)
	if err != nil {
		n.t.Fatal(err)
	}
	return answer
}

func (n *nameServer) lookup(name string, recordType uint16) ([]dns.RR, error) {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(name), recordType)
	client := &dns.Client{Net: "tcp", Timeout: probeTimeout}
	answer, _, err := client.Exchange(query, n.Addr)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", n.Addr, name, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("ask %s for %s: %s", n.Addr, name, dns.RcodeToString[answer.Rcode])
	}
	return answer.Answer, nil
}

// Serial returns the serial number of the zone as served.
func (n *nameServer) Serial(zone string) uint32 {
	n.t.Helper()
	for _, rr := range n.Lookup(zone, dns.TypeSOA) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	n.t.Fatalf("%s serves no SOA for %s", n.Addr, zone)
	return 0
}

// WaitSerial waits until the zone is served with at least the serial number,
// as a secondary does some time after its primary.
func (n *nameServer) WaitSerial(zone string, serial uint32) {
	n.t.Helper()
	for range int(readyPatience / pollEvery) {
		if n.Serial(zone) >= serial {
			return
		}
		time.Sleep(pollEvery)
	}
	n.t.Fatalf("%s still serves %s with serial %d, not %d\n%s", n.Addr, zone, n.Serial(zone), serial, n.process.tail())
}

// Update sends one RFC 2136 update signed with key and returns its error code
// as an error. It is how a test plays somebody else who edits the zone.
func (n *nameServer) Update(key TSIGKey, zone string, change func(*dns.Msg)) error {
	update := new(dns.Msg).SetUpdate(dns.Fqdn(zone))
	change(update)
	name := dns.Fqdn(key.Name)
	update.SetTsig(name, dns.HmacSHA256, 300, clock.Real{}.Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: probeTimeout, TsigSecret: map[string]string{name: key.Secret}}
	answer, _, err := client.Exchange(update, n.Addr)
	if err != nil {
		return fmt.Errorf("update %s: %w", zone, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("update %s: %s", zone, dns.RcodeToString[answer.Rcode])
	}
	return nil
}

// run launches the prepared server and waits for its zones.
func (n *nameServer) run(c command, log string) error {
	var err error
	n.process, err = n.user.serve(c, filepath.Join(n.Dir, log), n.ready)
	return err
}

// tool runs a program that came with the server and returns what it printed.
func (n *nameServer) tool(name string, args ...string) string {
	n.t.Helper()
	p, err := n.server.sibling(name)
	if err != nil {
		missing(n.t, err)
	}
	out, err := n.user.command(command{path: p.path, args: args, dir: n.Dir, env: p.env()}).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Stop ends the server; its files stay until the test ends.
func (n *nameServer) Stop() { n.process.stop() }

// Kill ends the server as a power cut would.
func (n *nameServer) Kill() { n.process.kill() }

// Log returns the end of the server's log.
func (n *nameServer) Log() string { return n.process.tail() }
