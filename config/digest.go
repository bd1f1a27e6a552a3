package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"bascule/migration"
)

// digestScheme is part of what is hashed: it rises when the same text would
// come to mean something else.
const digestScheme = "bascule-config-1\n"

// digest is the SHA-256 of what was evaluated, in canonical form: formatting,
// comments and the order of blocks and files do not count. Outputs do: they
// were reviewed with the rest. Secrets are there as locators; sensitive values
// never reach Desired.
func digest(d *migration.Desired) string {
	canonical := *d
	canonical.Digest = ""
	byAddress(&canonical.Sources, func(s migration.Server) migration.Address { return s.Address })
	byAddress(&canonical.Targets, func(s migration.Server) migration.Address { return s.Address })
	byAddress(&canonical.DNS, func(n migration.DNS) migration.Address { return n.Address })
	byAddress(&canonical.Domains, func(d migration.Domain) migration.Address { return d.Address })
	byAddress(&canonical.Mailboxes, func(m migration.Mailbox) migration.Address { return m.Address })
	byAddress(&canonical.Aliases, func(a migration.Alias) migration.Address { return a.Address })
	byAddress(&canonical.Ignores, func(i migration.Ignore) migration.Address { return i.Address })
	byAddress(&canonical.Accepts, func(a migration.Accept) migration.Address { return a.Address })
	byAddress(&canonical.Records, func(r migration.Record) migration.Address { return r.Address })
	byAddress(&canonical.Outputs, func(o migration.Output) migration.Address { return migration.Address(o.Name) })
	// Maps are written with sorted keys by encoding/json; every value is plain
	// data, so nothing can fail.
	text, err := json.Marshal(canonical)
	if err != nil {
		panic("config: bug: Desired is not plain data: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte(digestScheme), text...))
	return hex.EncodeToString(sum[:])
}

func byAddress[T any](list *[]T, key func(T) migration.Address) {
	*list = slices.SortedStableFunc(slices.Values(*list), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
