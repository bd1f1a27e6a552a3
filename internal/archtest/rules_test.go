package archtest

import (
	"slices"
	"strings"
	"testing"
)

// source makes a package of one file from text.
func source(t *testing.T, path, text string) pkg {
	t.Helper()
	f, err := parse(path+"/x.go", text)
	if err != nil {
		t.Fatal(err)
	}
	return pkg{Path: path, Name: f.Tree.Name.Name, Files: []file{f}}
}

func whats(list []broken) []string {
	var out []string
	for _, b := range list {
		out = append(out, b.What)
	}
	return out
}

func TestImportRulesRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		rule    func(pkg) []broken
		from    string
		imports string
		want    string // "" when it is allowed
	}{
		"migration that imports the floor":            {checkDirection, "migration", "bascule/internal/diag", "must not import internal/diag"},
		"migration with a module of others":           {checkVocabulary, "migration", "golang.org/x/net/idna", "must not import golang.org/x/net/idna"},
		"migration with the standard library":         {checkVocabulary, "migration", "time", ""},
		"planner that imports a provider":             {checkDirection, "planner", "bascule/providers", "must not import providers"},
		"planner that imports a backend of the state": {checkDirection, "planner", "bascule/state/local", "must not import state/local"},
		"planner that imports secrets":                {checkDirection, "planner", "bascule/internal/secret", "must not import internal/secret"},
		"planner that imports the state":              {checkDirection, "planner", "bascule/state", ""},
		"planner with a context":                      {checkPure, "planner", "context", "must not import context"},
		"planner with files":                          {checkPure, "planner", "os", "must not import os"},
		"planner with the network":                    {checkPure, "planner", "net", "must not import net"},
		"planner with HCL":                            {checkReserved, "planner", "github.com/hashicorp/hcl/v2", "must not import github.com/hashicorp/hcl/v2"},
		"executor with HCL":                           {checkReserved, "executor", "github.com/hashicorp/hcl/v2/hclsyntax", "must not import github.com/hashicorp/hcl/v2/hclsyntax"},
		"executor that imports the configuration":     {checkDirection, "executor", "bascule/config", "must not import config"},
		"executor that looks":                         {checkDirection, "executor", "bascule/observe", ""},
		"anybody that imports cmd":                    {checkDirection, "observe", "bascule/cmd/bascule", "must not import cmd/bascule"},
		"a driver that imports another":               {checkDirection, "providers/mox", "bascule/providers/genericimap", "must not import providers/genericimap"},
		"a DNS driver that imports another":           {checkDirection, "providers/dns/manual", "bascule/providers/dns/rfc2136", "must not import providers/dns/rfc2136"},
		"a driver that speaks IMAP":                   {checkDirection, "providers/mox", "bascule/mailsync/imapstore", "must not import mailsync/imapstore"},
		"a DNS driver that writes zones":              {checkDirection, "providers/dns/rfc2136", "bascule/maildns/zonewriter", ""},
		"the contracts with a driver":                 {checkDirection, "providers", "bascule/providers/mox", "must not import providers/mox"},
		"the list of drivers":                         {checkDirection, "providers/all", "bascule/providers/mox", ""},
		"the engine with a plan":                      {checkDirection, "mailsync", "bascule/planner", "must not import planner"},
		"the engine with migrations":                  {checkDirection, "mailsync", "bascule/migration", "must not import migration"},
		"the engine with the floor":                   {checkDirection, "mailsync", "bascule/internal/retry", ""},
		"the floor with anything above":               {checkDirection, "internal/retry", "bascule/migration", "must not import migration"},
		"the roof, imported from below":               {checkDirection, "observe", "bascule/internal/testservers", "must not import internal/testservers"},
		"a package nobody has placed":                 {checkDirection, "newcomer", "fmt", "has no line in the table of imports"},
		"colours outside view":                        {checkReserved, "cmd/bascule", "github.com/fatih/color", "must not import github.com/fatih/color"},
		"colours in view":                             {checkReserved, "internal/view", "github.com/fatih/color", ""},
		"an IMAP server outside imapmem":              {checkReserved, "internal/demo", "github.com/emersion/go-imap/v2/imapserver/imapmemserver", "must not import github.com/emersion/go-imap/v2/imapserver/imapmemserver"},
		"an IMAP client outside the adapter":          {checkReserved, "observe", "github.com/emersion/go-imap/v2/imapclient", "must not import github.com/emersion/go-imap/v2/imapclient"},
		"an IMAP client in a server":                  {checkReserved, "internal/imapmem", "github.com/emersion/go-imap/v2/imapclient", "must not import github.com/emersion/go-imap/v2/imapclient"},
		"an IMAP client in the adapter":               {checkReserved, "mailsync/imapstore", "github.com/emersion/go-imap/v2/imapclient", ""},
		"SQLite outside the ledger":                   {checkReserved, "state/local", "modernc.org/sqlite", "must not import modernc.org/sqlite"},
		"tests linked into the program":               {checkReserved, "maildns", "testing", "must not import testing"},
		"programs run by the executor":                {checkReserved, "executor", "os/exec", "must not import os/exec"},
		"a package called common":                     {checkName, "internal/common", "fmt", "must not be called common"},
	} {
		t.Run(name, func(t *testing.T) {
			got := whats(c.rule(pkg{Path: c.from, Name: "x", Imports: []string{c.imports}}))
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestADriverMissingFromTheListIsFound(t *testing.T) {
	all := []pkg{
		{Path: "providers/all", Imports: []string{"bascule/providers/mox"}},
		{Path: "providers/mox"}, {Path: "providers/dns/lost"}, {Path: "providers/fake"}, {Path: "providers/providertest"},
	}
	if got := whats(checkAll(all)); !slices.Equal(got, []string{"must import providers/dns/lost"}) {
		t.Error(got)
	}
}

func TestSourceRulesRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		rule func(pkg) []broken
		path string
		text string
		want string
	}{
		"the wall clock":                     {checkClock, "planner", `import "time"; func f() time.Time { return time.Now() }`, "must not use time.Now"},
		"the wall clock as a value":          {checkClock, "planner", `import "time"; func f() any { return time.Now }`, "must not use time.Now"},
		"the wall clock renamed":             {checkClock, "planner", `import clk "time"; func f() any { return clk.Until }`, "must not use time.Until"},
		"measuring":                          {checkClock, "executor", `import "time"; func f(t time.Time) any { return time.Since(t) }`, "must not use time.Since"},
		"the clock's own clock":              {checkClock, "internal/clock", `import "time"; func f() any { return time.Now() }`, ""},
		"a method called Now":                {checkClock, "executor", `import "time"; func f(time struct{ T time.Time }) {}`, ""},
		"an init function":                   {checkInit, "config", `func init() {}`, "must not have an init function"},
		"a method called init":               {checkInit, "config", `type t int; func (t) init() {}`, ""},
		"a phase in an engine":               {checkPhases, "maildns", `import "bascule/migration"; var p = migration.Cutover`, "must not use migration.Cutover"},
		"a decision by phase":                {checkPhases, "executor", `import "bascule/migration"; func f(p migration.Phase) bool { return p > migration.Verify }`, "must not use migration.Verify"},
		"a label of the executor's own":      {checkPhases, "executor", `import "bascule/migration"; type s struct{ Phase migration.Phase }; func f() s { return s{Phase: migration.Verify} }`, ""},
		"another field of the executor's":    {checkPhases, "executor", `import "bascule/migration"; type s struct{ Until migration.Phase }; func f() s { return s{Until: migration.Verify} }`, "must not use migration.Verify"},
		"a phase in the planner":             {checkPhases, "planner", `import "bascule/migration"; var p = migration.Cutover`, ""},
		"no doc.go":                          {checkDoc, "planner", ``, "must have a doc.go"},
		"unfinished work":                    {checkWords, "planner", "// TODO: the rest\n", "must not say TODO"},
		"work that is only for the moment":   {checkWords, "planner", "// For now this will do.\n", "must not say For now"},
		"a stub":                             {checkWords, "planner", "// A stub.\n", "must not say stub"},
		"a stubborn server":                  {checkWords, "planner", "// A stubborn server's todo.\n", ""},
		"a variable without a value":         {checkState, "config", `var cache map[string]int`, "must not declare the variable cache at package level"},
		"an empty map":                       {checkState, "config", `var cache = map[string]int{}`, "must not declare the variable cache at package level"},
		"a made map":                         {checkState, "config", `var cache = make(map[string]int)`, "must not declare the variable cache at package level"},
		"a pointer to something new":         {checkState, "config", `type c struct{}; var cache = &c{}`, "must not declare the variable cache at package level"},
		"a lock":                             {checkState, "config", `import "sync"; var mu = sync.Mutex{}`, "must not declare the variable mu at package level"},
		"a counter":                          {checkState, "config", `var n = 1; func f() { n++ }`, "must not change the variable n of the package"},
		"an assignment":                      {checkState, "config", `var n = 1; func f() { n = 2 }`, "must not change the variable n of the package"},
		"a table that grows":                 {checkState, "config", `var n = map[int]int{1: 1}; func f() { n[2] = 2 }`, "must not change the variable n of the package"},
		"a table that shrinks":               {checkState, "config", `var n = map[int]int{1: 1}; func f() { delete(n, 1) }`, "must not change the variable n of the package"},
		"an address that is taken":           {checkState, "config", `var n = 1; func f() *int { return &n }`, "must not change the variable n of the package"},
		"a table":                            {checkState, "config", `var n = map[int]int{1: 1}; func f() int { return n[1] }`, ""},
		"an error":                           {checkState, "config", `import "errors"; var errLost = errors.New("lost")`, ""},
		"an assertion":                       {checkState, "config", `type i interface{}; type c struct{}; var _ i = (*c)(nil)`, ""},
		"an embedded file":                   {checkState, "config", "import _ \"embed\"\n//go:embed x.hcl\nvar x []byte\n", ""},
		"a local of the same name":           {checkState, "config", `var n = 1; func f() int { n := 2; n++; return n }`, ""},
		"a parameter of the same name":       {checkState, "config", `var n = 1; func f(n int) int { n++; return n }`, ""},
		"a variable of a function literal's": {checkState, "config", `var n = 1; var g = 2; func f() func(int) { return func(n int) { n++ } }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := whats(c.rule(source(t, c.path, "package x\n"+c.text)))
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestDocumentationRuleRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"without a comment":    {"package x\n", "must have a package comment"},
		"without an invariant": {"// Package x is.\npackage x\n", "must state an invariant"},
		"complete":             {"// Package x is.\n//\n// Invariant: it holds.\npackage x\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parse("x/doc.go", c.text)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(whats(checkDoc(pkg{Path: "x", Files: []file{f}})), "")
			if !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSleepRuleRefuses(t *testing.T) {
	sleep := "package x\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	bubble := "package x\nimport (\"time\"; \"testing/synctest\")\nfunc f() { synctest.Wait(); time.Sleep(1) }\n"
	for name, c := range map[string]struct {
		path, text string
		want       int
	}{
		"a sleep":                             {"planner", sleep, 1},
		"a sleep on a clock that is not real": {"planner", bubble, 0},
		"a wait for another process":          {"internal/testservers", sleep, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := source(t, c.path, c.text)
			p.Tests, p.Files = p.Files, nil
			if got := checkSleep(p); len(got) != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAMessageNamesTheRuleAndItsReason(t *testing.T) {
	for _, l := range table {
		if l.why == "" {
			t.Errorf("the line of %s has no reason", l.pkg)
		}
	}
	for _, r := range reservations {
		if r.why == "" {
			t.Errorf("the reservation of %s has no reason", r.path)
		}
	}
}

// TestEveryLineIsOfUse: a line that fits no package is a rule nobody can break.
func TestEveryLineIsOfUse(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		if l, ok := lineOf(p.Path); ok {
			used[l.pkg] = true
		}
	}
	for _, l := range table {
		if !used[l.pkg] {
			t.Errorf("no package is left for the line %q", l.pkg)
		}
	}
}
