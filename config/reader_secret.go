package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
)

// secret reads an attribute that takes secret(…) or a sensitive variable. A
// line that may hold a password in clear is never quoted back.
func (r *reader) secret(name string) migration.Secret {
	a := r.body.Attributes[name]
	if a == nil {
		return migration.Secret{}
	}
	r.ev.ranges[string(r.addr)+"#"+r.prefix+name] = a.Expr.Range()
	v, diags, ok := r.ev.tryEval(a.Expr, r.sc, r.addr)
	r.tell(a, diags)
	if !ok {
		r.spoil(name)
		return migration.Secret{}
	}
	s, ok := r.locatorOf(v)
	if !ok {
		r.spoil(name)
		r.ev.f.errorHiding(a.Expr.Range(), r.addr, "A secret is wanted",
			"%q takes secret(\"env:NAME\"), secret(\"file:PATH\"), secret(\"exec:COMMAND\") or a text of a sensitive variable, whole. A password is never written into the configuration; change it if it was real (the line is not shown).", name)
	}
	return s
}

// tell reports what evaluation said, without the line when it is a text.
func (r *reader) tell(a *hclsyntax.Attribute, diags hcl.Diagnostics) {
	if _, text := a.Expr.(*hclsyntax.TemplateExpr); !text {
		r.ev.f.fromHCL(diags, r.addr)
		return
	}
	for _, d := range diags {
		r.ev.f.errorHiding(*d.Subject, r.addr, d.Summary, "%s", d.Detail)
	}
}

// locatorOf accepts secret(…), null, and exactly a text of a sensitive
// variable: a text derived from it has no locator.
func (r *reader) locatorOf(v cty.Value) (migration.Secret, bool) {
	plain, marks := v.Unmark()
	switch {
	case plain.IsKnown() && plain.IsNull():
		return migration.Secret{}, true
	case plain.Type().Equals(secretType) && plain.IsKnown():
		return migration.Secret{Locator: plain.EncapsulatedValue().(*reference).locator}, true
	case plain.Type() != cty.String || !plain.IsKnown():
		return migration.Secret{}, false
	}
	for mark := range marks {
		if m, ok := mark.(sensitive); ok && m.locator != "" {
			original := r.ev.c.secrets[m.locator[len("var:"):]]
			if original.Reveal() == plain.AsString() {
				return migration.Secret{Locator: m.locator}, true
			}
		}
	}
	return migration.Secret{}, false
}
