package archtest

import (
	"strings"
	"testing"
)

// The floor: small packages that know nothing of mail or migrations. Anybody
// above may import them, and they import nobody but each other.
var floor = []string{"internal/secret", "internal/clock", "internal/diag", "internal/atomicfile", "internal/safetext", "internal/retry", "internal/httpapi"}

// line says what packages may import of ours. Patterns end in "/*" for
// everything below; the first line whose pattern fits counts.
type line struct {
	pkg string
	may []string
	// bare takes the floor away.
	bare bool
	why  string
}

// table is the direction of the data, as imports of non-test code.
var table = []line{
	{pkg: "cmd/*", may: []string{"*"}, why: "wiring"},
	{pkg: "tools/*", bare: true, why: "tools run before anything is built: they import nothing of ours"},

	{pkg: "bench", may: []string{"mailsync", "mailsync/imapstore", "mailsync/ledger", "mailsync/wire"}, why: "a campaign runs the engine as a program of its own would"},

	{pkg: "migration", bare: true, why: "the vocabulary is the bottom of the house"},
	{pkg: "config", may: []string{"migration", "providers"}, why: "configuration turns text into what is desired; it looks at nothing and decides nothing"},
	{pkg: "observe", may: []string{"migration", "providers", "maildns", "maildns/lookup", "mailsync", "mailsync/folders", "state"}, why: "observe looks; state gives it the pinned identities, a planner would give it opinions"},
	{pkg: "planner", may: []string{"migration", "state", "maildns", "internal/diag", "internal/safetext"}, bare: true, why: "planner is pure: what is desired, observed and done comes in as data"},
	{pkg: "executor", may: []string{"migration", "state", "planner", "observe", "providers", "mailsync", "mailsync/folders", "mailsync/limits", "maildns", "maildns/zonewriter", "clientkit"}, why: "executor drives the engines through their contracts; drivers and the configuration are wired in cmd"},

	{pkg: "state", may: []string{"migration"}, why: "the state is plain data; its backends are leaves"},
	{pkg: "state/*", may: []string{"state", "migration"}, why: "a backend stores the state and knows nothing of plans"},

	{pkg: "mailsync/folders", why: "mapping of folders is pure"},
	{pkg: "mailsync/wire", why: "the wire knows IMAP and nothing of the engine"},
	{pkg: "mailsync/imapstore", may: []string{"mailsync", "mailsync/wire"}, why: "the adapter has a configuration of its own, which cmd fills in"},
	{pkg: "mailsync/maildir", may: []string{"mailsync", "mailsync/uidlist"}, why: "a format on disk, and the UIDs it lacks"},
	{pkg: "mailsync/mbox", may: []string{"mailsync", "mailsync/uidlist"}, why: "a format on disk, and the UIDs it lacks"},
	{pkg: "mailsync/*", may: []string{"mailsync", "mailsync/folders"}, why: "the parts of the engine know the engine only"},
	{pkg: "mailsync", may: []string{"mailsync/folders"}, why: "the copy engine knows nothing of plans, configuration or providers"},

	{pkg: "maildns", may: []string{"migration"}, why: "what mail needs of a zone is pure; lookups and writers are packages of their own"},
	{pkg: "maildns/zonewriter/*", may: []string{"maildns", "maildns/zonewriter"}, why: "the suite of the contract knows the contract only"},
	{pkg: "maildns/*", may: []string{"maildns", "maildns/wire"}, why: "lookups and writers know zones, not migrations"},
	{pkg: "clientkit", may: []string{"migration"}, why: "sheets are made of plain data"},

	{pkg: "providers", may: []string{"migration"}, why: "contracts only"},
	{pkg: "providers/all", may: []string{"providers", "migration", "providers/*"}, why: "the explicit list of drivers"},
	{pkg: "providers/providertest", may: []string{"providers", "migration"}, why: "the suite of the contract knows the contract only"},
	{pkg: "providers/dns/*", may: []string{"providers", "migration", "maildns", "maildns/zonewriter", "maildns/wire"}, why: "drivers never import each other: one can be removed without a trace"},
	{pkg: "providers/*", may: []string{"providers", "migration"}, why: "drivers never import each other, and speak IMAP to nobody"},

	{pkg: "internal/view", may: []string{"migration", "planner", "state"}, why: "view shows plain data"},
	{pkg: "internal/demo", may: []string{"migration", "maildns", "providers", "providers/*", "internal/imapmem", "internal/demo/dnsd"}, why: "the demonstration builds a world; cmd runs the real program against it"},
	{pkg: "internal/demo/dnsd", may: []string{"maildns", "maildns/wire"}, why: "a name server knows zones"},
	{pkg: "internal/imapmem", bare: true, why: "a server for the demonstration and for tests"},
	{pkg: "internal/hostile", bare: true, why: "mail for tests: it talks to nobody"},
	{pkg: "internal/testservers", why: "servers for tests"},
	{pkg: "internal/faultproxy", bare: true, why: "it passes octets on or does not; it is for tests"},
	{pkg: "internal/archtest", bare: true, why: "it reads the source, it is no part of it"},
}

// fits reports whether a pattern names a package.
func fits(pattern, path string) bool {
	if pattern == "*" {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(path, below+"/")
	}
	return pattern == path
}

func fitsAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if fits(p, path) {
			return true
		}
	}
	return false
}

// lineOf is the line of the table that counts for a package.
func lineOf(path string) (line, bool) {
	if fitsAny(floor, path) {
		return line{pkg: path, why: "the floor imports nothing from above"}, true
	}
	for _, l := range table {
		if fits(l.pkg, path) {
			return l, true
		}
	}
	return line{}, false
}

// checkDirection is the table.
func checkDirection(p pkg) []broken {
	l, ok := lineOf(p.Path)
	if !ok {
		return []broken{{p.Path, "has no line in the table of imports", "a new package is placed on purpose: add a line that says what it may import, and why"}}
	}
	var out []broken
	for _, path := range p.Imports {
		if to := relative(path); ours(path) && !fitsAny(l.may, to) && (l.bare || !fitsAny(floor, to)) {
			out = append(out, broken{p.Path, "must not import " + to, l.why})
		}
	}
	return out
}

// reserved is something outside that only some of our packages may import.
type reserved struct {
	path string // itself and everything below
	by   []string
	why  string
}

// reservations, the most particular first.
var reservations = []reserved{
	{"github.com/fatih/color", []string{"internal/view"}, "how things look is decided in one place, which honours NO_COLOR and pipes"},
	{"github.com/hashicorp/hcl/v2", []string{"config", "internal/demo"}, "nothing past config sees HCL; the demonstration writes a configuration"},
	{"github.com/zclconf/go-cty", []string{"config"}, "values of the language end in config"},
	{"github.com/zclconf/go-cty-yaml", []string{"config"}, "values of the language end in config"},
	{"github.com/emersion/go-imap/v2/imapclient", []string{"mailsync/imapstore", "mailsync/wire"}, "its traps are fenced in there"},
	{"github.com/emersion/go-imap/v2/imapserver", []string{"internal/imapmem"}, "a server is for the demonstration and for tests"},
	{"github.com/emersion/go-imap/v2", []string{"mailsync/imapstore", "mailsync/wire", "internal/imapmem"}, "IMAP is spoken behind mailsync's contracts only"},
	{"github.com/emersion/go-smtp", []string{"internal/demo", "internal/testservers"}, "a mail server is for the demonstration and for tests"},
	{"github.com/miekg/dns", []string{"maildns/lookup", "maildns/wire", "providers/dns/*", "providers/mox", "internal/demo/dnsd", "internal/testservers"}, "maildns is pure; messages are built where they are sent"},
	{"github.com/libdns", []string{"providers/dns/*"}, "drivers of DNS services are leaves"},
	{"modernc.org/sqlite", []string{"mailsync/ledger"}, "the ledger is an interface, SQLite one leaf behind it"},
	{"database/sql", []string{"mailsync/ledger"}, "the ledger is an interface, SQLite one leaf behind it"},
	{"github.com/spf13", []string{"cmd/*"}, "the command line ends in cmd"},
	{"github.com/google/go-cmp", []string{"maildns/zonewriter/writertest", "mailsync/ledger/ledgertest", "mailsync/storetest", "providers/providertest", "state/statetest"}, "for tests and suites of contracts"},
	{"pgregory.net/rapid", nil, "for tests"},
	{"go.uber.org/goleak", nil, "for tests"},
	{"testing", []string{"maildns/zonewriter/writertest", "mailsync/ledger/ledgertest", "mailsync/storetest", "providers/providertest", "state/statetest", "internal/testservers", "internal/faultproxy"}, "tests are not linked into the program"},
	{"os/exec", []string{"internal/secret", "internal/testservers", "tools/*", "bench"}, "nothing is run but what a secret names, tests and campaigns start, and never through a shell"},
	{"plugin", nil, "drivers are compiled in"},
	{"unsafe", nil, "no need of it"},
	{"log", []string{"internal/demo", "internal/imapmem", "internal/secret"}, "what happens is told as events, so that it can be escaped and shown anywhere; these silence a library's log, or hide secrets from logs"},
}

func (r reserved) covers(path string) bool {
	return path == r.path || strings.HasPrefix(path, r.path+"/")
}

// checkReserved: some modules have few importers.
func checkReserved(p pkg) []broken {
	var out []broken
	for _, path := range p.Imports {
		for _, r := range reservations {
			if !r.covers(path) {
				continue
			}
			if !fitsAny(r.by, p.Path) {
				out = append(out, broken{p.Path, "must not import " + path, r.why})
			}
			break
		}
	}
	return out
}

// pure packages do no work of their own in the world.
var pure = []string{"migration", "planner", "maildns", "mailsync/folders", "clientkit", "internal/diag", "internal/safetext"}

// worldly are packages of the standard library that reach outside, or wait.
var worldly = []string{"context", "net", "net/http", "net/smtp", "net/mail", "os", "os/*", "io/fs", "io/ioutil", "path/filepath", "crypto/rand", "math/rand", "math/rand/v2", "syscall", "sync", "sync/*", "crypto/tls"}

// checkPure: pure packages are functions of their arguments.
func checkPure(p pkg) []broken {
	if !fitsAny(pure, p.Path) {
		return nil
	}
	var out []broken
	for _, path := range p.Imports {
		if standard(path) && fitsAny(worldly, path) {
			out = append(out, broken{p.Path, "must not import " + path, "it is pure: no context, no clock, no network, no file, no randomness"})
		}
	}
	return out
}

// checkVocabulary: migration is the standard library and nothing else.
func checkVocabulary(p pkg) []broken {
	var out []broken
	for _, path := range p.Imports {
		if p.Path == "migration" && !standard(path) {
			out = append(out, broken{p.Path, "must not import " + path, "the vocabulary is the standard library only: everybody imports it"})
		}
	}
	return out
}

// checkName: a name says what a package is about.
func checkName(p pkg) []broken {
	for _, part := range append(strings.Split(p.Path, "/"), p.Name) {
		switch part {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared":
			return []broken{{p.Path, "must not be called " + part, "the name says nothing; put each function where it is about something"}}
		}
	}
	return nil
}

func TestImportsFollowTheDirectionOfTheData(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range []func(pkg) []broken{checkDirection, checkReserved, checkPure, checkVocabulary, checkName} {
			tell(t, rule(p))
		}
	}
}

// TestAllHoldsEveryDriver: providers/all is complete, and nobody else between
// cmd and the drivers knows them.
func TestAllHoldsEveryDriver(t *testing.T) {
	tell(t, checkAll(packages(t)))
}

// checkAll: providers/all imports every driver. Suites and the in-memory
// service are no drivers.
func checkAll(all []pkg) []broken {
	imported := map[string]bool{}
	for _, p := range all {
		for _, path := range p.Imports {
			imported[p.Path+" "+relative(path)] = true
		}
	}
	var out []broken
	for _, p := range all {
		driver := fits("providers/*", p.Path) && !fitsAny([]string{"providers/all", "providers/fake", "providers/providertest"}, p.Path)
		if driver && !imported["providers/all "+p.Path] {
			out = append(out, broken{"providers/all", "must import " + p.Path, "a driver that is not in the list cannot be configured"})
		}
	}
	return out
}
