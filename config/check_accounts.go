package config

import (
	"slices"
	"strings"

	"bascule/migration"
	"bascule/providers"
)

func (ev *evaluator) checkAccounts() {
	fed := map[string][]migration.Mailbox{}
	var order []string
	for _, m := range ev.out.Mailboxes {
		ev.checkSides(m)
		ev.checkCredential(m)
		ev.checkSameTarget(m)
		if m.Target.Server == "" || m.Target.Login == "" {
			continue
		}
		key := string(m.Target.Server) + "\x00" + foldEmail(m.Target.Login)
		if fed[key] == nil {
			order = append(order, key)
		}
		fed[key] = append(fed[key], m)
	}
	for _, key := range order {
		ev.checkFed(fed[key])
	}
}

// checkFed allows several sources in one account only into folders apart.
func (ev *evaluator) checkFed(boxes []migration.Mailbox) {
	for i, m := range boxes {
		for _, other := range boxes[:i] {
			ev.checkOnePassword(m, other)
			if apart(m.Folders.Prefix, other.Folders.Prefix) {
				continue
			}
			ev.f.errorAt(ev.where(m.Address, "target.login"), m.Address, "One account fed twice",
				"%s and %s both write into the account %s of %s. Give each its own folders { prefix = \"…\" }, none inside the other.",
				other.Address, m.Address, m.Target.Login, m.Target.Server)
			break
		}
	}
}

// checkOnePassword: an account has one password, whoever fills it.
func (ev *evaluator) checkOnePassword(m, other migration.Mailbox) {
	a, b := m.Target.Password, other.Target.Password
	if a == b || a.IsZero() || b.IsZero() {
		return
	}
	ev.f.errorAt(ev.where(m.Address, "target.password"), m.Address, "One account with two passwords",
		"%s and %s fill the account %s of %s, but give it different passwords (credential = \"keep\" gives that of the source). Give the same password = secret(…) in both.",
		other.Address, m.Address, m.Target.Login, m.Target.Server)
}

// apart reports whether two prefixes can never hold the same folder. Case is
// disregarded: some servers do.
func apart(a, b string) bool {
	a, b = strings.ToLower(a)+"/", strings.ToLower(b)+"/"
	return a != "/" && b != "/" && !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a)
}

func (ev *evaluator) server(addr migration.Address) (migration.Server, bool) {
	for _, servers := range [][]migration.Server{ev.out.Sources, ev.out.Targets} {
		for _, s := range servers {
			if s.Address == addr && addr != "" {
				return s, true
			}
		}
	}
	return migration.Server{}, false
}

// checkSides finds a mailbox that would be copied onto itself.
func (ev *evaluator) checkSides(m migration.Mailbox) {
	source, ok1 := ev.server(m.Source.Server)
	target, ok2 := ev.server(m.Target.Server)
	if !ok1 || !ok2 || m.Source.Login == "" || foldEmail(m.Source.Login) != foldEmail(m.Target.Login) {
		return
	}
	if sameServer(source.Endpoint, target.Endpoint) {
		ev.f.errorAt(ev.where(m.Address, "target.server"), m.Address, "Source and target are the same account",
			"%s and %s are both %s, and the login is %s on both sides. Correct the host of one of them.", source.Address, target.Address, source.Endpoint.Host, m.Source.Login)
	}
}

// sameServer compares by the address dialled where one is pinned; ports do
// not make two servers of one, unless they are pinned to the same address.
func sameServer(a, b migration.Endpoint) bool {
	if a.Host == "" || b.Host == "" {
		return false
	}
	if isLoopback(a) && isLoopback(b) {
		return a.Port == b.Port && dialled(a) == dialled(b)
	}
	return dialled(a) == dialled(b)
}

func dialled(e migration.Endpoint) string {
	if e.Pinned != "" {
		return e.Pinned
	}
	return e.Host
}

func (ev *evaluator) checkCredential(m migration.Mailbox) {
	server, ok := ev.server(m.Target.Server)
	if !ok {
		return
	}
	d, ok := ev.c.opts.Catalog.Find(providers.KindTarget, server.Driver)
	if !ok || len(d.Credentials) == 0 || slices.Contains(d.Credentials, m.Target.Credential) {
		return
	}
	path := "target.credential"
	if !ev.written(m.Address, path) {
		path = "target"
	}
	ev.f.errorAt(ev.where(m.Address, path), m.Address, "Credential the target cannot honour",
		"target %q takes %s, not %q. Give each mailbox its own password = secret(…) where needed.", server.Driver, listed(d.Credentials), m.Target.Credential)
}

// checkSameTarget warns when the mail of an address would be delivered to
// another service than the one its mailbox is on.
func (ev *evaluator) checkSameTarget(m migration.Mailbox) {
	if m.Email == "" || m.Target.Server == "" {
		return
	}
	for _, d := range ev.out.Domains {
		if d.Name != domainOf(m.Email) || d.Target == "" || d.Target == m.Target.Server {
			continue
		}
		a, _ := ev.server(d.Target)
		b, _ := ev.server(m.Target.Server)
		if !sameServer(a.Endpoint, b.Endpoint) {
			ev.f.warnAt(ev.where(m.Address, "target.server"), m.Address, "Mailbox outside the domain's service",
				"Mail for %s will be delivered to %s, but this mailbox is carried to %s.", d.Name, d.Target, m.Target.Server)
		}
	}
}
