package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
	"bascule/providers"
)

// Types of what expressions see of an object. One type per kind, so that a
// conditional can choose between objects.
var (
	serviceType = cty.Object(map[string]cty.Type{"host": cty.String, "port": cty.Number, "tls": cty.String})
	dkimType    = cty.Object(map[string]cty.Type{"domain": cty.String, "name": cty.String, "type": cty.String, "value": cty.String})
)

// object returns what expressions see of a block: only attributes that do not
// lead back to what uses them, so that ordinary references make no cycle.
func (ev *evaluator) object(b *block, sc scope, rng hcl.Range) (cty.Value, bool) {
	keep := scope{}
	if b.Type == "target" {
		keep.domain = sc.domain
	}
	return ev.node(string(b.addr), keep, rng, func() (cty.Value, bool) {
		keys, ok := ev.instances(b)
		if !ok {
			return cty.DynamicVal, false
		}
		if b.Body.Attributes["for_each"] == nil {
			return ev.objectValue(b, keys[0], keep)
		}
		all := map[string]cty.Value{}
		for _, k := range keys {
			v, good := ev.objectValue(b, k, keep)
			all[k.key], ok = v, ok && good
		}
		return cty.ObjectVal(all), ok
	})
}

func (ev *evaluator) objectValue(b *block, k keyed, sc scope) (cty.Value, bool) {
	r := ev.reader(b, k, sc.domain)
	attrs := map[string]cty.Value{"id": cty.StringVal(string(k.addr))}
	switch b.Type {
	case "source":
		ev.serverValue(r, b, attrs)
	case "target":
		ev.serverValue(r, b, attrs)
		ev.exportValue(r, b, sc.domain, attrs)
	case "dns":
		attrs["driver"], attrs["name"] = cty.StringVal(b.Labels[0]), cty.StringVal(b.Labels[1])
	case "domain":
		attrs["name"] = textVal(parsed(r, "name", "", domainName))
	case "mailbox":
		attrs["address"] = textVal(parsed(r, "address", "", plainAddress))
		attrs["aliases"] = listVal(each(r, "aliases", plainAddress))
	case "alias":
		attrs["address"] = textVal(parsed(r, "address", "", anyAddress))
	}
	return cty.ObjectVal(attrs), !*r.bad
}

func plainAddress(s string) (string, error) { return emailAddress(s, false) }
func anyAddress(s string) (string, error)   { return emailAddress(s, true) }

func (ev *evaluator) serverValue(r *reader, b *block, attrs map[string]cty.Value) {
	e := endpoint(r)
	attrs["driver"], attrs["name"] = cty.StringVal(b.Labels[0]), cty.StringVal(b.Labels[1])
	attrs["host"], attrs["port"] = textVal(e.Host), cty.NumberIntVal(int64(e.Port))
}

// exportValue adds what a target offers. What nobody has seen yet is unknown.
func (ev *evaluator) exportValue(r *reader, b *block, domain string, attrs map[string]cty.Value) {
	x, closed := ev.exportsOf(b, r, domain)
	list := func(values []string) cty.Value {
		if values == nil && !closed {
			return cty.UnknownVal(cty.List(cty.String))
		}
		return listVal(values)
	}
	attrs["mx"], attrs["spf"] = list(x.MX), list(x.SPF)
	attrs["dkim"] = dkimVal(x.DKIM, closed)
	attrs["imap"], attrs["submission"] = serviceVal(x.IMAP, closed), serviceVal(x.Submission, closed)
	attrs["webmail"] = textVal(x.Webmail)
	if x.Webmail == "" && !closed {
		attrs["webmail"] = cty.UnknownVal(cty.String)
	}
}

// exportsOf returns what is known of a target's exports for a domain; closed
// means that nothing more will be known.
func (ev *evaluator) exportsOf(b *block, r *reader, domain string) (x migration.Exports, closed bool) {
	d, _ := ev.c.opts.Catalog.Find(providers.KindTarget, b.Labels[0])
	seen := ev.exports[b.addr]
	x = merged(seen[domain], seen[""])
	if !d.DeclaresExports {
		return x, false
	}
	declared := declaredBy(r)
	if declared.IMAP.Host == "" {
		e := endpoint(r)
		declared.IMAP = migration.Service{Host: e.Host, Port: e.Port, TLS: e.TLS}
	}
	return merged(declared, x), true
}

// merged fills what first does not say from second.
func merged(first, second migration.Exports) migration.Exports {
	if first.MX == nil {
		first.MX = second.MX
	}
	if first.SPF == nil {
		first.SPF = second.SPF
	}
	if first.DKIM == nil {
		first.DKIM = second.DKIM
	}
	if first.IMAP.Host == "" {
		first.IMAP = second.IMAP
	}
	if first.Submission.Host == "" {
		first.Submission = second.Submission
	}
	if first.Webmail == "" {
		first.Webmail = second.Webmail
	}
	return first
}

func textVal(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

func listVal(values []string) cty.Value {
	if len(values) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var out []cty.Value
	for _, s := range values {
		out = append(out, cty.StringVal(s))
	}
	return cty.ListVal(out)
}

func dkimVal(records []migration.DKIMRecord, closed bool) cty.Value {
	if records == nil && !closed {
		return cty.UnknownVal(cty.List(dkimType))
	}
	if len(records) == 0 {
		return cty.ListValEmpty(dkimType)
	}
	var out []cty.Value
	for _, d := range records {
		out = append(out, cty.ObjectVal(map[string]cty.Value{
			"domain": textVal(d.Domain), "name": cty.StringVal(d.Name), "type": cty.StringVal(d.Type), "value": cty.StringVal(d.Value),
		}))
	}
	return cty.ListVal(out)
}

func serviceVal(s migration.Service, closed bool) cty.Value {
	if s.Host == "" && !closed {
		return cty.UnknownVal(serviceType)
	}
	return cty.ObjectVal(map[string]cty.Value{
		"host": textVal(s.Host), "port": cty.NumberIntVal(int64(s.Port)), "tls": textVal(string(s.TLS)),
	})
}
