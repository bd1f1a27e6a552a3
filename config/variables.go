package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"bascule/internal/secret"
)

// variable is a variable block and the value it got.
type variable struct {
	name      string
	block     *block
	ty        cty.Type
	defaults  *typeexpr.Defaults
	sensitive bool
	nullable  bool
	value     cty.Value
	// ok is false when the value was reported as wrong: what depends on it
	// stays silent.
	ok bool
}

// readVariables gives every variable its value: default, *.auto.vars.hcl,
// --var-file, --var, environment; the last wins.
func (c *Config) readVariables(f *findings) {
	for _, b := range c.blocks {
		if b.Type == "variable" {
			c.declare(f, b)
		}
	}
	given := c.givenValues(f)
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		c.assign(f, c.vars[name], given[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		c.validate(f, c.vars[name])
	}
}

func (c *Config) declare(f *findings, b *block) {
	v := &variable{name: b.Labels[0], block: b, ty: cty.DynamicPseudoType, nullable: true, ok: true}
	c.vars[v.name] = v
	if a := b.Body.Attributes["type"]; a != nil {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		f.fromHCL(diags, b.addr)
		v.ty, v.defaults, v.ok = ty, defaults, !diags.HasErrors()
	}
	v.sensitive = literalBool(f, b, "sensitive", false)
	v.nullable = literalBool(f, b, "nullable", true)
}

// literalBool reads a setting that cannot depend on anything.
func literalBool(f *findings, b *block, name string, def bool) bool {
	a := b.Body.Attributes[name]
	if a == nil {
		return def
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.Type() != cty.Bool || !v.IsKnown() || v.IsNull() {
		f.errorAt(a.Expr.Range(), b.addr, "Unsuitable value", "%q is true or false, written here and not computed.", name)
		return def
	}
	return v.True()
}

// given is a value from outside, and where it was written.
type given struct {
	value cty.Value
	rng   hcl.Range
	// raw is a value of --var or the environment, not yet read as its type.
	raw   string
	isRaw bool
	from  string
}

func (c *Config) givenValues(f *findings) map[string]given {
	values := map[string]given{}
	auto, _ := hclFiles(c.fsys, isAutoVarsFile)
	inside := func(name string) ([]byte, error) { return readLimited(c.fsys, name) }
	for _, name := range auto {
		c.readVarFile(f, name, inside, values)
	}
	read := c.opts.ReadVarFile
	if read == nil {
		read = inside
	}
	for _, name := range c.opts.VarFiles {
		c.readVarFile(f, name, read, values)
	}
	for _, name := range slices.Sorted(maps.Keys(c.opts.Vars)) {
		if c.vars[name] == nil {
			f.errorAt(hcl.Range{}, "", "Unknown variable", "--var gives %q, but no variable block has that name.%s", name, suggest(name, c.varNames()))
			continue
		}
		values[name] = given{raw: c.opts.Vars[name], isRaw: true, from: "--var " + name}
	}
	for name := range c.vars {
		if c.opts.Env == nil {
			break
		}
		if raw, ok := c.opts.Env("BASCULE_VAR_" + name); ok {
			values[name] = given{raw: raw, isRaw: true, from: "BASCULE_VAR_" + name}
		}
	}
	return values
}

func (c *Config) varNames() []string { return slices.Sorted(maps.Keys(c.vars)) }

func (c *Config) readVarFile(f *findings, name string, read func(string) ([]byte, error), into map[string]given) {
	src, err := read(name)
	if err != nil {
		f.errorAt(hcl.Range{}, "", "Variables cannot be read", "%s: %s.", name, err)
		return
	}
	// The text is kept out of the sources: it may hold sensitive values,
	// which a quoted line would show.
	file, diags := parseText(name, src)
	f.fromParser(diags)
	if file == nil {
		return
	}
	body := file.Body.(*hclsyntax.Body)
	for _, b := range body.Blocks {
		f.errorAt(b.DefRange(), "", "Unknown block", "A file of variables holds name = value only.")
	}
	for _, a := range sortedAttributes(body) {
		c.takeVar(f, a, into)
	}
}

func (c *Config) takeVar(f *findings, a *hclsyntax.Attribute, into map[string]given) {
	if c.vars[a.Name] == nil {
		f.errorAt(a.NameRange, "", "Unknown variable", "No variable block has the name %q.%s", a.Name, suggest(a.Name, c.varNames()))
		return
	}
	c.meter.install(a.Expr)
	v, diags := a.Expr.Value(nil)
	f.fromHCL(diags, c.vars[a.Name].block.addr)
	if !diags.HasErrors() {
		into[a.Name] = given{value: v, rng: a.Expr.Range(), from: a.Expr.Range().Filename}
	}
}

func (c *Config) assign(f *findings, v *variable, g given) {
	if !v.ok {
		return
	}
	value, ok := c.rawValue(f, v, g)
	if !ok {
		v.ok = false
		return
	}
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	value, err := convert.Convert(value, v.ty)
	if err != nil || value.IsNull() && !v.nullable || !c.meter.charge(value) {
		reason := "null is not allowed"
		if err != nil {
			reason = err.Error()
		}
		f.errorHiding(g.place(v), v.block.addr, "Unsuitable value of variable "+quote(v.name), "From %s: %s.", cmp.Or(g.from, "its default"), reason)
		v.ok = false
		return
	}
	if v.sensitive {
		value = c.markSensitive(v.name, value).Mark(sensitive{})
	}
	v.value = value
}

func (g given) place(v *variable) hcl.Range {
	if g.rng.Filename != "" {
		return g.rng
	}
	return v.block.DefRange()
}

// rawValue is the value before it takes the variable's type.
func (c *Config) rawValue(f *findings, v *variable, g given) (cty.Value, bool) {
	switch {
	case g.isRaw:
		return parseRaw(f, v, g)
	case g.from != "":
		return g.value, true
	}
	a := v.block.Body.Attributes["default"]
	if a == nil {
		f.errorAt(v.block.DefRange(), v.block.addr, "No value for variable "+quote(v.name),
			"It has no default. Give it with --var '%s=…', BASCULE_VAR_%s, or a line in a *.auto.vars.hcl file.", v.name, v.name)
		return cty.NilVal, false
	}
	value, diags := a.Expr.Value(nil)
	f.fromHCL(diags, v.block.addr)
	return value, !diags.HasErrors()
}

// parseRaw reads a value given as text: as it is for a text, else as HCL.
func parseRaw(f *findings, v *variable, g given) (cty.Value, bool) {
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		return cty.StringVal(g.raw), true
	}
	diags := guardText([]byte(g.raw), g.from)
	if !diags.HasErrors() && len(g.raw) <= maxText {
		expr, parsed := hclsyntax.ParseExpression([]byte(g.raw), g.from, hcl.InitialPos)
		if !parsed.HasErrors() {
			if value, evaluated := expr.Value(nil); !evaluated.HasErrors() {
				return value, true
			}
		}
	}
	f.errorAt(v.block.DefRange(), v.block.addr, "Unsuitable value of variable "+quote(v.name),
		"%s is not a literal value of its type; write it as in a file, for example --var '%s=[\"a\", \"b\"]'.", g.from, v.name)
	return cty.NilVal, false
}

// markSensitive marks every text inside a value with its own locator, and
// keeps the text for SensitiveValues.
func (c *Config) markSensitive(path string, v cty.Value) cty.Value {
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		c.secrets[path] = secret.New(v.AsString())
		return v.Mark(sensitive{locator: "var:" + path})
	case ty.IsObjectType(), ty.IsMapType():
		return c.markElements(path, v)
	}
	return v
}

func (c *Config) markElements(path string, v cty.Value) cty.Value {
	elements := v.AsValueMap()
	if len(elements) == 0 {
		return v
	}
	for key, e := range elements {
		elements[key] = c.markSensitive(path+"["+quoteKey(key)+"]", e)
	}
	if v.Type().IsObjectType() {
		return cty.ObjectVal(elements)
	}
	return cty.MapVal(elements)
}
