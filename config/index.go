package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"bascule/migration"
	"bascule/providers"
)

// index finds every block and local, and what may not be there.
func (c *Config) index(f *findings, bodies []*hclsyntax.Body) {
	singles := map[string]hcl.Range{}
	for _, body := range bodies {
		c.meter.install(body)
		for _, a := range sortedAttributes(body) {
			c.lang.checkAttribute(f, a, "")
		}
		for _, b := range body.Blocks {
			c.indexBlock(f, b, singles)
		}
	}
}

func (c *Config) indexBlock(f *findings, b *hclsyntax.Block, singles map[string]hcl.Range) {
	spec := c.specOf(f, b)
	if spec == nil {
		return
	}
	entry := &block{Block: b, spec: spec, addr: addressOf(b)}
	checkLabels(f, spec, b, entry.addr)
	spec.checkBody(f, b.Body, b.DefRange(), entry.addr)
	if len(b.Labels) != len(spec.labels) {
		return
	}
	if before, doubled := singles[b.Type]; doubled && !spec.repeat {
		f.errorAt(b.DefRange(), entry.addr, "Block given twice", "There is one %q block already, at %s. Put everything into one.", b.Type, place(before))
		return
	}
	singles[b.Type] = b.DefRange()
	if b.Type == "locals" {
		c.indexLocals(f, b)
		return
	}
	if before := c.byAddr[entry.addr]; before != nil {
		f.errorAt(b.DefRange(), entry.addr, "Name given twice", "%s is there already, at %s. Every object needs its own name.", entry.addr, place(before.DefRange()))
		return
	}
	c.byAddr[entry.addr] = entry
	c.blocks = append(c.blocks, entry)
}

func (c *Config) indexLocals(f *findings, b *hclsyntax.Block) {
	for _, a := range sortedAttributes(b.Body) {
		if before := c.locals[a.Name]; before != nil {
			f.errorAt(a.NameRange, "", "Name given twice", "local.%s is there already, at %s.", a.Name, place(before.NameRange))
			continue
		}
		c.locals[a.Name] = a
	}
	for _, inner := range b.Body.Blocks {
		f.errorAt(inner.TypeRange, "", "Unknown block", "Locals are attributes: write %s = { … }.", inner.Type)
	}
}

func addressOf(b *hclsyntax.Block) migration.Address {
	addr := b.Type
	for _, l := range b.Labels {
		addr += "." + l
	}
	return migration.Address(addr)
}

// specOf returns what may stand in a top-level block, the fields of its
// driver included.
func (c *Config) specOf(f *findings, b *hclsyntax.Block) *blockSpec {
	spec := c.lang.block(b.Type)
	if spec == nil {
		c.lang.unknownBlock(f, b, "")
		return nil
	}
	switch kind := providers.Kind(b.Type); {
	case b.Type == "bascule":
		return basculeSpec(f, spec, b)
	case kind != providers.KindSource && kind != providers.KindTarget && kind != providers.KindDNS, len(b.Labels) != 2:
		return spec
	default:
		return c.driverSpec(f, spec, b, kind)
	}
}

func (c *Config) driverSpec(f *findings, spec *blockSpec, b *hclsyntax.Block, kind providers.Kind) *blockSpec {
	d, ok := c.opts.Catalog.Find(kind, b.Labels[0])
	if !ok {
		names := c.opts.Catalog.Names(kind)
		byHand := map[providers.Kind]string{
			providers.KindSource: "source \"imap\" reads any IMAP server",
			providers.KindTarget: "target \"imap\" fills accounts that were made by hand",
			providers.KindDNS:    "dns \"manual\" tells a person what to change",
		}[kind]
		f.errorAt(b.LabelRanges[0], addressOf(b), "Unknown driver", "This version has no %s driver %q.%s Known: %s; %s.",
			kind, b.Labels[0], suggest(b.Labels[0], names), listed(names), byHand)
		return nil
	}
	full := withDriver(*spec, d)
	return &full
}
