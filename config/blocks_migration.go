package config

// migrationBlock has one block per phase, named like the phase: they add
// gates and settings, never reorder.
func migrationBlock() blockSpec {
	return blockSpec{
		name: "migration", labels: []string{"name"}, doc: "settings of the method; at most one",
		attrs:  []attrSpec{{name: "timezone", kind: "text", def: "UTC", doc: "IANA name; windows and dates are read in it"}},
		blocks: append([]blockSpec{limitsBlock()}, phaseBlocks()...),
		later:  map[string]string{"rollback": "\"bascule rollback\" asks for a yes"},
	}
}

func limitsBlock() blockSpec {
	return blockSpec{
		name: "limits", doc: "keeps bascule polite",
		attrs: []attrSpec{
			{name: "mailboxes", kind: "number", def: "4", doc: "mailboxes passed at once"},
			{name: "connections", kind: "number", def: "4", doc: "connections per server, for all mailboxes together"},
			{name: "bandwidth", kind: "rate", def: "unbounded", doc: "most octets a second with one server, both ways together: `\"40MB/s\"`"},
			{name: "quiet_hours", kind: "hours", doc: "`\"08:00-18:00\"` every day, in `timezone`; may cross midnight. In them no mailbox is copied for the first time: one under way pauses and goes on afterwards. Mailboxes that were complete once are kept up to date, late mail is pulled and evidence is gathered at all hours"},
		},
	}
}

const approvalMeanwhile = "hold the gate with \"bascule gate hold\" and release it when the people concerned have agreed"

func phaseBlocks() []blockSpec {
	return []blockSpec{
		{name: "prepare", doc: "nothing to set in this version", later: map[string]string{"approval": approvalMeanwhile}},
		{name: "lower_ttl", doc: "how low, and how long before", later: map[string]string{"approval": approvalMeanwhile}, attrs: []attrSpec{
			{name: "to", kind: "duration", def: "5m", doc: "the TTL before the cutover"},
			{name: "wait", kind: "duration", def: "0s", doc: "least wait; the TTL really served, plus margin, always counts too"},
			{name: "margin", kind: "duration", def: "15m", doc: "added to the TTL really served"},
			{name: "lead", kind: "duration", def: "at once", doc: "not earlier than this before the window opens"},
		}},
		{name: "sync", doc: "how mail is carried over", later: map[string]string{"approval": approvalMeanwhile}, attrs: []attrSpec{
			{name: "every", kind: "duration", def: "10m", doc: "pause between passes"},
			{name: "deletions", kind: "text", def: "mirror", doc: "`\"mirror\"` or `\"ignore\"` what was deleted on the old side before the switch"},
			{name: "max_delete", kind: "percentage", def: "10%", doc: "most one pass may remove from a mailbox"},
		}},
		{name: "verify", doc: "the evidence before the cutover", later: map[string]string{"approval": approvalMeanwhile}, attrs: []attrSpec{
			{name: "require", kind: "list of texts", def: "all this version has", doc: "`messages`, `flags`, `dates`, `rcpt`, `spf`, `dkim`"},
			{name: "max_age", kind: "duration", def: "12h", doc: "older evidence does not count"},
		}},
		{name: "cutover", doc: "when the MX may move", later: map[string]string{"approval": approvalMeanwhile}, blocks: []blockSpec{windowBlock()}},
		{name: "double_reception", doc: "how long both sides are read", later: map[string]string{
			"approval":      approvalMeanwhile,
			"forward_grace": "leave it out: the pull always runs",
		}, attrs: []attrSpec{
			{name: "soak", kind: "duration", def: "72h", doc: "at least 48h after the observed cutover"},
			{name: "forward", kind: "text", def: "none", doc: "`\"none\"`: the pull always runs"},
		}},
		{name: "clients", doc: "what people are handed", later: map[string]string{"approval": approvalMeanwhile}, attrs: []attrSpec{
			{name: "kits", kind: "text", def: "clients", doc: "directory of the sheets, inside the configuration's"},
			{name: "languages", kind: "list of texts", doc: "languages of the sheets: `[\"fr\", \"de\"]`"},
		}},
		{name: "decommission", doc: "when the old side may be closed", later: map[string]string{"approval": approvalMeanwhile}, attrs: []attrSpec{
			{name: "silence", kind: "duration", def: "48h", doc: "no new arrival on the old side for this long"},
			{name: "max_wait", kind: "duration", def: "30d", doc: "after it a person decides"},
		}},
	}
}

func windowBlock() blockSpec {
	return blockSpec{
		name: "window", doc: "when the cutover may begin; always, when left out",
		attrs: []attrSpec{
			{name: "days", kind: "list of texts", def: "every day", doc: "`[\"sat\", \"sun\"]`"},
			{name: "hours", kind: "hours", def: "the whole day", doc: "`\"06:00-07:00\"`; may cross midnight"},
			{name: "not_before", kind: "date", doc: "first day, at local midnight, or a time"},
			{name: "min_remaining", kind: "duration", def: "0s", doc: "what must be left of the window to begin"},
			{name: "blackout", kind: "list of texts", doc: "days it stays closed, both ends included: `[\"2027-03-28/2027-04-02\"]`"},
		},
		later: map[string]string{"calendar": "write the days as days, not_before and blackout"},
	}
}
