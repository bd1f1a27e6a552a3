package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Budgets of one evaluation, in units of one value or one octet of text. A
// configuration of two thousand mailboxes that looks each up in a map spends
// about half.
const (
	evaluationBudget = 16 << 20
	maxText          = 1 << 20
	// valueBudget bounds one value. Arguments of functions exist already, so
	// they cost only the time to read them: a share of their size.
	valueBudget   = 2 << 20
	argumentShare = 8
)

// meter counts the work of an evaluation, so that a few lines of nested loops
// or doubled strings end in a diagnostic and not in an exhausted machine.
type meter struct {
	left int
	told bool
	// at is where it ran out.
	at hcl.Range
}

func (m *meter) reset() { *m = meter{left: evaluationBudget} }

// charge spends the size of a value and reports whether anything is left.
func (m *meter) charge(v cty.Value) bool { return m.chargeShare(v, 1) }

// chargeArgument spends a share of the size of a value that is only read.
func (m *meter) chargeArgument(v cty.Value) bool { return m.chargeShare(v, argumentShare) }

func (m *meter) chargeShare(v cty.Value, share int) bool {
	one := meter{left: valueBudget}
	one.spend(v)
	m.left -= (valueBudget - one.left) / share
	if one.left <= 0 {
		m.left = 0
	}
	return m.left > 0
}

// spend walks a value, stopping as soon as the budget is gone: shared parts
// may make it far larger than the memory it takes.
func (m *meter) spend(v cty.Value) {
	m.left--
	if m.left <= 0 || v == cty.NilVal {
		return
	}
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		m.text(len(v.AsString()))
	case ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType():
		for it := v.ElementIterator(); m.left > 0 && it.Next(); {
			_, element := it.Element()
			m.spend(element)
		}
	}
}

// text spends n octets; a single text above maxText ends the evaluation.
func (m *meter) text(n int) {
	if n > maxText {
		m.left = 0
		return
	}
	m.left -= n
}

// exhausted is said once; what follows is silent.
func (m *meter) exhausted(rng hcl.Range) hcl.Diagnostics {
	if m.told {
		return nil
	}
	m.told, m.at = true, rng
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Subject: &rng, Summary: "Configuration too large to evaluate",
		Detail: "Loops and repetitions make more values than any migration needs. Look for loops inside loops and texts that contain themselves.",
	}}
}

// metered is an expression whose results are counted. Embedding the
// parentheses expression keeps the syntax tree walkable.
type metered struct {
	*hclsyntax.ParenthesesExpr
	m *meter
	// text is true for a part of a template.
	text bool
}

func (e *metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if e.m.left <= 0 {
		return cty.DynamicVal, e.m.exhausted(e.Range())
	}
	v, diags := e.ParenthesesExpr.Value(ctx)
	if e.text && holdsSecret(v.Type()) {
		return cty.UnknownVal(cty.String), append(diags, secretInText(e.Range()))
	}
	if !e.m.charge(v) {
		return cty.DynamicVal, append(diags, e.m.exhausted(e.Range())...)
	}
	return v, diags
}

func (m *meter) wrap(e hclsyntax.Expression, text bool) hclsyntax.Expression {
	if _, literal := e.(*hclsyntax.LiteralValueExpr); literal {
		return e
	}
	return &metered{
		ParenthesesExpr: &hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()},
		m:               m, text: text,
	}
}

// install puts the meter where results multiply: bodies of loops and parts of
// templates.
func (m *meter) install(root hclsyntax.Node) {
	_ = hclsyntax.VisitAll(root, func(n hclsyntax.Node) hcl.Diagnostics {
		switch e := n.(type) {
		case *hclsyntax.ForExpr:
			e.ValExpr = m.wrap(e.ValExpr, false)
		case *hclsyntax.TemplateExpr:
			for i := range e.Parts {
				e.Parts[i] = m.wrap(e.Parts[i], true)
			}
		case *hclsyntax.TemplateWrapExpr:
			e.Wrapped = m.wrap(e.Wrapped, true)
		}
		return nil
	})
}
