package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bascule/internal/view"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

func TestTables(t *testing.T) {
	versions := []state.Version{
		{Serial: 41, Revision: 12, Updated: day(5, 9, 8), Tool: "0.1.0"}, {Serial: 9, Revision: 2, Updated: day(1, 9, 8), Tool: hostile},
	}
	for name, render := range map[string]func(*bytes.Buffer, view.Style) error{
		"gates":            func(b *bytes.Buffer, s view.Style) error { return view.Gates(b, fullPlan(), s) },
		"gates_none":       func(b *bytes.Buffer, s view.Style) error { return view.Gates(b, finishedPlan(), s) },
		"drift":            func(b *bytes.Buffer, s view.Style) error { return view.Drift(b, fullPlan(), s) },
		"drift_none":       func(b *bytes.Buffer, s view.Style) error { return view.Drift(b, waitingPlan(), s) },
		"verify":           func(b *bytes.Buffer, s view.Style) error { return view.Verify(b, view.Findings(someState()), s) },
		"verify_none":      func(b *bytes.Buffer, s view.Style) error { return view.Verify(b, nil, s) },
		"outputs":          func(b *bytes.Buffer, s view.Style) error { return view.Outputs(b, outputs(), s) },
		"state_list":       func(b *bytes.Buffer, s view.Style) error { return view.StateList(b, someState(), s) },
		"state_list_empty": func(b *bytes.Buffer, s view.Style) error { return view.StateList(b, &state.State{}, s) },
		"state_show":       func(b *bytes.Buffer, s view.Style) error { return view.StateShow(b, someState(), mailbox("alice"), s) },
		"state_show_other": func(b *bytes.Buffer, s view.Style) error { return view.StateShow(b, someState(), "domain.main", s) },
		"history":          func(b *bytes.Buffer, s view.Style) error { return view.History(b, versions, s) },
		"history_none":     func(b *bytes.Buffer, s view.Style) error { return view.History(b, nil, s) },
		"executions":       func(b *bytes.Buffer, s view.Style) error { return view.Executions(b, someState().Executions, s) },
		"executions_none":  func(b *bytes.Buffer, s view.Style) error { return view.Executions(b, nil, s) },
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, render) })
	}
}

func TestStatus(t *testing.T) {
	for name, in := range map[string]view.StatusInput{
		"status_nothing": {},
		"status_blocked": {Plan: fullPlan(), State: someState(), Rollback: "not needed yet: the MX has not moved"},
		"status_waiting": {Plan: waitingPlan(), State: manyMailboxes(), Rollback: "not needed yet: the MX has not moved"},
		"status_bare":    {State: state.New("l", "0.1.0", now)},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, func(b *bytes.Buffer, s view.Style) error { return view.Status(b, in, s) })
		})
	}
}

func TestStatusOfAPlanWhoseTimeHasComeSaysWhatGoesOn(t *testing.T) {
	s := style(140, false)
	for late, want := range map[time.Duration]bool{0: false, 30 * 24 * time.Hour: true} {
		s.Now = now.Add(late)
		var b bytes.Buffer
		if err := view.Status(&b, view.StatusInput{Plan: waitingPlan(), State: someState()}, s); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "bascule apply goes on"); got != want {
			t.Errorf("%s after the plan: %v in\n%s", late, got, b.String())
		}
	}
}

func TestStatusHasOneLineAPhaseHoweverLongTheTextIs(t *testing.T) {
	p := waitingPlan()
	p.Phases[4].Text = strings.Repeat("a long reason ", 40)
	var b bytes.Buffer
	if err := view.Status(&b, view.StatusInput{Plan: p, State: someState()}, style(80, false)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")[2:10]
	for i, phase := range migration.Phases() {
		if !strings.Contains(lines[i], phase.String()) {
			t.Errorf("line %d is not that of %s: %q", i, phase, lines[i])
		}
	}
}

func TestShowingAnUnknownObjectIsAnErrorWithTheNextMove(t *testing.T) {
	err := view.StateShow(&bytes.Buffer{}, someState(), migration.Address("mailbox.\x1b[2Jx"), style(80, false))
	if err == nil || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), "state list") {
		t.Error(err)
	}
}

func TestSensitiveOutputsAreNotShown(t *testing.T) {
	var b bytes.Buffer
	if err := view.Outputs(&b, outputs(), style(80, false)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "never shown") {
		t.Error(b.String())
	}
}

func TestApplyResult(t *testing.T) {
	window := gates()[1]
	var many []view.Failure
	for range 30 {
		many = append(many, view.Failure{Address: mailbox("x"), Step: "sync", Text: "down"})
	}
	for name, r := range map[string]view.Result{
		"result_done":    {Done: 7, Messages: 48214, Bytes: 9_123_456_789, Took: 3820e9},
		"result_paused":  {ExitCode: 3, Done: 1, Paused: &window, Next: "bascule apply plan.json, from then on"},
		"result_partial": {ExitCode: 9, Done: 2, Paused: &window, Failed: []view.Failure{{Address: mailbox("bob"), Step: "sync", Text: "NO " + hostile, Retried: true}, {Address: mailbox("eve"), Step: "create", Text: "quota exceeded"}}},
		"result_blocked": {ExitCode: 9, Blocked: []planner.Blocked{
			{Address: mailbox("bob"), Side: "source", Why: "bob@example.ch on mail.example.ch:993: dial: connection refused", Temporary: true, Next: "it is tried again at the next plan or apply"},
			{Address: mailbox("eve"), Side: "target", Why: "NO " + hostile, Next: "mend it and plan again"},
		}},
		"result_many":        {ExitCode: 9, Failed: many},
		"result_refused":     {ExitCode: 5, PlanID: "sha256:9c", Reason: "the zone is not as it was reviewed", Next: "bascule plan --out plan.json"},
		"result_interrupted": {ExitCode: 130, Done: 1, Reason: "interrupted by Ctrl-C"},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, func(b *bytes.Buffer, s view.Style) error { return view.ApplyResult(b, r, s) })
		})
	}
}

func TestEveryDocumentedExitCodeHasAMeaning(t *testing.T) {
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130} {
		if strings.Contains(view.ExitMeaning(code), "exit code") {
			t.Errorf("%d has none", code)
		}
	}
}

func TestNothingIrreversibleIsGroupedAway(t *testing.T) {
	p := bigPlan()
	for i := range p.Steps {
		if p.Steps[i].Name == "create" {
			p.Steps[i].Irreversible = true
		}
	}
	var b bytes.Buffer
	if err := view.Plan(&b, p, style(80, false)); err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(b.String(), "\nNow")
	for _, s := range p.Steps {
		if !s.Irreversible {
			continue
		}
		if !strings.Contains(before, string(s.Address)) {
			t.Fatalf("%s is not shown first", s.Key())
		}
		if !strings.Contains(after, s.ID+" ") {
			t.Fatalf("%s is grouped away where it stands", s.Key())
		}
	}
}

func TestWorkForAPersonIsNamedEvenWhenGrouped(t *testing.T) {
	p := bigPlan()
	for i := range p.Steps {
		if p.Steps[i].Name == "create" {
			p.Steps[i].Action = planner.Action{Kind: planner.ManualStep, Manual: &planner.Manual{Check: "login", Instruction: []string{"Create it."}}}
		}
	}
	var b bytes.Buffer
	if err := view.Plan(&b, p, style(80, false)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"person003"`, `"person199"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not named", want)
		}
	}
}
