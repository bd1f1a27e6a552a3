package mailsync

import (
	"context"
)

// unmapped finds source folders the ledger has never heard of.
func (v *verifier) unmapped(ctx context.Context, pairs []Pair) error {
	known := map[string]bool{}
	for _, p := range pairs {
		known[folderKey(p.Source.Path)] = true
	}
	for _, k := range sortedKeys(v.sources) {
		if known[k] {
			continue
		}
		metas, err := v.readSource(ctx, v.sources[k])
		if err != nil {
			return err
		}
		for _, u := range sortedUIDs(keysOf(metas)) {
			v.differ(Difference{Kind: Unaccounted, Folder: v.sources[k].Path, UID: u, Detail: "in a folder that no pass has seen"})
		}
	}
	return nil
}

// placeMissing tells what is in another folder from what is nowhere. Without
// the octets (quick) nothing found elsewhere can be recognised.
func (v *verifier) placeMissing() {
	for _, x := range v.missing {
		path, uid, ok := v.elsewhere(&x.row)
		if !ok {
			v.differ(x.difference(Missing, "not where the ledger says"))
			continue
		}
		d := x.difference(Misplaced, "expected in "+showPath(x.where()))
		d.TargetFolder, d.TargetUID = path, uid
		v.claim(x, v.held[folderKey(path)][uid])
		v.differ(d)
	}
}

func (v *verifier) elsewhere(r *Row) ([]string, UID, bool) {
	if v.Depth != Full {
		return nil, 0, false
	}
	path, uid, ok := v.search(func(h *heldMessage) bool { return h.digest == r.Digest })
	if !ok && v.Personality.altersOctets() {
		return v.search(func(h *heldMessage) bool { return h.plain == r.plain() })
	}
	return path, uid, ok
}

func (v *verifier) search(is func(*heldMessage) bool) ([]string, UID, bool) {
	for _, k := range sortedKeys(v.held) {
		for _, u := range sortedUIDs(keysOf(v.held[k])) {
			if h := v.held[k][u]; !h.expected && is(h) {
				return v.targets[k].Path, u, true
			}
		}
	}
	return nil, 0, false
}

// countRest counts what is not ours. The same octets once more than the
// source has them are a double.
func (v *verifier) countRest() {
	for _, k := range sortedKeys(v.held) {
		for _, u := range sortedUIDs(keysOf(v.held[k])) {
			h := v.held[k][u]
			switch {
			case h.expected:
			case v.Depth == Full && (v.claimed[h.digest] > 0 || v.claimed[h.plain] > 0 && v.Personality.Class == Semantic):
				v.differ(Difference{Kind: Doubled, TargetFolder: v.targets[k].Path, TargetUID: u, Detail: "once more than on the source"})
			default:
				v.results.NotOurs++
			}
		}
	}
}
