package config

import (
	"slices"
	"strings"

	"bascule/migration"
)

// checkAccepts warns of what accepts nothing: an error would stop a migration
// for something that only fails to help it.
func (ev *evaluator) checkAccepts() {
	now := ev.c.opts.Now
	for _, a := range ev.out.Accepts {
		if !a.Until.IsZero() && !now.IsZero() && !now.Before(a.Until) {
			ev.f.warnAt(ev.where(a.Address, "until"), a.Address, "Nothing is accepted any more",
				"%s ended on %s: what it accepted counts again. Give it a later date, or remove the block.", a.Address, a.Until.Format("2006-01-02 15:04 MST"))
		}
		if a.Record != "" && !ev.names(a.Record) {
			ev.f.warnAt(ev.where(a.Address, "record"), a.Address, "Nothing has this name",
				"%q is no domain of this configuration, so nothing is accepted.%s", a.Record, suggest(a.Record, ev.domainNames()))
		}
	}
}

// names reports whether a text names a domain, by its name or its address.
func (ev *evaluator) names(text string) bool {
	text = strings.TrimSuffix(strings.ToLower(text), ".")
	return ev.hidden["domain"] || slices.ContainsFunc(ev.out.Domains, func(d migration.Domain) bool {
		return text == d.Name || text == strings.ToLower(string(d.Address))
	})
}
