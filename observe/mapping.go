package observe

import (
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/migration"
)

// mapping shows where each source folder will go, as the engine will decide it.
func mapping(old, new mailsync.Listing, rules migration.FolderRules) []migration.FolderMapping {
	source, _ := old.Mapped()
	target, delim := new.Mapped()
	habits := folders.Habits{Delim: delim, Prefix: folders.PrefixOf(target)}
	rows, err := folders.Map(source, target, habits, Rules(rules), nil)
	if err != nil {
		return nil
	}
	var out []migration.FolderMapping
	for _, r := range rows {
		m := migration.FolderMapping{From: strings.Join(r.Source, "/"), To: strings.Join(r.Target, "/")}
		if r.Renamed || r.Target == nil {
			m.Reason = r.Reason
		}
		out = append(out, m)
	}
	return out
}

// Rules maps a person's rules to the engine's, in a stable order.
func Rules(r migration.FolderRules) folders.Rules {
	out := folders.Rules{Include: r.Include, Exclude: r.Exclude, Prefix: r.Prefix}
	for _, from := range sortedKeys(r.Rename) {
		out.Rename = append(out.Rename, folders.Rename{From: from, To: r.Rename[from]})
	}
	return out
}
