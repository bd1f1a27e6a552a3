package config

import (
	"time"
)

// decodeAll turns every block into its part of Desired, in the order of the
// source. Settings come first: dates are read in their timezone.
func (ev *evaluator) decodeAll() {
	loc := ev.decodeMigration()
	ev.decodeServers(loc)
	for _, b := range ev.c.blocks {
		ev.decodeBlock(b, loc)
	}
	ev.inheritDomains()
}

func (ev *evaluator) decodeBlock(b *block, loc *time.Location) {
	decode := map[string]func(*block, keyed){
		"domain": ev.decodeDomain, "mailbox": ev.decodeMailbox, "alias": ev.decodeAlias,
		"ignore": ev.decodeIgnore, "record": ev.decodeRecord, "output": ev.decodeOutput,
		"accept": func(b *block, k keyed) { ev.decodeAccept(b, k, loc) },
	}[b.Type]
	if decode == nil {
		return
	}
	keys, ok := ev.instances(b)
	if !ok {
		ev.hidden[b.Type] = true
	}
	for _, k := range keys {
		decode(b, k)
	}
}

// hide notes that an address or a name of a kind could not be read.
func (ev *evaluator) hide(r *reader, kind string, names ...string) {
	for _, name := range names {
		if r.has(name) && !r.good(name) || !r.has(name) && name == names[0] {
			ev.hidden[kind] = true
		}
	}
}
