package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// validate evaluates the rules of a variable over all variables.
func (c *Config) validate(f *findings, v *variable) {
	if !v.ok {
		return
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"var": c.varObject()}, Functions: functions(c.fsys, &c.meter)}
	for _, b := range v.block.Body.Blocks {
		condition, message := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
		if b.Type != "validation" || condition == nil || message == nil {
			continue
		}
		result, diags := condition.Expr.Value(ctx)
		f.fromHCL(diags, v.block.addr)
		if diags.HasErrors() {
			v.ok = false
			continue
		}
		result, _ = result.UnmarkDeep()
		verdict, err := convert.Convert(result, cty.Bool)
		if err != nil || verdict.IsNull() || !verdict.IsKnown() {
			f.errorAt(condition.Expr.Range(), v.block.addr, "Unsuitable value", "A condition is true or false.")
			v.ok = false
			continue
		}
		if verdict.False() {
			f.errorAt(condition.Expr.Range(), v.block.addr, "Invalid value of variable "+quote(v.name), "%s", c.validationMessage(message, ctx))
			v.ok = false
		}
	}
}

func (c *Config) validationMessage(a *hclsyntax.Attribute, ctx *hcl.EvalContext) string {
	v, diags := a.Expr.Value(ctx)
	if isSensitive(v) {
		return "The value is not allowed (the message contains a sensitive value and is not shown)."
	}
	if s, ok := knownText(v); ok && !diags.HasErrors() {
		return s
	}
	return "The value does not meet the condition."
}

// varObject holds all variables that have a value.
func (c *Config) varObject() cty.Value {
	values := map[string]cty.Value{}
	for name, v := range c.vars {
		values[name] = cty.DynamicVal
		if v.ok && v.value != cty.NilVal {
			values[name] = v.value
		}
	}
	return cty.ObjectVal(values)
}
