package config

import (
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
)

// instances evaluates for_each: one instance without it, none when it is wrong.
func (ev *evaluator) instances(b *block) ([]keyed, bool) {
	a := b.Body.Attributes["for_each"]
	if a == nil {
		return []keyed{{addr: b.addr}}, true
	}
	v, ok := ev.eval(a.Expr, scope{}, b.addr)
	if !ok || !ev.goodForEach(v, a, b.addr) {
		return nil, false
	}
	var out []keyed
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if v.Type().IsSetType() {
			key = value
		}
		out = append(out, keyed{
			key:  key.AsString(),
			addr: b.addr + migration.Address("["+quoteKey(key.AsString())+"]"),
			each: &instance{key, value},
		})
	}
	return out, true
}

// keyed is an object: the block itself, or an instance of it.
type keyed struct {
	key  string
	addr migration.Address
	each *instance
}

func (ev *evaluator) goodForEach(v cty.Value, a *hclsyntax.Attribute, addr migration.Address) bool {
	rng, ty := a.Expr.Range(), v.Type()
	say := func(detail string, args ...any) bool {
		ev.f.errorAt(rng, addr, "Unsuitable for_each", detail, args...)
		return false
	}
	switch {
	case v.IsMarked():
		return say("The value is sensitive: its keys would show in addresses, plans and the state.")
	case v.IsNull():
		return say("A map or a set of texts is wanted, not null.")
	case !v.IsKnown() || ty == cty.DynamicPseudoType:
		return say("The keys must be known before anything is contacted; exports of a target are not.")
	case ty.IsListType() || ty.IsTupleType():
		return say("A list may hold the same value twice and gives no names. Write for_each = toset([…]), or a map.")
	case ty.IsSetType() && ty.ElementType() != cty.String && v.LengthInt() > 0:
		return say("A set of texts is wanted, not of %s.", ty.ElementType().FriendlyName())
	case !ty.IsSetType() && !ty.IsMapType() && !ty.IsObjectType():
		return say("A map or a set of texts is wanted, not %s.", ty.FriendlyName())
	}
	return ev.goodKeys(v, say)
}

func (ev *evaluator) goodKeys(v cty.Value, say func(string, ...any) bool) bool {
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if v.Type().IsSetType() {
			key = value
		}
		if !key.IsKnown() || key.IsNull() || key.IsMarked() {
			return say("The keys must be known before anything is contacted, and not null.")
		}
		if s := key.AsString(); s == "" || len(s) > 200 {
			return say("%q cannot be a key: it becomes part of an address.", s)
		}
	}
	return true
}

// quoteKey writes a key as it stands in an address.
func quoteKey(key string) string { return strconv.Quote(key) }
