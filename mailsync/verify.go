package mailsync

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Depth says how much verification reads.
type Depth int

// Depths.
const (
	// Quick compares counts, UIDs, sizes, flags and dates with the ledger.
	Quick Depth = iota
	// Full also reads every octet of the target again.
	Full
)

// Kind names a difference.
type Kind string

// Kinds of difference. Those of Warns do not make a verification fail.
const (
	// Missing: the source has it, the target does not, and nobody decided so.
	Missing Kind = "missing"
	// Doubled: the target holds it more often than the source.
	Doubled Kind = "doubled"
	// Altered: other octets than the source's.
	Altered Kind = "altered"
	// Misplaced: in another folder than the mapping says.
	Misplaced Kind = "misplaced"
	// DateDiffers and FlagsDiffer: as far as the ledger expects them kept.
	DateDiffers Kind = "date differs"
	FlagsDiffer Kind = "flags differ"
	// Refused: the target rejected the message.
	Refused Kind = "rejected"
	// Unaccounted: a source message without an outcome.
	Unaccounted Kind = "unaccounted"
)

// Difference is one thing verification found.
type Difference struct {
	Kind Kind
	// Folder and UID are the source's; TargetFolder and TargetUID the target's.
	Folder       []string
	UID          UID
	TargetFolder []string
	TargetUID    UID
	Detail       string
}

// Verification is what was found. It is clean when Differences is empty.
type Verification struct {
	At          time.Time
	Depth       Depth
	Differences []Difference
	// Matched counts messages found as they should be; NotOurs counts
	// target messages that never came from the source; Released, Excluded
	// and Gone count decisions.
	Matched, NotOurs, Released, Excluded int
	// Exceptions are what the target is known not to hold: named, counted
	// among Matched, and no difference.
	Exceptions []Exception
	// Octets counts what was read of the target.
	Octets int64
}

// VerifyOptions is all a verification needs. It opens folders read-only and
// writes nothing, not even to the ledger.
type VerifyOptions struct {
	OpenSource func(ctx context.Context) (Source, error)
	OpenTarget func(ctx context.Context) (Source, error)
	Ledger     Ledger
	Depth      Depth
	// Personality says what is an exception rather than a difference.
	Personality Personality
	// Now is the time to put on the result.
	Now time.Time
}

// verifier has its own way of reading: nothing of it is shared with a pass
// but the types.
type verifier struct {
	VerifyOptions
	source, target   Source
	sources, targets map[string]Folder
	// held is everything on the target: by folder, by UID.
	held    map[string]map[UID]*heldMessage
	results Verification
	// missing waits for the whole target to be known, to tell it from misplaced.
	missing []expected
	// claimed holds the digests of what is expected: of octets as the source
	// has them and as the target has them and, where it writes them anew, of
	// what they say.
	claimed map[[sha256.Size]byte]int
}

type heldMessage struct {
	meta     Meta
	digest   [sha256.Size]byte
	plain    Digest // by the form of the personality
	expected bool
	validity uint32
}

type expected struct {
	row    Row
	pair   Pair
	source *Meta
}

// Verify compares the target with what the ledger says it holds, and the
// ledger with the source.
func Verify(ctx context.Context, o VerifyOptions) (Verification, error) {
	v := &verifier{VerifyOptions: o, sources: map[string]Folder{}, targets: map[string]Folder{}, held: map[string]map[UID]*heldMessage{},
		claimed: map[[sha256.Size]byte]int{}}
	v.results.At, v.results.Depth = o.Now, o.Depth
	err := v.run(ctx)
	if v.source != nil {
		_ = v.source.Close()
	}
	if v.target != nil {
		_ = v.target.Close()
	}
	if err != nil {
		return v.results, fmt.Errorf("verify: %w", err)
	}
	return v.results, nil
}

func (v *verifier) run(ctx context.Context) error {
	var err error
	if v.source, err = v.OpenSource(ctx); err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	if v.target, err = v.OpenTarget(ctx); err != nil {
		return fmt.Errorf("open target: %w", err)
	}
	if err := v.listBoth(ctx); err != nil {
		return err
	}
	if err := v.readTarget(ctx); err != nil {
		return err
	}
	pairs, err := v.Ledger.Pairs(ctx)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if err := v.unmapped(ctx, pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		if err := v.comparePair(ctx, p); err != nil {
			return err
		}
	}
	v.placeMissing()
	v.countRest()
	sortExceptions(v.results.Exceptions)
	return nil
}

func (v *verifier) listBoth(ctx context.Context) error {
	for side, folders := range map[Source]map[string]Folder{v.source: v.sources, v.target: v.targets} {
		l, err := side.List(ctx)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for _, f := range l.Folders {
			if f.Selectable {
				folders[folderKey(f.Path)] = f
			}
		}
	}
	return nil
}

// readTarget reads all folders of the target, for full depth every octet.
func (v *verifier) readTarget(ctx context.Context) error {
	for _, k := range sortedKeys(v.targets) {
		f := v.targets[k]
		st, err := v.target.Examine(ctx, f)
		if err != nil {
			return fmt.Errorf("open target folder %s: %w", showPath(f.Path), err)
		}
		all := map[UID]*heldMessage{}
		var uids []UID
		err = v.target.Scan(ctx, 0, func(m Meta) error {
			all[m.UID] = &heldMessage{meta: m, validity: st.UIDValidity}
			uids = append(uids, m.UID)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read target folder %s: %w", showPath(f.Path), err)
		}
		v.held[k] = all
		if v.Depth == Full && len(uids) > 0 {
			if err := v.digest(ctx, f, all, uids); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) digest(ctx context.Context, f Folder, all map[UID]*heldMessage, uids []UID) error {
	for chunk := range slices.Chunk(uids, 500) {
		missing, err := v.target.Fetch(ctx, chunk, func(m Meta, _ int64, body io.Reader) error {
			h := sha256.New()
			counted := &counter{Reader: io.TeeReader(body, h)}
			plain, err := plainDigest(v.Personality.Form(), counted)
			v.results.Octets += counted.n
			if held := all[m.UID]; held != nil && err == nil {
				held.plain = plain
				h.Sum(held.digest[:0])
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read messages of target folder %s: %w", showPath(f.Path), err)
		}
		for _, u := range missing {
			v.differ(Difference{Kind: Altered, TargetFolder: f.Path, TargetUID: u, Detail: "listed, but not delivered by the target"})
		}
	}
	return nil
}

// counter counts what is read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

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

func keysOf[V any](m map[UID]V) []UID {
	out := make([]UID, 0, len(m))
	for u := range m {
		out = append(out, u)
	}
	return out
}

func (v *verifier) readSource(ctx context.Context, f Folder) (map[UID]Meta, error) {
	_, metas, err := v.readSourceAt(ctx, f)
	return metas, err
}

func (v *verifier) readSourceAt(ctx context.Context, f Folder) (uint32, map[UID]Meta, error) {
	st, err := v.source.Examine(ctx, f)
	if err != nil {
		return 0, nil, fmt.Errorf("open source folder %s: %w", showPath(f.Path), err)
	}
	metas := map[UID]Meta{}
	err = v.source.Scan(ctx, 0, func(m Meta) error { metas[m.UID] = m; return nil })
	if err != nil {
		return 0, nil, fmt.Errorf("read source folder %s: %w", showPath(f.Path), err)
	}
	return st.UIDValidity, metas, nil
}

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
		}
		v.compareRow(x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	for _, u := range sortedUIDs(keysOf(metas)) {
		if !seen[u] {
			v.differ(Difference{Kind: Unaccounted, Folder: p.Source.Path, UID: u, Detail: "the ledger has no outcome for it"})
		}
	}
	return nil
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

// ErrDifferences is for callers that want a verification as an error.
var ErrDifferences = errors.New("the target differs from the source")

// Err returns nil for a clean verification.
func (v Verification) Err() error {
	if len(v.Differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d differences, the first: %s in %s, message %d", ErrDifferences, len(v.Differences), v.Differences[0].Kind,
		showPath(v.Differences[0].Folder), v.Differences[0].UID)
}
