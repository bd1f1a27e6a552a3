package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bascule/migration"
	"bascule/providers"
)

func (ev *evaluator) decodeMailbox(b *block, k keyed) {
	r := ev.reader(b, k, "")
	m := migration.Mailbox{
		Address: k.addr,
		Email:   parsed(r, "address", "", plainAddress),
		Aliases: each(r, "aliases", plainAddress),
		AddOnly: r.choice("policy", "mirror", []string{"mirror", "add_only"}, nil) == "add_only",
	}
	if s := r.block("source"); s != nil {
		m.Source = migration.SourceAccount{Server: s.object("server", "source"), Login: s.text("login", m.Email), Password: s.secret("password")}
		ev.checkSourcePassword(r, s, m.Source)
	}
	if t := r.block("target"); t != nil {
		m.Target = decodeTargetAccount(t, m)
	}
	m.Folders = decodeFolders(r.block("folders"))
	ev.hide(r, "mailbox", "address", "aliases")
	ev.out.Mailboxes = append(ev.out.Mailboxes, m)
}

// checkSourcePassword: a server wants one, a directory has none.
func (ev *evaluator) checkSourcePassword(mailbox, s *reader, a migration.SourceAccount) {
	d := ev.sourceDriver(a.Server)
	switch {
	case d.Directory && s.has("password"):
		s.fail("password", "Password of a directory", "%s is a directory: its mail is read without one. Leave it out.", a.Server)
	case !d.Directory && !s.has("password"):
		mailbox.fail("source", "Missing attribute \"password\"", "A \"source\" block needs \"password\": its password: `secret(\"env:OLD_ALICE\")`.")
	}
}

// sourceDriver is what is known of the driver of a source, by its address.
func (ev *evaluator) sourceDriver(source migration.Address) providers.Descriptor {
	driver, _, _ := strings.Cut(strings.TrimPrefix(string(source), "source."), ".")
	d, _ := ev.c.opts.Catalog.Find(providers.KindSource, driver)
	return d
}

// laterCredentials are strategies of the language this version has not.
func laterCredentials() map[string]string {
	give := "give password = secret(…), or credential = \"keep\" for the source's"
	return map[string]string{"generate": give, "device": give, "invite": give}
}

func decodeTargetAccount(t *reader, m migration.Mailbox) migration.TargetAccount {
	a := migration.TargetAccount{
		Server: t.object("server", "target"), Login: t.text("login", m.Email), Password: t.secret("password"),
		Quota:      parsed(t, "quota", 0, parseSize),
		OnExisting: t.choice("on_existing", "refuse", []string{"refuse", "adopt"}, nil),
	}
	if similar := t.choice("on_similar", "ask", []string{"ask", "adopt", "keep_both"}, nil); similar != "ask" {
		a.OnSimilar = similar
	}
	def := "keep"
	if !a.Password.IsZero() || t.has("password") && !t.good("password") {
		def = "password"
	}
	a.Credential = t.choice("credential", def, []string{"password", "keep"}, laterCredentials())
	switch {
	case t.has("password") && !t.good("password"), t.has("credential") && !t.good("credential"):
	case a.Credential == "keep" && !a.Password.IsZero():
		t.fail("credential", "Two credentials", "credential = \"keep\" gives the account the source's password, but a password is given too. Leave one of them out.")
	case a.Credential == "keep" && t.ev.sourceDriver(m.Source.Server).Directory:
		t.fail("credential", "Credential missing", "The source is a directory, which has no password that the target could get. Give password = secret(…).")
	case a.Credential == "password" && a.Password.IsZero():
		t.fail("credential", "Credential missing", "credential = \"password\" needs password = secret(…).")
	}
	if a.Credential == "keep" {
		a.Password = m.Source.Password
	}
	return a
}

func decodeFolders(r *reader) migration.FolderRules {
	if r == nil {
		return migration.FolderRules{}
	}
	rules := migration.FolderRules{
		Rename:  r.textMap("rename"),
		Exclude: each(r, "exclude", folderPath), Include: each(r, "include", folderPath),
		Prefix: parsed(r, "prefix", "", folderPath),
	}
	for _, from := range slices.Sorted(maps.Keys(rules.Rename)) {
		for _, p := range []string{from, rules.Rename[from]} {
			if _, err := folderPath(p); err != nil {
				r.fail("rename", "Unsuitable value", "%s.", err)
			}
		}
	}
	return rules
}

// folderPath checks a folder's path: names joined by "/", none empty.
func folderPath(s string) (string, error) {
	clean := strings.TrimSuffix(s, "/")
	if clean == "" || len(s) > 1000 || strings.ContainsAny(s, "\x00\r\n") || slices.Contains(strings.Split(clean, "/"), "") {
		return "", fmt.Errorf("%q is not the path of a folder; write names joined by /: \"Clients/2024\"", s)
	}
	return clean, nil
}

func (ev *evaluator) decodeAlias(b *block, k keyed) {
	r := ev.reader(b, k, "")
	a := migration.Alias{Address: k.addr, Email: parsed(r, "address", "", anyAddress), To: each(r, "to", plainAddress)}
	if r.good("to") && len(a.To) == 0 {
		r.fail("to", "Alias to nobody", "Give at least one address, or declare the address in an ignore block if its mail is not wanted.")
	}
	ev.hide(r, "alias", "address")
	ev.out.Aliases = append(ev.out.Aliases, a)
}

func (ev *evaluator) decodeIgnore(b *block, k keyed) {
	r := ev.reader(b, k, "")
	i := migration.Ignore{Address: k.addr, Emails: each(r, "addresses", plainAddress), Reason: reason(r)}
	if r.good("addresses") && len(i.Emails) == 0 {
		r.fail("addresses", "Nothing to ignore", "Give the addresses that are left behind.")
	}
	ev.out.Ignores = append(ev.out.Ignores, i)
}

// reason is what the report will say; an empty one says nothing.
func reason(r *reader) string {
	s := strings.TrimSpace(r.text("reason", ""))
	if r.good("reason") && s == "" {
		r.fail("reason", "A reason is wanted", "It stands in every plan and in the report: say why, in a few words.")
	}
	return s
}
