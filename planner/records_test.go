package planner

import (
	"fmt"
	"testing"

	"bascule/migration"
)

func TestARecordAppearsAndEndsWithThePhasesItNames(t *testing.T) {
	for _, from := range migration.Phases() {
		for _, until := range migration.Phases() {
			if until <= from || from != migration.Prepare && until != migration.Decommission {
				continue
			}
			t.Run(fmt.Sprintf("%s to %s", from, until), func(t *testing.T) {
				w := company()
				comeAndGo(w)
				w.desired.Records[0].FromPhase, w.desired.Records[0].UntilPhase = from, until
				reviewed := w.plan(t)
				w.until(t, "the end", func(p *Plan) bool {
					for _, m := range reviewed.Uncovered(p) {
						t.Fatalf("not covered: %s: reviewed %+v, now %+v -> %+v", m.Key, m.Reviewed, m.Now.Before, m.Now.After)
					}
					have, _ := w.look().Zones[dom].Agreed("hint.example.ch.", "TXT")
					if from >= migration.Cutover && !have.IsEmpty() && !w.st.Switched() {
						t.Error("it was there before the cutover began")
					}
					return p.Finished
				})
				if !w.recorded("record.hint") {
					t.Error("it was never there")
				}
				if have, _ := w.look().Zones[dom].Agreed("hint.example.ch.", "TXT"); !have.IsEmpty() {
					t.Errorf("it is still there: %v", have.Values)
				}
			})
		}
	}
}

// recorded reports whether something was done for an object.
func (w *world) recorded(a migration.Address) bool {
	o := w.st.Objects[a]
	return o != nil && len(o.Done) > 0
}
