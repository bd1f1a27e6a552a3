package view_test

import (
	"bytes"
	"testing"

	"bascule/internal/view"
	"bascule/planner"
)

func TestPlan(t *testing.T) {
	for name, p := range map[string]*planner.Plan{
		"plan_full": fullPlan(), "plan_many": bigPlan(), "plan_waiting": waitingPlan(), "plan_finished": finishedPlan(),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, func(b *bytes.Buffer, s view.Style) error { return view.Plan(b, p, s) })
		})
	}
}

func TestQuietPlan(t *testing.T) {
	golden(t, "plan_quiet", func(b *bytes.Buffer, s view.Style) error {
		s.Quiet = true
		return view.Plan(b, fullPlan(), s)
	})
}
