package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"bascule/migration"
)

// reviewed is the part of a step that a reviewer decides upon: no times, no
// forecast, no counts, no numbering.
type reviewed struct {
	Key          string          `json:"key"`
	Phase        migration.Phase `json:"phase"`
	Action       Action          `json:"action"`
	Before       Value           `json:"before"`
	After        Value           `json:"after"`
	Gates        []string        `json:"gates"`
	Irreversible bool            `json:"irreversible"`
	Clears       []string        `json:"clears"`
}

// identify computes the plan's id: the SHA-256 of its canonical form. Two
// plans of the same situation have the same id. Mailbox progress and evidence
// come and go with time, and are no part of it.
func identify(p *Plan) string {
	form := struct {
		Format   string
		Mode     Mode
		Lineage  string
		Revision uint64
		Config   string
		Steps    []reviewed
		Accepted []migration.Accept
	}{p.FormatVersion, p.Mode, p.Base.Lineage, p.Base.Revision, p.Base.ConfigDigest, nil, p.Accepted}
	for _, s := range p.Steps {
		if !s.Progress {
			form.Steps = append(form.Steps, s.reviewed())
		}
	}
	return "sha256:" + digest(form)
}

func (s Step) reviewed() reviewed {
	return reviewed{s.Key(), s.Phase, s.Action, s.Before, s.After, s.Gates, s.Irreversible, s.Clears}
}

// digest is the SHA-256 of a value's JSON. encoding/json sorts map keys and
// writes struct fields in order, so equal values have equal digests.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("bug: a plan is plain data: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Verify reports whether the plan's id is that of its content; a plan that was
// edited by hand is not.
func (p *Plan) Verify() error {
	if got := identify(p); got != p.ID {
		return fmt.Errorf("plan %s was altered: its content has the id %s; make a new plan", short(p.ID), short(got))
	}
	return nil
}

func short(id string) string {
	_, hash, _ := strings.Cut(id, ":")
	if len(hash) > 12 {
		hash = hash[:12]
	}
	return hash
}

// ShortID is the plan's id as people read it.
func (p *Plan) ShortID() string { return short(p.ID) }

// Mismatch is a step that the reviewed plan does not hold, or holds otherwise:
// what was reviewed, and what would be done now.
type Mismatch struct {
	Key      string
	Reviewed *Step
	Now      Step
}

// Uncovered returns the steps of fresh that p, the reviewed plan, does not
// cover. A step is covered when p holds it with the same action and the same
// values before and after; a value unknown then covers whatever it became.
// Mailbox progress and evidence are always covered: what was reviewed is the
// rule they follow.
func (p *Plan) Uncovered(fresh *Plan) []Mismatch {
	var out []Mismatch
	for _, s := range fresh.Steps {
		if s.Progress || s.Status == Stopped || s.After.Unknown() {
			continue // not done as it stands: judged again when it can be
		}
		was, ok := p.find(s.Key())
		switch {
		case !ok:
			out = append(out, Mismatch{Key: s.Key(), Now: s})
		case was.After.Unknown():
		case !sameStep(was, s):
			out = append(out, Mismatch{Key: s.Key(), Reviewed: &was, Now: s})
		}
	}
	return out
}

// find returns the step with that key; an unknown step covers those whose
// names continue its own: "dkim" covers "dkim.s1._domainkey".
func (p *Plan) find(key string) (Step, bool) {
	for _, s := range p.Steps {
		if s.Key() == key || s.After.Unknown() && strings.HasPrefix(key, s.Key()+".") {
			return s, true
		}
	}
	return Step{}, false
}

// sameStep compares what a reviewer decided upon. What a person is told to do
// may be worded by what is known meanwhile.
func sameStep(a, b Step) bool {
	x, y := a.reviewed().unworded(), b.reviewed().unworded()
	return digest([]any{x.Action, x.Before, x.After, x.Gates, x.Clears}) == digest([]any{y.Action, y.Before, y.After, y.Gates, y.Clears})
}

// unworded leaves out how a person is told.
func (r reviewed) unworded() reviewed {
	if r.Action.Manual != nil {
		r.Action.Manual = &Manual{Check: r.Action.Manual.Check}
	}
	return r
}
