package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
)

// roots are the names an expression may begin with.
var roots = []string{"var", "local", "each", "source", "target", "dns", "domain", "mailbox", "alias"}

// resolve finds what a reference means: the path of names that lead to the
// value, and the value.
func (ev *evaluator) resolve(t hcl.Traversal, sc scope, addr migration.Address) ([]string, cty.Value, bool) {
	root := t.RootName()
	switch root {
	case "var":
		return ev.resolveVar(t, addr)
	case "local":
		return ev.resolveLocal(t, sc, addr)
	case "each":
		return ev.resolveEach(t, sc, addr)
	case "source", "target", "dns", "domain", "mailbox", "alias":
		return ev.resolveObject(t, sc, addr)
	case "ignore", "accept", "record", "output", "migration", "bascule", "variable", "locals":
		return ev.unresolved(t, addr, "Nothing can be taken from %q blocks. An expression may begin with %s.", root, listed(roots))
	}
	if ev.c.locals[root] != nil {
		return ev.unresolved(t, addr, "There is no object %q. Did you mean \"local.%s\"?", root, root)
	}
	if ev.c.vars[root] != nil {
		return ev.unresolved(t, addr, "There is no object %q. Did you mean \"var.%s\"?", root, root)
	}
	return ev.unresolved(t, addr, "There is no object %q.%s A text is written in quotes; an expression may begin with %s.", root, suggest(root, roots), listed(roots))
}

func (ev *evaluator) unresolved(t hcl.Traversal, addr migration.Address, detail string, args ...any) ([]string, cty.Value, bool) {
	ev.f.errorAt(t.SourceRange(), addr, "Unknown reference", detail, args...)
	return nil, cty.DynamicVal, false
}

// step returns the name at a position of a reference: .name or ["name"].
func step(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

func (ev *evaluator) resolveVar(t hcl.Traversal, addr migration.Address) ([]string, cty.Value, bool) {
	name, ok := step(t, 1)
	v := ev.c.vars[name]
	if !ok || v == nil {
		return ev.unresolved(t, addr, "There is no variable %q.%s Declare it: variable %q { … }.", name, suggest(name, ev.c.varNames()), name)
	}
	if !v.ok || v.value == cty.NilVal {
		return nil, cty.DynamicVal, false
	}
	return []string{"var", name}, v.value, true
}

func (ev *evaluator) resolveLocal(t hcl.Traversal, sc scope, addr migration.Address) ([]string, cty.Value, bool) {
	name, ok := step(t, 1)
	if !ok || ev.c.locals[name] == nil {
		names := slices.Sorted(maps.Keys(ev.c.locals))
		return ev.unresolved(t, addr, "There is no local value %q.%s", name, suggest(name, names))
	}
	v, ok := ev.local(name, sc, t.SourceRange())
	return []string{"local", name}, v, ok
}

func (ev *evaluator) resolveEach(t hcl.Traversal, sc scope, addr migration.Address) ([]string, cty.Value, bool) {
	name, _ := step(t, 1)
	switch {
	case sc.each == nil:
		return ev.unresolved(t, addr, "each.%s has a value only inside a block with for_each.", name)
	case name == "key":
		return []string{"each", "key"}, sc.each.key, true
	case name == "value":
		return []string{"each", "value"}, sc.each.value, true
	}
	return ev.unresolved(t, addr, "each has \"key\" and \"value\" only.%s", suggest(name, []string{"key", "value"}))
}

// resolveObject finds source.imap.old, domain.main, mailbox.team["alice"].
func (ev *evaluator) resolveObject(t hcl.Traversal, sc scope, addr migration.Address) ([]string, cty.Value, bool) {
	kind := t.RootName()
	labels := len(ev.c.lang.block(kind).labels)
	path := []string{kind}
	for i := 1; i <= labels; i++ {
		name, ok := step(t, i)
		if !ok {
			return ev.unresolved(t, addr, "A reference to %s %s is written %s.", article(kind), kind, strings.Join(append([]string{kind}, ev.c.lang.block(kind).labels...), "."))
		}
		path = append(path, name)
	}
	target := migration.Address(strings.Join(path, "."))
	b := ev.c.byAddr[target]
	if b == nil {
		known := ev.addresses(kind)
		return ev.unresolved(t, addr, "There is no %s.%s Known: %s.", target, suggest(string(target), known), listed(known))
	}
	v, ok := ev.object(b, sc, t.SourceRange())
	if !ok {
		return nil, cty.DynamicVal, false
	}
	if !ev.goodSteps(t, labels+1, b, v, addr) {
		return nil, cty.DynamicVal, false
	}
	return path, v, true
}

func (ev *evaluator) addresses(kind string) []string {
	var out []string
	for _, b := range ev.blocksOf(kind) {
		out = append(out, string(b.addr))
	}
	return out
}

// goodSteps checks the key of an instance and the name of an attribute, which
// are known here, so that a slip is answered with what was meant.
func (ev *evaluator) goodSteps(t hcl.Traversal, at int, b *block, v cty.Value, addr migration.Address) bool {
	if b.Body.Attributes["for_each"] != nil {
		key, ok := step(t, at)
		if !ok {
			return true
		}
		if !v.Type().HasAttribute(key) {
			keys := slices.Sorted(maps.Keys(v.Type().AttributeTypes()))
			if _, attr := t[at].(hcl.TraverseAttr); attr && len(keys) > 0 {
				_, _, ok = ev.unresolved(t, addr, "%s has for_each: choose one of its instances, as %s[%q].%s.", b.addr, b.addr, keys[0], key)
				return ok
			}
			_, _, ok = ev.unresolved(t, addr, "%s has no instance %q.%s Its keys: %s.", b.addr, key, suggest(key, keys), listed(keys))
			return ok
		}
		v = v.GetAttr(key)
		at++
	}
	name, ok := step(t, at)
	if !ok || v.Type().HasAttribute(name) {
		return true
	}
	names := slices.Sorted(maps.Keys(v.Type().AttributeTypes()))
	_, _, ok = ev.unresolved(t, addr, "%s %s has no %q to refer to.%s Known: %s.", sentence(article(b.Type)), b.Type, name, suggest(name, names), listed(names))
	return ok
}
