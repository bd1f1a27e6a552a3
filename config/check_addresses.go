package config

import (
	"slices"
	"strings"

	"bascule/migration"
)

// claim is an address somebody declared, and where.
type claim struct {
	email string
	addr  migration.Address
	path  string
}

// claims lists every declared address in the order of the source, per kind.
func (ev *evaluator) claims() []claim {
	var out []claim
	for _, m := range ev.out.Mailboxes {
		out = append(out, claim{m.Email, m.Address, "address"})
		for _, a := range m.Aliases {
			out = append(out, claim{a, m.Address, "aliases"})
		}
	}
	for _, a := range ev.out.Aliases {
		out = append(out, claim{a.Email, a.Address, "address"})
	}
	for _, i := range ev.out.Ignores {
		for _, e := range i.Emails {
			out = append(out, claim{e, i.Address, "addresses"})
		}
	}
	return slices.DeleteFunc(out, func(c claim) bool { return c.email == "" })
}

func (ev *evaluator) checkAddresses() {
	first := map[string]claim{}
	for _, c := range ev.claims() {
		ev.checkInDomain(c)
		key := foldEmail(c.email)
		if before, doubled := first[key]; doubled {
			ev.f.errorAt(ev.where(c.addr, c.path), c.addr, "Address given twice",
				"%s belongs to %s already, at %s. Every address is one mailbox, one alias or one ignore.", c.email, before.addr, place(ev.where(before.addr, before.path)))
			continue
		}
		first[key] = c
	}
}

// checkInDomain looks for the domain of an address, once any is declared.
func (ev *evaluator) checkInDomain(c claim) {
	if len(ev.out.Domains) == 0 || ev.hidden["domain"] {
		return
	}
	names := ev.domainNames()
	if domain := domainOf(c.email); !slices.Contains(names, domain) {
		ev.f.errorAt(ev.where(c.addr, c.path), c.addr, "Address outside every domain",
			"%s is in none of the declared domains (%s).%s Declare a domain block for %s, or correct the address.", c.email, listed(names), suggest(domain, names), domain)
	}
}

func (ev *evaluator) domainNames() []string {
	var names []string
	for _, d := range ev.out.Domains {
		names = append(names, d.Name)
	}
	return names
}

// addressBook answers whether an address will exist on the new side.
type addressBook struct {
	mailboxes map[string]bool
	aliases   map[string]migration.Alias
	ignored   map[string]bool
	// mainOf maps the name of an alias domain to the one it repeats.
	mainOf map[string]string
}

func (ev *evaluator) addressBook() addressBook {
	book := addressBook{map[string]bool{}, map[string]migration.Alias{}, map[string]bool{}, map[string]string{}}
	for _, m := range ev.out.Mailboxes {
		for _, e := range append([]string{m.Email}, m.Aliases...) {
			book.mailboxes[foldEmail(e)] = true
		}
	}
	for _, a := range ev.out.Aliases {
		book.aliases[foldEmail(a.Email)] = a
	}
	for _, i := range ev.out.Ignores {
		for _, e := range i.Emails {
			book.ignored[foldEmail(e)] = true
		}
	}
	for _, d := range ev.out.Domains {
		for _, main := range ev.out.Domains {
			if d.AliasOf != "" && main.Address == d.AliasOf {
				book.mainOf[d.Name] = main.Name
			}
		}
	}
	return book
}

// canonical moves an address of an alias domain to the domain it repeats,
// unless somebody declared it there.
func (b addressBook) canonical(email string) string {
	key := foldEmail(email)
	if b.mailboxes[key] || b.ignored[key] {
		return key
	}
	if _, ok := b.aliases[key]; ok {
		return key
	}
	domain := domainOf(key)
	if main := b.mainOf[domain]; main != "" {
		return strings.TrimSuffix(key, domain) + main
	}
	return key
}

func (b addressBook) known() []string {
	var out []string
	for e := range b.mailboxes {
		out = append(out, e)
	}
	for e := range b.aliases {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

// checkAliases finds destinations that will not exist, and loops.
func (ev *evaluator) checkAliases() {
	if ev.hidden["mailbox"] || ev.hidden["alias"] || ev.hidden["domain"] {
		return
	}
	book := ev.addressBook()
	for _, a := range ev.out.Aliases {
		for _, to := range a.To {
			ev.checkDestination(a, to, book)
		}
		if path := loop(a, book); path != nil && path[0] == slices.Min(path) {
			ev.f.errorAt(ev.where(a.Address, "to"), a.Address, "Alias loop", "Mail would go round: %s.", strings.Join(append(path, path[0]), " → "))
		}
	}
}

func (ev *evaluator) checkDestination(a migration.Alias, to string, book addressBook) {
	key := book.canonical(to)
	local := slices.Contains(ev.domainNames(), domainOf(key))
	_, isAlias := book.aliases[key]
	switch {
	case !local || book.mailboxes[key] || isAlias:
	case book.ignored[key]:
		ev.f.errorAt(ev.where(a.Address, "to"), a.Address, "Alias to an ignored address", "%s is left behind by an ignore block, so nothing would take this mail.", to)
	default:
		ev.f.errorAt(ev.where(a.Address, "to"), a.Address, "Alias to an unknown address",
			"%s is in a domain that moves, but no mailbox or alias has this address.%s", to, suggest(key, book.known()))
	}
}

// loop follows an alias and returns the round it is part of, or nil.
func loop(start migration.Alias, book addressBook) []string {
	origin := foldEmail(start.Email)
	seen := map[string]bool{}
	var walk func(a migration.Alias, path []string) []string
	walk = func(a migration.Alias, path []string) []string {
		for _, to := range a.To {
			key := book.canonical(to)
			if key == origin {
				return path
			}
			next, ok := book.aliases[key]
			if !ok || seen[key] {
				continue
			}
			seen[key] = true
			if found := walk(next, append(slices.Clone(path), key)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(start, []string{origin})
}
