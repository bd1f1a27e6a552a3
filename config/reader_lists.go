package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
)

// listOf checks that a value is written as a list, and converts its elements.
func (r *reader) listOf(name string) (cty.Value, bool) {
	v, ok := r.raw(name)
	if !ok {
		return cty.NilVal, false
	}
	if v.Type() == cty.String {
		r.fail(name, "A list is wanted", "%q takes several texts: write [ … ] around it, even for one.", name)
		return cty.NilVal, false
	}
	v, ok = r.value(name, cty.List(cty.String), "a list of texts")
	if !ok || !v.IsKnown() {
		return v, ok
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() {
			r.fail(name, "Unsuitable value", "%q contains null.", name)
			return cty.NilVal, false
		}
	}
	return v, true
}

// strings reads a list that may depend on exports.
func (r *reader) strings(name string) (migration.Strings, bool) {
	v, ok := r.listOf(name)
	if !ok {
		return migration.Strings{}, false
	}
	return toStrings(v), true
}

func toStrings(v cty.Value) migration.Strings {
	if !v.IsWhollyKnown() {
		return migration.Strings{Unknown: true}
	}
	var s migration.Strings
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		s.Values = append(s.Values, e.AsString())
	}
	return s
}

// texts reads a list that must be known.
func (r *reader) texts(name string) []string {
	s, ok := r.strings(name)
	if ok && s.Unknown {
		r.fail(name, "Value not known in time", "%q must be known before anything is contacted; exports of a target are known only afterwards. Write the values themselves.", name)
	}
	return s.Values
}

// each reads a known list and gives every element a meaning; wrong elements
// are reported and left out.
func each[T any](r *reader, name string, parse func(string) (T, error)) []T {
	var out []T
	for i, s := range r.texts(name) {
		v, err := parse(s)
		if err != nil {
			r.failElement(name, i, err)
			continue
		}
		out = append(out, v)
	}
	return out
}

// failElement reports one element of a list, where it stands if the list is
// written out.
func (r *reader) failElement(name string, i int, err error) {
	r.spoil(name)
	rng := r.place(name)
	if list, ok := r.body.Attributes[name].Expr.(*hclsyntax.TupleConsExpr); ok && i < len(list.Exprs) {
		rng = list.Exprs[i].Range()
	}
	r.ev.f.errorAt(rng, r.addr, "Unsuitable value", "%s.", sentence(err.Error()))
}

// textMap reads a map of texts.
func (r *reader) textMap(name string) map[string]string {
	v, ok := r.known(name, cty.Map(cty.String), "a map of texts: { old = \"new\" }")
	if !ok || v.LengthInt() == 0 {
		return nil
	}
	out := map[string]string{}
	for key, e := range v.AsValueMap() {
		if e.IsNull() {
			r.fail(name, "Unsuitable value", "%q contains null under %q.", name, key)
			continue
		}
		out[key] = e.AsString()
	}
	return out
}
