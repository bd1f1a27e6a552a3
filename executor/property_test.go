package executor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/providers/fake"
)

// Whatever the world is like, whatever fails and whoever else is at work: what
// a tick writes to the zone and to the service is a step of the plan that was
// reviewed, from the value reviewed to the value reviewed.
func TestEveryWriteIsAStepOfTheReviewedPlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(t, rt)
		trouble := rapid.SampledFrom([]string{"", "zone before", "zone after", "service before", "service after", "mailbox", "somebody"})
		var plan *planner.Plan
		for range rapid.IntRange(2, 5).Draw(rt, "ticks") {
			w.mend()
			if plan == nil || rapid.IntRange(0, 3).Draw(rt, "plan anew") == 0 {
				if plan = w.tryPlan(); plan == nil {
					return
				}
			}
			what := trouble.Draw(rt, "trouble")
			w.disturb(what)
			calls := w.watch(what)
			first := len(w.writes)
			r := w.run(reviewed(plan), func(e *Executor) {
				e.Until = rapid.SampledFrom([]migration.Phase{0, migration.Prepare, migration.Cutover}).Draw(rt, "until")
			})
			for _, x := range w.writes[first:] {
				if !coversWrite(plan, x) {
					rt.Fatalf("not reviewed: %+v\nexit %d", x, r.ExitCode)
				}
			}
			for _, c := range *calls {
				if !coversCall(plan, c) {
					rt.Fatalf("not reviewed: %s", c)
				}
			}
			if len(w.mx()) == 0 && len(w.desired.Domains) > 0 {
				rt.Fatal("no MX")
			}
			w.clock.Set(rapid.SampledFrom([]time.Time{w.clock.Now().Add(time.Hour), saturday, saturday.Add(30 * time.Minute), saturday.Add(80 * time.Hour)}).Draw(rt, "then"))
		}
	})
}

func drawWorld(t *testing.T, rt *rapid.T) *world {
	w := company(t)
	d := &w.desired.Domains[0]
	w.publish("example.ch", "MX", rapid.SampledFrom([]uint32{60, 300, 86400}).Draw(rt, "ttl"),
		rapid.SampledFrom([][]string{{"10 mx.old.example."}, {"10 mx.old.example.", "20 mx2.old.example."}, {"10 mx.new.example."}, {"10 mx.old.example.", "20 mx.new.example."}}).Draw(rt, "mx")...)
	w.publish("example.ch", "TXT", 3600, rapid.SampledFrom([][]string{{"site=1"}, {"v=spf1 mx -all", "site=1"}, {"v=spf1 include:spf.new.example -all"}}).Draw(rt, "txt")...)
	d.DMARC.Manage = rapid.Bool().Draw(rt, "dmarc")
	d.SPF.Manage = rapid.Bool().Draw(rt, "spf")
	if rapid.Bool().Draw(rt, "no people") {
		w.desired.Mailboxes, w.desired.Aliases = w.desired.Mailboxes[:1], nil
	}
	if rapid.Bool().Draw(rt, "alice is there") {
		_ = w.service.CreateDomain(context.Background(), "example.ch")
		_ = w.service.CreateMailbox(context.Background(), providers.NewMailbox{Email: "alice@example.ch"})
	}
	w.oldClosed = rapid.Bool().Draw(rt, "closed")
	return w
}

func (w *world) tryPlan() *planner.Plan {
	in, _, err := w.look(context.Background(), w.state())
	if err != nil {
		return nil
	}
	p, diags := planner.Make(in)
	if diags.HasErrors() {
		return nil
	}
	return p
}

func (w *world) mend() {
	w.wire, w.tap, w.down = nil, nil, map[string]error{}
	w.service.SetHook(nil)
}

// disturb lets something go wrong, or somebody be at work.
func (w *world) disturb(what string) {
	side, when, _ := strings.Cut(what, " ")
	lost := retry.Temporary(errors.New("connection lost"))
	switch side {
	case "zone":
		w.wire = func(at fake.When, rr maildns.RRset) error {
			if (at == fake.Before) == (when == "before") && rr.Type == "MX" {
				return lost
			}
			return nil
		}
	case "mailbox":
		w.down["source "+string(alice)] = lost
	case "somebody":
		w.changedBefore([]string{"mx.ttl", "spf.union", "mx.add"}[len(w.writes)%3], func() {
			w.publish("example.ch", "MX", 900, "5 mx.their.example.")
			w.publish("example.ch", "TXT", 900, "v=spf1 a -all", "theirs")
		})
	}
}

// watch returns the calls that a service gets from now on.
func (w *world) watch(what string) *[]string {
	calls := &[]string{}
	w.service.SetHook(func(when fake.When, verb, subject string) error {
		if when == fake.Before && verb != "list" && verb != "exports of" {
			*calls = append(*calls, verb+" "+subject)
		}
		if what == "service "+map[fake.When]string{fake.Before: "before", fake.Afterwards: "after"}[when] && verb != "list" {
			return retry.Temporary(errors.New("connection lost"))
		}
		return nil
	})
	return calls
}

// coversWrite finds the step that a write of the zone is.
func coversWrite(p *planner.Plan, x zoneWrite) bool {
	return slices.ContainsFunc(p.Steps, func(s planner.Step) bool {
		e := s.Action.RRset
		if e == nil || s.Action.Kind != planner.EditRRset || e.DNS != x.dns || maildns.KeyOf(e.Name, e.Type) != x.after.Key() {
			return false
		}
		before := maildns.RRset{Name: e.Name, Type: e.Type, Values: e.Before}.Canonical()
		after := maildns.RRset{Name: e.Name, Type: e.Type, Values: e.After}.Canonical()
		if e.Whole {
			return x.before.SameValues(before) && x.after.SameValues(after) && (e.TTLAfter == 0 || e.TTLAfter == x.after.TTL)
		}
		for _, v := range e.Before {
			if !x.before.Has(v) {
				return false
			}
		}
		return x.after.SameValues(x.before.Without(e.Before...).With(e.After...))
	})
}

// coversCall finds the step that a call of the service belongs to.
func coversCall(p *planner.Plan, call string) bool {
	return slices.ContainsFunc(p.Steps, func(s planner.Step) bool {
		switch s.Action.Kind {
		case planner.ServeDomain:
			return call == "create domain example.ch"
		case planner.CreateAccount:
			return call == "create mailbox "+s.Action.Email || call == "set password of "+s.Action.Email
		case planner.SetAlias:
			return call == "set alias "+s.Action.Email
		}
		return false
	})
}
