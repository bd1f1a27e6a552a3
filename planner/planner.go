package planner

import (
	"fmt"

	"bascule/internal/diag"
	"bascule/migration"
)

// phaseFunc plans one phase, given the steps of the phases before it.
type phaseFunc func(in Input, before []Step) part

// method is the table of the eight phases, in order.
func method() []phaseFunc {
	return []phaseFunc{prepare, lowerTTL, syncMail, verify, cutover, doubleReception, clients, decommission}
}

// Make computes the plan. Diagnostics with errors mean that nothing of the
// plan may be done; the plan is returned all the same, to be shown.
func Make(in Input) (*Plan, diag.List) {
	in.loc = in.zone()
	all := refusedAdoptions(in)
	for i, plan := range method() {
		all.add(plan(in, all.steps))
		all.add(recordsOf(in, migration.Phases()[i], all.steps))
	}
	all.gates = append([]Gate{holdGate(in)}, all.gates...)
	p := assemble(in, Forward, all)
	p.Phases, p.Phase, p.Finished = progress(in, p)
	p.Forecast = forecast(in, p)
	p.ID = identify(p)
	return p, append(all.diags, idleAccepts(in)...)
}

// assemble numbers the steps, schedules them, and fills in what every plan has.
func assemble(in Input, mode Mode, all part) *Plan {
	p := &Plan{
		FormatVersion: FormatVersion, Mode: mode, Created: in.Now, Tool: in.Tool,
		Base: Base{
			Lineage: in.State.Lineage, Serial: in.State.Serial, Revision: in.State.Revision, ConfigDigest: in.Desired.Digest,
		},
		Migration: in.Desired.Settings.Name, Domains: domainNames(in),
		Steps: all.steps, Gates: all.gates, Drift: all.drift, Blocked: all.blocked, Notes: all.notes,
		Accepted: in.accepts(), Plaintext: plaintext(in),
	}
	p.Complete = len(p.Blocked) == 0
	for i := range p.Steps {
		p.Steps[i].ID = fmt.Sprintf("s%02d", i+1)
	}
	schedule(in, p)
	return p
}

func domainNames(in Input) []string {
	var out []string
	for _, d := range in.Desired.Domains {
		out = append(out, d.Name)
	}
	return out
}

func plaintext(in Input) []migration.Address {
	var out []migration.Address
	for _, list := range [][]migration.Server{in.Desired.Sources, in.Desired.Targets} {
		for _, s := range list {
			if s.Endpoint.AllowPlaintext {
				out = append(out, s.Address)
			}
		}
	}
	return out
}
