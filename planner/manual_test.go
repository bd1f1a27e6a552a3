package planner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/maildns"
)

// TestAZoneEditedByHandGoesTheWholeWay plays a person who does, some time
// after being asked, exactly what the instruction says.
func TestAZoneEditedByHandGoesTheWholeWay(t *testing.T) {
	for name, ttl := range map[string]uint32{"a long TTL": 86400, "a low TTL": 300} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.desired.DNS[0].Driver = "manual"
			w.desired.Settings.Cutover.Window.Start, w.desired.Settings.Cutover.Window.End = 0, 0
			w.publish("example.ch", "MX", ttl, "10 mx.old.example.")
			reviewed := w.plan(t)
			w.until(t, "the end", func(p *Plan) bool {
				if left := reviewed.Uncovered(p); len(left) > 0 {
					t.Fatalf("%s is not covered: reviewed %+v, now %+v -> %+v", left[0].Key, left[0].Reviewed, left[0].Now.Before, left[0].Now.After)
				}
				w.person(t, p)
				return p.Finished
			})
			if got := w.mx(); got.TTL != ttl || len(got.Values) != 1 || !got.Has("10 mx.new.example.") {
				t.Errorf("the MX ends as %v", got)
			}
			lowered, _ := w.st.DoneAt(dom, "mx.ttl")
			added, _ := w.st.DoneAt(dom, "mx.add")
			if ttl == 86400 && added.At.Sub(lowered.At) < 24*time.Hour {
				t.Errorf("the MX moved %s after the lowering", added.At.Sub(lowered.At))
			}
			if before, ok := image(added.Before); !ok || before.Has("10 mx.new.example.") {
				t.Errorf("what was there before the switch is lost: %v", before)
			}
		})
	}
}

// person types what every begun step asks for.
func (w *world) person(t tb, p *Plan) {
	t.Helper()
	for _, s := range p.Steps {
		if _, asked := w.st.Marked(s.Key()); !asked || s.Action.RRset == nil || s.Status == Stopped {
			continue
		}
		want, err := wanted(w.served(s.Action.RRset.Name, s.Action.RRset.Type), *s.Action.RRset)
		if err != nil {
			t.Fatal(err)
		}
		w.zone[want.Key()] = want
	}
}

func TestWhatAPersonIsToType(t *testing.T) {
	w := company()
	w.desired.DNS[0].Driver = "manual"
	p := w.plan(t)
	spf := step(t, p, "domain.main/spf.union").Action.Manual.Instruction
	if text := strings.Join(spf, "\n"); !strings.Contains(text, "change: v=spf1 mx") || strings.Contains(text, "add:") || !strings.Contains(text, "Leave every other value") {
		t.Errorf("two SPF records may stand beside each other:\n%s", text)
	}
	mx := step(t, p, "domain.main/mx.remove").Action.Manual.Instruction
	if text := strings.Join(mx, "\n"); !strings.Contains(text, "remove: 10 mx.old.example.") || strings.Contains(text, "change:") {
		t.Errorf("the removal reads:\n%s", text)
	}
	ttl := step(t, p, "domain.main/mx.ttl").Action.Manual.Instruction
	if text := strings.Join(ttl, "\n"); !strings.Contains(text, "to 300 seconds") || strings.Contains(text, "add:") {
		t.Errorf("the lowering reads:\n%s", text)
	}
	leap := zoneEdit{domain: w.desired.Domains[0], whole: true,
		before: maildns.RRset{Name: "x.", Type: "MX", TTL: 60, Values: []string{"10 a.x."}}, after: maildns.RRset{Name: "x.", Type: "MX", TTL: 60, Values: []string{"10 b.x."}}}
	lines := typeThis(leap)
	add, remove := slices.Index(lines, "  add:    10 b.x."), slices.Index(lines, "  remove: 10 a.x.")
	if add < 0 || remove < add || !slices.Contains(lines, "Save. Only then:") {
		t.Errorf("an MX shrinks before it grows: %q", lines)
	}
}
