package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"bascule/migration"
)

// attrSpec is one attribute a block may have.
type attrSpec struct {
	name     string
	kind     string // for the reference: "text", "duration", "list of texts"…
	required bool
	// def is the default as a person would write it.
	def string
	doc string
}

// blockSpec is a block: what may stand in it. The reference of the language
// is generated from these tables.
type blockSpec struct {
	name   string
	labels []string
	attrs  []attrSpec
	blocks []blockSpec
	// repeat allows more than one inside the same parent.
	repeat   bool
	required bool
	// free accepts any attribute: locals.
	free bool
	// forEach adds the for_each attribute.
	forEach bool
	// later names attributes and blocks of the language that this version
	// does not have, and what to do meanwhile.
	later map[string]string
	doc   string
}

func (s *blockSpec) attr(name string) *attrSpec {
	for i := range s.attrs {
		if s.attrs[i].name == name {
			return &s.attrs[i]
		}
	}
	return nil
}

func (s *blockSpec) block(name string) *blockSpec {
	for i := range s.blocks {
		if s.blocks[i].name == name {
			return &s.blocks[i]
		}
	}
	return nil
}

func (s *blockSpec) attrNames() []string {
	var names []string
	for _, a := range s.attrs {
		names = append(names, a.name)
	}
	if s.forEach {
		names = append(names, "for_each")
	}
	return names
}

func (s *blockSpec) blockNames() []string {
	var names []string
	for _, b := range s.blocks {
		names = append(names, b.name)
	}
	return names
}

// checkBody reports whatever may not stand in a body, and what is missing.
func (s *blockSpec) checkBody(f *findings, body *hclsyntax.Body, head hcl.Range, addr migration.Address) {
	for _, a := range sortedAttributes(body) {
		s.checkAttribute(f, a, addr)
	}
	first := map[string]hcl.Range{}
	for _, b := range body.Blocks {
		s.checkBlock(f, b, addr, first)
	}
	s.checkRequired(f, body, head, addr)
}

func (s *blockSpec) checkAttribute(f *findings, a *hclsyntax.Attribute, addr migration.Address) {
	if s.free || s.attr(a.Name) != nil || s.forEach && a.Name == "for_each" {
		return
	}
	if meanwhile, ok := s.later[a.Name]; ok {
		notYet(f, a.NameRange, addr, quote(a.Name), meanwhile)
		return
	}
	if s.block(a.Name) != nil {
		f.errorAt(a.NameRange, addr, "A block is wanted here", "%q is a block: write it without the equals sign, as %s { … }.", a.Name, a.Name)
		return
	}
	if a.Name == "count" {
		f.errorAt(a.NameRange, addr, "There is no count", "Use for_each with a map or toset([…]), so that every instance keeps its name when others come and go.")
		return
	}
	f.errorAt(a.NameRange, addr, "Unknown attribute", "%s has no attribute %q.%s Known here: %s.",
		s.title(), a.Name, suggest(a.Name, append(s.attrNames(), s.blockNames()...)), listed(s.attrNames()))
}

func (s *blockSpec) checkBlock(f *findings, b *hclsyntax.Block, addr migration.Address, first map[string]hcl.Range) {
	inner := s.block(b.Type)
	if inner == nil {
		s.unknownBlock(f, b, addr)
		return
	}
	checkLabels(f, inner, b, addr)
	if before, doubled := first[b.Type]; doubled && !inner.repeat {
		f.errorAt(b.TypeRange, addr, "Block given twice", "There is one %q block per %s already, at %s. Put everything into one.", b.Type, s.name, place(before))
	}
	if _, doubled := first[b.Type]; !doubled {
		first[b.Type] = b.TypeRange
	}
	inner.checkBody(f, b.Body, b.DefRange(), addr)
}

func (s *blockSpec) unknownBlock(f *findings, b *hclsyntax.Block, addr migration.Address) {
	if meanwhile, ok := s.later[b.Type]; ok {
		notYet(f, b.TypeRange, addr, quote(b.Type), meanwhile)
		return
	}
	if s.attr(b.Type) != nil {
		f.errorAt(b.TypeRange, addr, "An attribute is wanted here", "%q is an attribute: write it with an equals sign, as %s = ….", b.Type, b.Type)
		return
	}
	f.errorAt(b.TypeRange, addr, "Unknown block", "%s has no block %q.%s Known here: %s.",
		s.title(), b.Type, suggest(b.Type, append(s.blockNames(), s.attrNames()...)), listed(s.blockNames()))
}

func (s *blockSpec) checkRequired(f *findings, body *hclsyntax.Body, head hcl.Range, addr migration.Address) {
	for _, a := range s.attrs {
		if _, ok := body.Attributes[a.name]; a.required && !ok {
			f.errorAt(head, addr, "Missing attribute "+quote(a.name), "%s needs %q: %s.", s.title(), a.name, a.doc)
		}
	}
	for _, b := range s.blocks {
		there := slices.ContainsFunc(body.Blocks, func(x *hclsyntax.Block) bool { return x.Type == b.name })
		if b.required && !there {
			f.errorAt(head, addr, "Missing block "+quote(b.name), "%s needs a block %q: %s.", s.title(), b.name, b.doc)
		}
	}
}

// title begins a sentence: `A "mailbox" block`.
func (s *blockSpec) title() string {
	if s.name == "" {
		return "The configuration"
	}
	return sentence(article(s.name)) + fmt.Sprintf(" %q block", s.name)
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an"
	}
	return "a"
}

func checkLabels(f *findings, s *blockSpec, b *hclsyntax.Block, addr migration.Address) {
	if len(b.Labels) != len(s.labels) {
		f.errorAt(b.DefRange(), addr, "Wrong number of labels", "%s is written %s.", s.title(), s.shape())
		return
	}
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			f.errorAt(b.LabelRanges[i], addr, "Invalid label", "%q cannot be a name: labels are made of letters, digits, _ and -, and begin with a letter, so that the object has an address.", label)
		}
	}
}

// shape is how a block begins: `source "driver" "name" { … }`.
func (s *blockSpec) shape() string {
	out := s.name
	for _, l := range s.labels {
		out += " " + quote(l)
	}
	return out + " { … }"
}

// notYet refuses what the language has and this version has not: it is never
// ignored.
func notYet(f *findings, rng hcl.Range, addr migration.Address, what, meanwhile string) {
	f.errorAt(rng, addr, "Not part of this version", "%s belongs to the language, but this version does not have it yet, and nothing is ever ignored. Meanwhile: %s.", what, meanwhile)
}

func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}
