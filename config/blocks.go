package config

import (
	"slices"

	"bascule/providers"
)

// language is the table of blocks: the whole of what a file may hold.
func language() *blockSpec {
	return &blockSpec{
		blocks: []blockSpec{
			basculeBlock(), variableBlock(), {name: "locals", free: true, repeat: true, doc: "names for expressions: `local.name`"},
			sourceBlock(), targetBlock(), dnsBlock(), domainBlock(), mailboxBlock(),
			aliasBlock(), ignoreBlock(), acceptBlock(), recordBlock(), migrationBlock(), outputBlock(),
		},
		later: map[string]string{
			"dataset":  "read rows with for_each = { for row in csvdecode(file(\"people.csv\")) : row.name => row }",
			"wave":     "leave it out: all mailboxes move in one cutover",
			"policy":   "review the plan by hand, or check the output of \"bascule plan --json\"",
			"check":    "use validation blocks in variables",
			"notify":   "let the scheduler that runs \"bascule apply\" send its output and exit code",
			"moved":    "keep the names of blocks as they are while the migration runs",
			"removed":  "keep the block until the migration is done, or begin a new directory",
			"import":   "begin with an empty state: what is there already is found and adopted where on_existing allows it",
			"module":   "put several *.hcl files in one directory",
			"provider": "settings of a service belong in its target or dns block",
			"resource": "the blocks are called target, domain, mailbox, alias and record here",
		},
	}
}

func basculeBlock() blockSpec {
	return blockSpec{
		name: "bascule", doc: "settings of the program itself",
		attrs: []attrSpec{
			{name: "required_version", kind: "text", doc: "versions of bascule that may read this: `\">= 0.1, < 2.0\"`"},
		},
		blocks: []blockSpec{{
			name: "backend", labels: []string{"type"}, doc: "where the state is kept; `local` is the only one in this version, and may use `var.` only",
			attrs: []attrSpec{{name: "path", kind: "text", def: "bascule.state.json", doc: "file of the state, in the directory"}},
			later: map[string]string{"address": "use backend \"local\"", "bucket": "use backend \"local\"", "conn_str": "use backend \"local\""},
		}},
		later: map[string]string{
			"encryption": "keep the directory of the state on an encrypted disk; the state holds no password",
			"include":    "copy the shared files into the directory",
		},
	}
}

func variableBlock() blockSpec {
	return blockSpec{
		name: "variable", labels: []string{"name"}, repeat: true, doc: "a value given from outside: `var.name`",
		attrs: []attrSpec{
			{name: "type", kind: "type", def: "any", doc: "`string`, `number`, `bool`, `list(string)`, `object({…})`…"},
			{name: "default", kind: "value", doc: "used when nothing is given; without it a value is required"},
			{name: "sensitive", kind: "bool", def: "false", doc: "the value is never shown, and may be given where a secret is wanted"},
			{name: "description", kind: "text", doc: "what it is for"},
			{name: "nullable", kind: "bool", def: "true", doc: "whether null may be given"},
		},
		blocks: []blockSpec{{
			name: "validation", repeat: true, doc: "a rule the value must meet",
			attrs: []attrSpec{
				{name: "condition", kind: "bool", required: true, doc: "an expression over the variable that is true for good values"},
				{name: "error_message", kind: "text", required: true, doc: "what to say when it is not"},
			},
		}},
	}
}

func serverAttrs() []attrSpec {
	return []attrSpec{
		{name: "host", kind: "text", required: true, doc: "name (or address) of the IMAP server"},
		{name: "port", kind: "number", def: "993, or 143 with starttls", doc: "port of the IMAP server"},
		{name: "tls", kind: "text", def: "implicit", doc: "`\"implicit\"` or `\"starttls\"`; the certificate is verified"},
		{name: "allow_plaintext", kind: "bool", def: "false", doc: "permits a server without TLS; every plan shows it in red"},
		{name: "ca_file", kind: "text", doc: "further trusted certificates (PEM)"},
		{name: "address", kind: "text", doc: "IP address to dial instead of resolving `host`"},
		{name: "mx_endpoint", kind: "text", doc: "`\"host:port\"` where inbound SMTP of this side is probed, instead of its MX on port 25"},
		{name: "connections", kind: "number", doc: "most connections at once, if less than `limits` says"},
		{name: "bandwidth", kind: "rate", doc: "most octets a second, if less than `limits` says: `\"10MB/s\"`"},
		{name: "daily", kind: "size", def: "what the service is known to bear", doc: "most octets a day and account, read from a source or written to a target: `\"500MB\"`. A first copy that reaches it pauses until local midnight; the pull of late mail never waits for it. Known: Gmail, 2500MB read and 500MB written"},
	}
}

func sourceBlock() blockSpec {
	meanwhile := "give login and password in each mailbox"
	return blockSpec{
		name: "source", labels: []string{"driver", "name"}, repeat: true,
		doc: "where the mail is today; opened read-only, always",
		attrs: append(serverAttrs(), attrSpec{
			name: "available_until", kind: "date", doc: "last day of the old contract; soak and silence must fit before it",
		}),
		later: map[string]string{"password": meanwhile, "admin_proxy": meanwhile, "oauth2": meanwhile},
	}
}

func targetBlock() blockSpec {
	return blockSpec{
		name: "target", labels: []string{"driver", "name"}, repeat: true,
		doc:   "the new service; it exports `mx`, `spf`, `dkim`, `imap`, `submission`, `webmail`",
		attrs: serverAttrs(),
		later: map[string]string{"admin_proxy": "give login and password in each mailbox", "oauth2": "give login and password in each mailbox"},
	}
}

// declaredExports is what a target block may also hold when nobody can be
// asked what the service offers.
func declaredExports() ([]attrSpec, []blockSpec) {
	return []attrSpec{
			{name: "mx", kind: "list of texts", doc: "what the MX becomes: `[\"10 mx.new-host.example.\"]`"},
			{name: "spf", kind: "list of texts", doc: "mechanisms that authorise the service: `[\"include:spf.new-host.example\"]`"},
			{name: "webmail", kind: "text", doc: "address of the webmail, for the sheets"},
		}, []blockSpec{
			{name: "dkim", doc: "selectors of the service", blocks: []blockSpec{dkimRecordBlock()}},
			{name: "submission", doc: "where people send mail", attrs: []attrSpec{
				{name: "host", kind: "text", required: true, doc: "name of the submission server"},
				{name: "port", kind: "number", def: "465, or 587 with starttls", doc: "its port"},
				{name: "tls", kind: "text", def: "implicit", doc: "`\"implicit\"` or `\"starttls\"`"},
			}},
		}
}

func dkimRecordBlock() blockSpec {
	return blockSpec{
		name: "record", repeat: true, doc: "one selector to publish",
		attrs: []attrSpec{
			{name: "domain", kind: "text", doc: "the domain it signs for; every domain when left out"},
			{name: "name", kind: "text", required: true, doc: "owner name relative to the domain: `\"s1._domainkey\"`"},
			{name: "type", kind: "text", def: "TXT", doc: "`\"TXT\"` or `\"CNAME\"`"},
			{name: "value", kind: "text", required: true, doc: "the key, or the name it lies under"},
		},
	}
}

func dnsBlock() blockSpec {
	return blockSpec{
		name: "dns", labels: []string{"driver", "name"}, repeat: true, doc: "who serves a zone; `manual` when a person changes the records",
		attrs: []attrSpec{
			{name: "nameservers", kind: "list of texts", def: "found from the root", doc: "authoritative servers to ask (`\"host\"` or `\"host:port\"`), for a hidden primary say"},
		},
	}
}

func domainBlock() blockSpec {
	manage := attrSpec{name: "manage", kind: "bool", def: "true", doc: "false: only looked at, never written"}
	return blockSpec{
		name: "domain", labels: []string{"name"}, repeat: true, forEach: true, doc: "a mail domain that moves",
		attrs: []attrSpec{
			{name: "name", kind: "text", required: true, doc: "the domain: `\"example.ch\"`"},
			{name: "dns", kind: "dns", doc: "who serves its zone; that of `alias_of` when left out"},
			{name: "target", kind: "target", doc: "the service it moves to; that of `alias_of` when left out"},
			{name: "mx_from", kind: "list of texts", doc: "asserted until the cutover: a plan that finds another MX refuses"},
			{name: "mx_to", kind: "list of texts", def: "the target's", doc: "what the MX becomes"},
			{name: "alias_of", kind: "domain", doc: "the domain whose addresses this one repeats"},
		},
		blocks: []blockSpec{
			{name: "ttl", doc: "lifetime of its records", attrs: []attrSpec{{name: "to", kind: "duration", def: "as in `lower_ttl`", doc: "how low the TTL goes before the cutover"}}},
			{name: "spf", doc: "its SPF record (RFC 7208)", attrs: []attrSpec{
				manage,
				{name: "add", kind: "list of texts", def: "the target's", doc: "mechanisms of the new service"},
				{name: "drop_old", kind: "list of texts", doc: "terms of the old mail service, removed at decommission; nothing else is"},
			}},
			{name: "dkim", doc: "its DKIM keys (RFC 6376)", attrs: []attrSpec{manage}, blocks: []blockSpec{dkimRecordBlock()}},
			{name: "dmarc", doc: "published where there is no DMARC record; one that is there is never weakened", attrs: []attrSpec{
				manage, {name: "rua", kind: "text", doc: "where reports go: `\"mailto:dmarc@example.ch\"`"},
			}},
			{name: "autoconfig", doc: "present: SRV records for mail clients are published at the cutover (RFC 6186)"},
		},
		later: map[string]string{"mta_sts": "lower the max_age of the old policy by hand before the cutover, or keep mode: testing"},
	}
}

func mailboxBlock() blockSpec {
	return blockSpec{
		name: "mailbox", labels: []string{"name"}, repeat: true, forEach: true, doc: "one account that moves",
		attrs: []attrSpec{
			{name: "address", kind: "text", required: true, doc: "its e-mail address"},
			{name: "aliases", kind: "list of texts", doc: "further addresses of the same mailbox"},
			{name: "policy", kind: "text", def: "mirror", doc: "`\"mirror\"` until the switch, or `\"add_only\"` for people who already work on the new side"},
		},
		blocks: []blockSpec{
			{name: "source", required: true, doc: "where it is read", attrs: []attrSpec{
				{name: "server", kind: "source", required: true, doc: "a source: `source.imap.old`"},
				{name: "login", kind: "text", def: "the address", doc: "user name on the old server"},
				{name: "password", kind: "secret", doc: "its password: `secret(\"env:OLD_ALICE\")`; required unless the source is a directory"},
			}},
			{name: "target", required: true, doc: "where it is written", attrs: []attrSpec{
				{name: "server", kind: "target", required: true, doc: "a target: `target.imap.new`"},
				{name: "login", kind: "text", def: "the address", doc: "user name on the new server"},
				{name: "password", kind: "secret", doc: "the password the account gets"},
				{name: "credential", kind: "text", def: "password when one is given, else keep", doc: "`\"password\"`, or `\"keep\"`: the source's password"},
				{name: "quota", kind: "size", doc: "`\"10GB\"`; the service's default when left out"},
				{name: "on_existing", kind: "text", def: "refuse", doc: "`\"refuse\"` or `\"adopt\"` an account that was there before"},
				{name: "on_similar", kind: "text", def: "ask", doc: "`\"ask\"`, `\"adopt\"` or `\"keep_both\"`: messages that the target seems to hold altered, and that were not copied by bascule"},
			}},
			{name: "folders", doc: "rules on top of the automatic mapping; names are paths joined by /", attrs: []attrSpec{
				{name: "rename", kind: "map of texts", doc: "old path = new path"},
				{name: "exclude", kind: "list of texts", doc: "folders that are not carried"},
				{name: "include", kind: "list of texts", doc: "only these, when given"},
				{name: "prefix", kind: "text", doc: "folder of the target that takes everything"},
			}},
		},
	}
}

func aliasBlock() blockSpec {
	return blockSpec{
		name: "alias", labels: []string{"name"}, repeat: true, forEach: true, doc: "an address without a mailbox of its own",
		attrs: []attrSpec{
			{name: "address", kind: "text", required: true, doc: "its address; `\"*@example.ch\"` is the catch-all"},
			{name: "to", kind: "list of texts", required: true, doc: "where its mail goes: addresses inside or outside"},
		},
	}
}

func ignoreBlock() blockSpec {
	return blockSpec{
		name: "ignore", labels: []string{"name"}, repeat: true, forEach: true, doc: "addresses deliberately left behind",
		attrs: []attrSpec{
			{name: "addresses", kind: "list of texts", required: true, doc: "the addresses"},
			{name: "reason", kind: "text", required: true, doc: "why, for the report"},
		},
	}
}

// acceptChecks are what a person may accept by name.
func acceptChecks() []string {
	return []string{"messages", "flags", "dates", "rcpt", "spf", "dkim", "silence", "inbound", "clients", "mailbox", "old_rcpt"}
}

func acceptBlock() blockSpec {
	return blockSpec{
		name: "accept", labels: []string{"name"}, repeat: true, doc: "what cannot be had, accepted by name and shown in every plan and in the report",
		attrs: []attrSpec{
			{name: "check", kind: "text", required: true, doc: "what is accepted: `messages`, `flags`, `dates`, `rcpt`, `spf`, `dkim`, `silence`, `inbound`, `clients`, `mailbox` or `old_rcpt` (the old MX, before a rollback)"},
			{name: "mailbox", kind: "mailbox", doc: "where it applies: `mailbox.team[\"alice\"]`"},
			{name: "message", kind: "text", doc: "with `messages` and a `mailbox`: one message that the target refused, named as plan and verify name it, `\"INBOX 1700000000/42\"` (folder, UIDVALIDITY, UID) or `\"sha256:…\"` (its digest, 12 digits or more)"},
			{name: "sender", kind: "text", doc: "with `silence`: who may go on writing to the old side, an address or `\"@example.org\"` for all of a domain"},
			{name: "record", kind: "text", doc: "the domain it applies to, by name: `\"example.ch\"`"},
			{name: "reason", kind: "text", required: true, doc: "why, for the report"},
			{name: "until", kind: "date", doc: "when it ends; from then on it counts for nothing, and a warning says so"},
		},
	}
}

func recordBlock() blockSpec {
	return blockSpec{
		name: "record", labels: []string{"name"}, repeat: true, forEach: true, doc: "any other DNS record that follows the migration",
		attrs: []attrSpec{
			{name: "domain", kind: "domain", required: true, doc: "the domain it belongs to: `domain.main`"},
			{name: "name", kind: "text", required: true, doc: "`\"www\"`, `\"@\"` or a full name with a final dot"},
			{name: "type", kind: "text", required: true, doc: "`\"A\"`, `\"AAAA\"`, `\"CNAME\"`, `\"TXT\"`, `\"SRV\"`, `\"CAA\"`, `\"TLSA\"` or `\"MX\"` (of a sub-domain)"},
			{name: "values", kind: "list of texts", required: true, doc: "what it becomes, in presentation form"},
			{name: "values_before", kind: "list of texts", doc: "asserted before it is changed"},
			{name: "ttl", kind: "duration", doc: "its TTL"},
			{name: "from_phase", kind: "phase", def: "prepare", doc: "when the values appear"},
			{name: "until_phase", kind: "phase", doc: "when they go; they stay when left out"},
		},
	}
}

func outputBlock() blockSpec {
	return blockSpec{
		name: "output", labels: []string{"name"}, repeat: true, doc: "a value to show",
		attrs: []attrSpec{
			{name: "value", kind: "value", required: true, doc: "what to show"},
			{name: "sensitive", kind: "bool", def: "false", doc: "only its name is shown"},
			{name: "description", kind: "text", doc: "what it is"},
		},
	}
}

// withDriver adds what a driver understands to the spec of its block.
func withDriver(s blockSpec, d providers.Descriptor) blockSpec {
	s.attrs = slices.Clone(s.attrs)
	if d.Directory {
		s.attrs = slices.DeleteFunc(s.attrs, func(a attrSpec) bool { return a.name != "available_until" && a.name != "mx_endpoint" })
	}
	for _, field := range d.Fields {
		kind := string(field.Type)
		if field.Type == providers.String {
			kind = "text"
		}
		s.attrs = append(s.attrs, attrSpec{name: field.Name, kind: kind, required: field.Required, def: field.Default, doc: field.Doc})
	}
	if d.DeclaresExports {
		attrs, blocks := declaredExports()
		s.attrs = append(s.attrs, attrs...)
		s.blocks = append(slices.Clone(s.blocks), blocks...)
	}
	return s
}
