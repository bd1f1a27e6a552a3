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
		ev.broken[b.Type] = true
	}
	for _, k := range keys {
		decode(b, k)
	}
}

// finish notes that an object of a kind could not be read whole.
func (ev *evaluator) finish(b *block, r *reader) {
	if *r.bad {
		ev.broken[b.Type] = true
	}
}
