package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// dieAt kills the process, as a power cut would, at the n-th journal record,
// write command or zone write of a phase: "cutover:7". The points are counted
// from the moment a step of that phase begins.
func dieAt(spec string) func(string) {
	phase, count, _ := strings.Cut(spec, ":")
	left, err := strconv.Atoi(count)
	if err != nil {
		panic("test: BASCULE_TEST_KILL is PHASE:N")
	}
	var mu sync.Mutex
	now := ""
	return func(point string) {
		mu.Lock()
		defer mu.Unlock()
		if rest, ok := strings.CutPrefix(point, "act:"); ok {
			now, _, _ = strings.Cut(rest, ":")
		}
		if now != phase {
			return
		}
		if left--; left == 0 {
			_ = os.WriteFile(os.Getenv("BASCULE_TEST_KILLED"), []byte(point), 0o600)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// storm PHASE KILLS SPAN runs apply again and again, each time killed at a
// point drawn from the first points of the phase, at most SPAN, until it was killed KILLS
// times, or a run came to its end. The seed is printed; BASCULE_SEED sets it.
func (s *scriptWorld) cmdStorm(ts *testscript.TestScript, _ bool, args []string) {
	phase := args[0]
	kills, err := strconv.Atoi(args[1])
	ts.Check(err)
	span, err := strconv.Atoi(args[2])
	ts.Check(err)
	if s.dice == nil {
		seed := uint64(time.Now().UnixNano())
		if text := os.Getenv("BASCULE_SEED"); text != "" {
			seed, err = strconv.ParseUint(text, 10, 64)
			ts.Check(err)
		}
		ts.Logf("seed %d", seed)
		s.dice, s.deaths = rand.New(rand.NewPCG(seed, 0)), map[string]int{}
	}
	for i := range kills {
		// The first draws are early ones: a phase of a single step would
		// otherwise be over before it was killed often enough.
		if !s.killOnce(ts, phase, 1+s.dice.IntN(min(span, i+1))) {
			return
		}
	}
}

// killOnce reports whether the run was killed; one that ended by itself must
// have ended well.
func (s *scriptWorld) killOnce(ts *testscript.TestScript, phase string, n int) bool {
	note := ts.MkAbs(".killed")
	_ = os.Remove(note)
	until := phase
	if phase == "double_reception" {
		until = "decommission" // its passes are those of the pull; nothing else is open then
	}
	cmd := exec.Command("bascule", "apply", "--auto-approve", "--until", until)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"BASCULE_TEST_CLOCK", "BASCULE_TEST_RESOLVERS", "MOX_ADMIN", "TSIG_KEY", "OLD_ALICE", "OLD_BOB", "OLD_INFO", "NEW_ALICE", "NEW_BOB", "NEW_INFO", "NO_COLOR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, fmt.Sprintf("BASCULE_TEST_KILL=%s:%d", phase, n), "BASCULE_TEST_KILLED="+note, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	point, _ := os.ReadFile(note)
	switch code := exitCode(err); {
	case len(point) > 0:
		s.deaths[phase]++
		ts.Logf("killed in %s at point %d: %s", phase, n, point)
		return true
	case code == 0:
		return false
	default:
		ts.Fatalf("after a kill in %s, apply ended with %d:\n%s", phase, code, out)
		return false
	}
}

// killed TOTAL EACH makes sure that the storms were storms.
func (s *scriptWorld) cmdKilled(ts *testscript.TestScript, _ bool, args []string) {
	total, err := strconv.Atoi(args[0])
	ts.Check(err)
	each, err := strconv.Atoi(args[1])
	ts.Check(err)
	sum := 0
	for _, phase := range []string{"prepare", "lower_ttl", "sync", "verify", "cutover", "double_reception", "clients", "decommission"} {
		if s.deaths[phase] < each {
			ts.Fatalf("killed %d times in %s, at least %d are wanted: %v", s.deaths[phase], phase, each, s.deaths)
		}
		sum += s.deaths[phase]
	}
	if sum < total {
		ts.Fatalf("killed %d times in all, at least %d are wanted: %v", sum, total, s.deaths)
	}
}
