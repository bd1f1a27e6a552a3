package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// basculeSpec checks the type of the backend: only "local" has its attributes
// in the table.
func basculeSpec(f *findings, spec *blockSpec, b *hclsyntax.Block) *blockSpec {
	for _, inner := range b.Body.Blocks {
		if inner.Type != "backend" || len(inner.Labels) != 1 || inner.Labels[0] == "local" {
			continue
		}
		switch kind := inner.Labels[0]; kind {
		case "http", "s3", "postgres":
			notYet(f, inner.LabelRanges[0], "bascule", "backend "+quote(kind), "use backend \"local\" and let one machine run the migration, or carry the directory between runs")
		default:
			f.errorAt(inner.LabelRanges[0], "bascule", "Unknown backend", "There is no backend %q; this version has \"local\".", kind)
		}
	}
	return spec
}

// readBascule reads the settings of the program. They are needed before
// anything else and may use variables only.
func (c *Config) readBascule(f *findings) {
	b := c.byAddr["bascule"]
	if b == nil {
		return
	}
	if a := b.Body.Attributes["required_version"]; a != nil {
		c.checkVersion(f, a)
	}
	for _, inner := range b.Body.Blocks {
		a := inner.Body.Attributes["path"]
		if inner.Type != "backend" || a == nil {
			continue
		}
		if s, ok := c.earlyText(f, a); ok {
			c.setStatePath(f, a, s)
		}
	}
}

func (c *Config) setStatePath(f *findings, a *hclsyntax.Attribute, s string) {
	if s == "" {
		f.errorAt(a.Expr.Range(), "bascule", "Unsuitable value", "The path of the state is empty; leave it out for %q.", DefaultStatePath)
		return
	}
	c.backend.Path = s
}

// earlyText evaluates with variables only.
func (c *Config) earlyText(f *findings, a *hclsyntax.Attribute) (string, bool) {
	for _, t := range a.Expr.Variables() {
		name, _ := step(t, 1)
		if t.RootName() != "var" {
			f.errorAt(t.SourceRange(), "bascule", "Unknown reference", "The bascule block is read before everything else and may use var. only.")
			return "", false
		}
		if v := c.vars[name]; v == nil || !v.ok {
			if v == nil {
				f.errorAt(t.SourceRange(), "bascule", "Unknown reference", "There is no variable %q.%s", name, suggest(name, c.varNames()))
			}
			return "", false
		}
	}
	v, diags := a.Expr.Value(&hcl.EvalContext{Variables: map[string]cty.Value{"var": c.varObject()}, Functions: functions(c.fsys, &c.meter)})
	f.fromHCL(diags, "bascule")
	if diags.HasErrors() {
		return "", false
	}
	s, ok := knownText(v)
	if !ok || isSensitive(v) {
		f.errorAt(a.Expr.Range(), "bascule", "Unsuitable value", "A text that is not sensitive is wanted.")
		return "", false
	}
	return s, true
}

func (c *Config) checkVersion(f *findings, a *hclsyntax.Attribute) {
	constraint, ok := c.earlyText(f, a)
	if !ok {
		return
	}
	met, err := versionMeets(c.opts.Version, constraint)
	if err != nil {
		f.errorAt(a.Expr.Range(), "bascule", "Unsuitable value", "%s.", err)
		return
	}
	if !met {
		f.errorAt(a.Expr.Range(), "bascule", "Another version of bascule is wanted", "This is %s; the configuration asks for %q. Use a version that fits, or change required_version after reading the changelog.", c.opts.Version, constraint)
	}
}
