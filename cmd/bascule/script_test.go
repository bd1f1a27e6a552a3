package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/atomicfile"
	"bascule/internal/clock"
	"bascule/planner"
)

// TestMain lets scripts run this test binary as the program itself, with a
// clock that the script moves. The released program has no such door: its
// clock is the machine's (process.go).
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bascule": func() { os.Exit(run(context.Background(), scriptProcess())) }})
}

// TestScripts plays the scenes below testdata/script, each against real servers
// of its own where it asks for them.
func TestScripts(t *testing.T) {
	scenes, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scenes) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, scene := range scenes {
		t.Run(strings.TrimSuffix(filepath.Base(scene), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := &scriptWorld{t: t}
			testscript.Run(t, testscript.Params{
				Files: []string{scene}, RequireExplicitExec: false, Cmds: s.commands(),
				Setup: func(env *testscript.Env) error {
					// The scene's own test, so that a missing server skips it.
					if t, ok := env.T().(testing.TB); ok {
						s.t = t
					}
					env.Setenv("BASCULE_TEST_CLOCK", filepath.Join(env.WorkDir, ".clock"))
					env.Setenv("NO_COLOR", "1")
					env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
					return os.WriteFile(filepath.Join(env.WorkDir, ".clock"), []byte(scriptStart.Format(time.RFC3339)), 0o600)
				},
			})
		})
	}
}

// scriptStart is J-7 in the scenes: a Saturday before a Saturday.
var scriptStart = time.Date(2027, 3, 6, 8, 0, 0, 0, time.UTC)

// scriptProcess is the real process with the script's clock and, when a test
// wants it, a sudden death at the n-th point.
func scriptProcess() *process {
	p := realProcess()
	p.Clock = fileClock{os.Getenv("BASCULE_TEST_CLOCK")}
	if os.Getenv("BASCULE_TEST_STILL") != "" {
		p.Clock = stillClock{fileClock{os.Getenv("BASCULE_TEST_CLOCK")}}
	}
	p.Resolvers = strings.Fields(os.Getenv("BASCULE_TEST_RESOLVERS"))
	p.Who = "tester"
	p.HTTP = &http.Transport{DialContext: fromElsewhere()}
	p.Width = 120
	if spec := os.Getenv("BASCULE_TEST_KILL"); spec != "" {
		p.Tap = dieAt(spec)
	}
	if addr := os.Getenv("BASCULE_TEST_HEARD"); addr != "" {
		p.Stderr, p.Patience = io.MultiWriter(p.Stderr, mouth(addr)), time.Hour
	}
	if os.Getenv("BASCULE_TEST_YES") != "" {
		p.Interactive, p.Stdin = true, strings.NewReader("yes\n")
	}
	return p
}

// fromElsewhere dials from an address of its own for each run: mox limits how often
// one address may log in, and a scene is many runs in a minute.
func fromElsewhere() func(ctx context.Context, network, addr string) (net.Conn, error) {
	pid := os.Getpid()
	from := &net.TCPAddr{IP: net.IPv4(127, byte(1+pid>>16), byte(pid>>8), byte(1+pid%250))}
	return (&net.Dialer{LocalAddr: from}).DialContext
}

// fileClock reads the time from a file; waiting writes it.
type fileClock struct{ path string }

func (c fileClock) Now() time.Time {
	b, err := os.ReadFile(c.path)
	if err != nil {
		return clock.Real{}.Now()
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		panic("test clock: " + err.Error())
	}
	return t.UTC()
}

func (c fileClock) WaitUntil(ctx context.Context, t time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t.After(c.Now()) {
		return atomicfile.Write(c.path, []byte(t.Format(time.RFC3339Nano)), 0o600)
	}
	return nil
}

// commands are what scenes can say beside testscript's own commands.
func (s *scriptWorld) commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){
		"now":              s.cmdNow,
		"later":            s.cmdLater,
		"exits":            s.cmdExits,
		"tick":             s.cmdTick,
		"servers":          s.cmdServers,
		"mail":             s.cmdMail,
		"deliver":          s.cmdDeliver,
		"inbound":          s.cmdInbound,
		"compare":          s.cmdCompare,
		"dns":              s.cmdDNS,
		"nowrite":          s.cmdNoWrite,
		"source-untouched": s.cmdSourceUntouched,
		"nothing-left":     s.cmdNothingLeft,
		"storm":            s.cmdStorm,
		"killed":           s.cmdKilled,
		"arrives":          s.cmdArrives,
		"insists":          s.cmdInsists,
	}
	maps.Copy(all, s.ruleCommands())
	maps.Copy(all, s.inputCommands())
	maps.Copy(all, s.refusedCommands())
	maps.Copy(all, s.holdCommands())
	return all
}

// now TIME sets the clock.
func (s *scriptWorld) cmdNow(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(atomicfile.Write(ts.Getenv("BASCULE_TEST_CLOCK"), []byte(args[0]), 0o600))
}

// later DURATION moves the clock forward: 90m, 3d.
func (s *scriptWorld) cmdLater(ts *testscript.TestScript, _ bool, args []string) {
	d, err := duration(args[0])
	ts.Check(err)
	c := fileClock{ts.Getenv("BASCULE_TEST_CLOCK")}
	// A run that waits looks at it all the time, and must never see half of it.
	ts.Check(atomicfile.Write(c.path, []byte(c.Now().Add(d).Format(time.RFC3339)), 0o600))
}

// exits CODE COMMAND… runs a command that must end with that code.
func (s *scriptWorld) cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("%s ended with %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// tick CODE [ARG…] is one `bascule apply --auto-approve`, during which the old
// side must not change by one octet.
func (s *scriptWorld) cmdTick(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	before := s.snapshotOld(ts)
	got := exitCode(ts.Exec("bascule", append([]string{"apply", "--auto-approve"}, args[1:]...)...))
	if after := s.snapshotOld(ts); after != before {
		ts.Fatalf("the source was touched:\n%s", firstDifference(before, after))
	}
	if got != want {
		ts.Fatalf("apply ended with %d, not %d", got, want)
	}
}

// nothing-left makes sure that a plan after an apply has nothing under Now.
func (s *scriptWorld) cmdNothingLeft(ts *testscript.TestScript, _ bool, _ []string) {
	if code := exitCode(ts.Exec("bascule", "plan", "--json")); code != 0 {
		ts.Fatalf("after an apply, plan ended with %d", code)
	}
	var p planner.Plan
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &p))
	for _, step := range p.Ready() {
		ts.Fatalf("after an apply, %s is still to be done now", step.Key())
	}
}

// nowrite COMMAND… runs a command that must change nothing on any server or in
// the directory, and succeed.
func (s *scriptWorld) cmdNoWrite(ts *testscript.TestScript, _ bool, args []string) {
	before := s.everything(ts)
	if err := ts.Exec(args[0], args[1:]...); err != nil {
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	if after := s.everything(ts); after != before {
		ts.Fatalf("%s wrote something:\n%s", strings.Join(args, " "), firstDifference(before, after))
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(x), len(y)) {
		if l, m := lineAt(x, i), lineAt(y, i); l != m {
			return "- " + l + "\n+ " + m
		}
	}
	return ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}
