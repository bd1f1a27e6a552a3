package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"bascule/migration"
)

// evaluator is one evaluation of a configuration.
type evaluator struct {
	c       *Config
	f       *findings
	funcs   map[string]function.Function
	exports map[migration.Address]map[string]migration.Exports

	// nodes remembers values that can be referred to; stack is the path of
	// references being followed, for naming a cycle.
	nodes map[string]*node
	stack []string
	// ranges holds where each attribute is written: address + "#" + path.
	ranges map[string]hcl.Range
	// failed holds attributes, in the form of ranges, whose value is wrong;
	// broken the objects they belong to. hidden holds kinds of which an
	// address or a name could not be read: checks that need all of them stay
	// silent.
	failed map[string]bool
	broken map[migration.Address]bool
	hidden map[string]bool
	out    *migration.Desired
}

type node struct {
	done  bool
	ok    bool
	value cty.Value
}

// scope is what an expression may see besides the objects: the instance of a
// for_each, and the domain whose exports of a target are meant.
type scope struct {
	each   *instance
	domain string
}

// instance is one element of a for_each.
type instance struct {
	key   cty.Value
	value cty.Value
}

func newEvaluator(c *Config, f *findings, exports map[migration.Address]map[string]migration.Exports) *evaluator {
	return &evaluator{
		c: c, f: f, exports: exports, funcs: functions(c.fsys, &c.meter),
		nodes: map[string]*node{}, ranges: map[string]hcl.Range{}, failed: map[string]bool{}, broken: map[migration.Address]bool{}, hidden: map[string]bool{},
		out: &migration.Desired{},
	}
}

// eval evaluates an expression; false means a mistake was reported, here or
// in something it refers to.
func (ev *evaluator) eval(expr hclsyntax.Expression, sc scope, addr migration.Address) (cty.Value, bool) {
	v, diags, ok := ev.tryEval(expr, sc, addr)
	ev.f.fromHCL(diags, addr)
	return v, ok
}

func (ev *evaluator) tryEval(expr hclsyntax.Expression, sc scope, addr migration.Address) (cty.Value, hcl.Diagnostics, bool) {
	ctx, ok := ev.context(expr, sc, addr)
	if !ok {
		return cty.DynamicVal, nil, false
	}
	v, diags := expr.Value(ctx)
	if !diags.HasErrors() && !ev.c.meter.charge(v) {
		diags = append(diags, ev.c.meter.exhausted(expr.Range())...)
		return cty.DynamicVal, diags, false
	}
	return v, diags, !diags.HasErrors()
}

// context holds exactly what an expression refers to.
func (ev *evaluator) context(expr hclsyntax.Expression, sc scope, addr migration.Address) (*hcl.EvalContext, bool) {
	tree := map[string]any{}
	ok := true
	for _, t := range expr.Variables() {
		path, value, found := ev.resolve(t, sc, addr)
		if !found {
			ok = false
			continue
		}
		plant(tree, path, value)
	}
	if !ok {
		return nil, false
	}
	vars := map[string]cty.Value{}
	for name, v := range tree {
		vars[name] = grown(v)
	}
	return &hcl.EvalContext{Variables: vars, Functions: ev.funcs}, true
}

func plant(tree map[string]any, path []string, value cty.Value) {
	for _, step := range path[:len(path)-1] {
		next, ok := tree[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[step] = next
		}
		tree = next
	}
	tree[path[len(path)-1]] = value
}

func grown(v any) cty.Value {
	if value, ok := v.(cty.Value); ok {
		return value
	}
	attrs := map[string]cty.Value{}
	for name, inner := range v.(map[string]any) {
		attrs[name] = grown(inner)
	}
	return cty.ObjectVal(attrs)
}

// node returns a value that others refer to, computing it once. Values that
// depend on exports are kept per domain.
func (ev *evaluator) node(name string, sc scope, rng hcl.Range, compute func() (cty.Value, bool)) (cty.Value, bool) {
	key := name
	if sc.domain != "" {
		key += "@" + sc.domain
	}
	if n := ev.nodes[key]; n != nil {
		if !n.done {
			ev.cycle(name, rng)
			return cty.DynamicVal, false
		}
		return n.value, n.ok
	}
	n := &node{}
	ev.nodes[key] = n
	ev.stack = append(ev.stack, name)
	n.value, n.ok = compute()
	n.done = true
	ev.stack = ev.stack[:len(ev.stack)-1]
	return n.value, n.ok
}

func (ev *evaluator) cycle(name string, rng hcl.Range) {
	from := slices.Index(ev.stack, name)
	path := append(slices.Clone(ev.stack[max(from, 0):]), name)
	ev.f.errorAt(rng, "", "Reference cycle", "%s: each needs the next before it has a value. Write one of them without the other.", strings.Join(path, " → "))
}

func (ev *evaluator) local(name string, sc scope, rng hcl.Range) (cty.Value, bool) {
	a := ev.c.locals[name]
	return ev.node("local."+name, scope{domain: sc.domain}, rng, func() (cty.Value, bool) {
		return ev.eval(a.Expr, scope{domain: sc.domain}, "")
	})
}

// blocksOf returns the top-level blocks of a kind in the order of the source.
func (ev *evaluator) blocksOf(kind string) []*block {
	var out []*block
	for _, b := range ev.c.blocks {
		if b.Type == kind {
			out = append(out, b)
		}
	}
	return out
}

// run evaluates everything, in the order of the source, and checks it.
func (ev *evaluator) run() {
	for _, name := range slices.Sorted(maps.Keys(ev.c.locals)) {
		ev.local(name, scope{}, ev.c.locals[name].NameRange)
	}
	ev.decodeAll()
	ev.check()
	ev.mustHaveFinished()
	ev.out.Digest = digest(ev.out)
}

// mustHaveFinished keeps an exhausted evaluation from passing as a whole one:
// try and can swallow the diagnostic where the meter ran out.
func (ev *evaluator) mustHaveFinished() {
	if ev.c.meter.left > 0 || ev.f.list.HasErrors() {
		return
	}
	ev.c.meter.told = false
	ev.f.fromHCL(ev.c.meter.exhausted(ev.c.meter.at), "")
}

// where returns the place of an attribute, or of its block.
func (ev *evaluator) where(addr migration.Address, path string) hcl.Range {
	if r, ok := ev.ranges[string(addr)+"#"+path]; ok {
		return r
	}
	if b := ev.c.blockOf(addr); b != nil {
		return b.DefRange()
	}
	return hcl.Range{}
}
