package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"bascule/migration"
)

// reader takes typed values out of a body. A mistake is reported where it
// stands and gives the zero value; reading goes on, so that all mistakes of a
// block are found at once.
type reader struct {
	ev     *evaluator
	body   *hclsyntax.Body
	sc     scope
	addr   migration.Address
	prefix string
	bad    *bool
}

func (ev *evaluator) reader(b *block, k keyed, domain string) *reader {
	return &reader{ev: ev, body: b.Body, sc: scope{each: k.each, domain: domain}, addr: k.addr, bad: new(bool)}
}

// block returns the reader of a nested block, nil when it is not there.
func (r *reader) block(name string) *reader {
	for _, b := range r.body.Blocks {
		if b.Type == name {
			return r.inside(b)
		}
	}
	return nil
}

// blocks returns the readers of all nested blocks of a name.
func (r *reader) blocks(name string) []*reader {
	var out []*reader
	for _, b := range r.body.Blocks {
		if b.Type == name {
			out = append(out, r.inside(b))
		}
	}
	return out
}

func (r *reader) inside(b *hclsyntax.Block) *reader {
	inner := *r
	inner.body, inner.prefix = b.Body, r.prefix+b.Type+"."
	inner.ev.ranges[string(r.addr)+"#"+r.prefix+b.Type] = b.DefRange()
	return &inner
}

// has reports whether an attribute is written.
func (r *reader) has(name string) bool { return r.body.Attributes[name] != nil }

func (r *reader) place(name string) hcl.Range { return r.ev.where(r.addr, r.prefix+name) }

// fail reports a mistake in the value of an attribute.
func (r *reader) fail(name, summary, detail string, args ...any) {
	r.spoil(name)
	r.ev.f.errorAt(r.place(name), r.addr, summary, detail, args...)
}

// spoil notes that an attribute has no usable value.
func (r *reader) spoil(name string) {
	*r.bad = true
	r.ev.broken[r.addr] = true
	r.ev.failed[string(r.addr)+"#"+r.prefix+name] = true
}

// good reports whether an attribute is written and was read well.
func (r *reader) good(name string) bool {
	return r.has(name) && !r.ev.failed[string(r.addr)+"#"+r.prefix+name]
}

// raw evaluates an attribute; false when it is absent, null or wrong.
func (r *reader) raw(name string) (cty.Value, bool) {
	a := r.body.Attributes[name]
	if a == nil {
		return cty.NilVal, false
	}
	r.ev.ranges[string(r.addr)+"#"+r.prefix+name] = a.Expr.Range()
	v, ok := r.ev.eval(a.Expr, r.sc, r.addr)
	if !ok {
		r.spoil(name)
		return cty.NilVal, false
	}
	if v.IsNull() {
		return cty.NilVal, false
	}
	return v, true
}

// value evaluates an attribute to a type; what may not be shown is refused.
// The value may be unknown.
func (r *reader) value(name string, want cty.Type, wanted string) (cty.Value, bool) {
	v, ok := r.raw(name)
	if !ok {
		return cty.NilVal, false
	}
	if holdsSecret(v.Type()) {
		r.fail(name, "A secret cannot stand here", "%q is written to plans and the state. Secrets go where one is wanted: password, token, key.", name)
		return cty.NilVal, false
	}
	if isSensitive(v) {
		r.fail(name, "A sensitive value cannot stand here", "%q is written to plans and the state. Sensitive values go where a secret is wanted.", name)
		return cty.NilVal, false
	}
	v, err := convert.Convert(v, want)
	if err != nil {
		r.fail(name, "Unsuitable value", "%q takes %s: %s.", name, wanted, strings.TrimSuffix(err.Error(), "."))
		return cty.NilVal, false
	}
	return v, true
}

// known is value for what must not depend on exports.
func (r *reader) known(name string, want cty.Type, wanted string) (cty.Value, bool) {
	v, ok := r.value(name, want, wanted)
	if ok && !v.IsWhollyKnown() {
		r.fail(name, "Value not known in time", "%q must be known before anything is contacted; exports of a target are known only afterwards. Write the value itself.", name)
		return cty.NilVal, false
	}
	return v, ok
}

func (r *reader) text(name, def string) string {
	v, ok := r.known(name, cty.String, "a text")
	if !ok {
		return def
	}
	return v.AsString()
}

// parsed reads a text and gives it a meaning; def when absent or wrong.
func parsed[T any](r *reader, name string, def T, parse func(string) (T, error)) T {
	v, ok := r.known(name, cty.String, "a text")
	if !ok {
		return def
	}
	got, err := parse(v.AsString())
	if err != nil {
		r.fail(name, "Unsuitable value", "%s.", sentence(err.Error()))
		return def
	}
	return got
}

func (r *reader) duration(name string, def time.Duration) time.Duration {
	return parsed(r, name, def, parseDuration)
}

func (r *reader) boolean(name string, def bool) bool {
	v, ok := r.known(name, cty.Bool, "true or false")
	if !ok {
		return def
	}
	return v.True()
}

// number reads a whole number between least and most.
func (r *reader) number(name string, def, least, most int) int {
	v, ok := r.known(name, cty.Number, "a number")
	if !ok {
		return def
	}
	n, exact := v.AsBigFloat().Int64()
	if exact != 0 || n < int64(least) || n > int64(most) {
		r.fail(name, "Unsuitable value", "%q is a whole number between %d and %d.", name, least, most)
		return def
	}
	return int(n)
}

// choice reads one of a few words. Words of later versions are refused with
// what to do meanwhile.
func (r *reader) choice(name, def string, words []string, later map[string]string) string {
	v, ok := r.known(name, cty.String, "a text")
	if !ok {
		return def
	}
	got := v.AsString()
	for _, w := range words {
		if got == w {
			return got
		}
	}
	if meanwhile, ok := later[got]; ok {
		r.spoil(name)
		notYet(r.ev.f, r.place(name), r.addr, name+" = "+quote(got), meanwhile)
		return def
	}
	r.fail(name, "Unsuitable value", "%q is one of %s, not %q.%s", name, listed(words), got, suggest(got, words))
	return def
}

// object reads a reference to an object of a kind: source.imap.old.
func (r *reader) object(name, kind string) migration.Address {
	v, ok := r.raw(name)
	if !ok {
		return ""
	}
	example := map[string]string{
		"source": "source.imap.old", "target": "target.imap.new", "dns": "dns.manual.zone",
		"domain": "domain.main", "mailbox": "mailbox.alice",
	}[kind]
	v, _ = v.Unmark()
	ty := v.Type()
	if ty == cty.String {
		r.fail(name, "A reference is wanted", "%q names %s %s block: write it without quotes, as %s.", name, article(kind), kind, example)
		return ""
	}
	if !ty.IsObjectType() || !ty.HasAttribute("id") || ty.AttributeType("id") != cty.String || !v.IsKnown() {
		r.fail(name, "A reference is wanted", "%q names one %s block, as %s; with for_each, one of its instances, as %s.name[\"key\"].", name, kind, example, kind)
		return ""
	}
	id, ok := knownText(v.GetAttr("id"))
	if addr := migration.Address(id); ok && addr.Kind() == kind && r.ev.c.blockOf(addr) != nil {
		return addr
	}
	r.fail(name, "A reference is wanted", "%q names %s %s block, as %s; %s is none.", name, article(kind), kind, example, id)
	return ""
}
