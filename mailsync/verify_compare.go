package mailsync

import (
	"context"
	"fmt"
	"time"
)

// comparePair holds the rows of one pair against both sides.
func (v *verifier) comparePair(ctx context.Context, p Pair) error {
	metas := map[UID]Meta{}
	var validity uint32
	if f, ok := v.sources[folderKey(p.Source.Path)]; ok {
		var err error
		if validity, metas, err = v.readSourceAt(ctx, f); err != nil {
			return err
		}
	}
	seen := map[UID]bool{}
	err := v.Ledger.Rows(ctx, p.ID, func(r Row) error {
		x := expected{row: r, pair: p}
		if m, ok := metas[r.SourceUID]; ok && r.SourceValidity == validity && r.Outcome != Gone {
			seen[r.SourceUID], x.source = true, &m
			if !p.Excluded && len(v.views) > 0 && !v.views[folderKey(p.Source.Path)] {
				v.filed[m.Object] = true
			}
		}
		v.compareRow(x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	for _, u := range sortedUIDs(keysOf(metas)) {
		switch {
		case seen[u]:
		case v.views[folderKey(p.Source.Path)]:
			v.unfiled = append(v.unfiled, unfiled{p.Source.Path, u, metas[u].Object})
		default:
			v.differ(noOutcome(p.Source.Path, u))
		}
	}
	return nil
}

func noOutcome(folder []string, uid UID) Difference {
	return Difference{Kind: Unaccounted, Folder: folder, UID: uid, Detail: "the ledger has no outcome for it"}
}

// placeUnfiled: what a folder of all mail shows, and has no outcome there, must
// have one in another folder, by the server's own name of the message.
func (v *verifier) placeUnfiled() {
	for _, x := range v.unfiled {
		if v.filed[x.object] && !x.object.IsZero() {
			v.results.Excluded++
			continue
		}
		v.differ(noOutcome(x.folder, x.uid))
	}
}

func (v *verifier) differ(d Difference) { v.results.Differences = append(v.results.Differences, d) }

func (v *verifier) compareRow(x expected) {
	switch x.row.Outcome {
	case Excluded:
		v.results.Excluded++
	case Released:
		v.results.Released++
	case Rejected:
		v.differ(x.difference(Refused, x.row.Reason))
	case Copied, Adopted, Delivered, Moved:
		v.compareCopy(x)
	}
}

func (x expected) where() []string {
	if x.row.TargetFolder != nil {
		return x.row.TargetFolder
	}
	return x.pair.Target.Path
}

func (x expected) difference(k Kind, detail string) Difference {
	return Difference{Kind: k, Folder: x.pair.Source.Path, UID: x.row.SourceUID, TargetFolder: x.where(), TargetUID: x.row.TargetUID, Detail: detail}
}

func (v *verifier) compareCopy(x expected) {
	h := v.held[folderKey(x.where())][x.row.TargetUID]
	if h == nil || h.validity != x.row.TargetValidity {
		v.missing = append(v.missing, x)
		return
	}
	if h.expected {
		v.differ(x.difference(Missing, "two source messages are recorded for one target message"))
		return
	}
	v.claim(x, h)
	if why := v.alteration(x, h); why != "" {
		v.differ(x.difference(Altered, why))
		return
	}
	v.compareMarks(x, h)
}

func (v *verifier) claim(x expected, h *heldMessage) {
	h.expected = true
	v.claimed[x.row.Digest]++
	if v.Depth == Full {
		v.claimed[h.digest]++
	}
	if v.Depth == Full && v.Personality.Class == Semantic {
		v.claimed[h.plain]++
	}
}

func (v *verifier) except(k ExceptionKind, what string, x expected) {
	v.results.Exceptions = note(v.results.Exceptions, k, what, Example{x.pair.Source.Path, x.row.SourceUID}, "")
}

// alteration says why a message counts as altered. What the target's class
// does to messages is an exception; an exact target alters none.
func (v *verifier) alteration(x expected, h *heldMessage) string {
	if v.Depth == Quick {
		return v.resized(x, h)
	}
	r, alike := &x.row, h.plain == x.row.plain()
	switch {
	case h.digest == r.Digest:
		return ""
	case alike && r.Outcome == Delivered:
		return "" // the row holds the digest of what was delivered
	case alike && v.Personality.altersOctets():
		v.except(OctetsAltered, v.Personality.alterations(), x)
		return ""
	case alike && r.Outcome == Adopted:
		v.except(OctetsAltered, "altered before us, and adopted", x)
		return ""
	}
	why := fmt.Sprintf("the source's %d octets have digest %s, the target's %d octets %x", r.Size, r.Digest, h.meta.Size, h.digest)
	switch {
	case alike:
		why = "only line ends or NULs differ; " + why
	case !v.Personality.Form().made(r.plain()) && !r.Plain.IsZero():
		why = "the target was probed anew since it was copied; " + why
	}
	return why
}

// resized goes by the size alone, which says nothing of what is written anew.
func (v *verifier) resized(x expected, h *heldMessage) string {
	if x.row.Outcome != Copied || h.meta.Size == x.row.Size {
		return ""
	}
	if v.Personality.altersOctets() {
		v.except(OctetsAltered, v.Personality.alteration(&x.row, h.meta.Size), x)
		return ""
	}
	return fmt.Sprintf("%d octets on the source, the target says %d", x.row.Size, h.meta.Size)
}

// compareMarks looks at date and flags. A flag a person set on the target
// stays by rule; one the source has and the target lost is a difference.
func (v *verifier) compareMarks(x expected, h *heldMessage) {
	clean := true
	switch {
	case x.row.Outcome != Copied || sameSecond(h.meta.Date, x.row.Date):
	case v.Personality.expectsDate(x.row.Date, h.meta.Date, v.Now):
		v.except(DateNotKept, dateKind(x.row.Date, v.Now), x)
	default:
		clean = false
		v.differ(x.difference(DateDiffers, fmt.Sprintf("%s on the source, %s on the target", x.row.Date.UTC().Format(time.RFC3339), h.meta.Date.UTC().Format(time.RFC3339))))
	}
	if lost := minusFlags(intersectFlags(x.row.Flags, x.row.Left), h.meta.Flags); x.row.Outcome == Copied && len(lost) > 0 {
		clean = false
		v.differ(x.difference(FlagsDiffer, fmt.Sprintf("the target no longer has %v", lost)))
	}
	if unkept := v.unexpected(x, minusFlags(x.row.Flags, x.row.Left)); len(unkept) > 0 {
		clean = false
		v.differ(x.difference(FlagsDiffer, fmt.Sprintf("the target never kept %v", unkept)))
	}
	if clean {
		v.results.Matched++
	}
}

// unexpected returns the flags that were never kept although a probe has not
// shown that they cannot be.
func (v *verifier) unexpected(x expected, unkept []string) (out []string) {
	if x.row.Outcome != Copied || !x.row.Settled {
		return nil
	}
	for _, f := range unkept {
		if !v.Personality.expectsLoss(f) {
			out = append(out, f)
			continue
		}
		v.except(FlagNotKept, f, x)
	}
	return out
}

func sameSecond(a, b time.Time) bool { return a.Unix() == b.Unix() }
