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
	// target messages that never came from the source; Released and Excluded
	// count decisions, and what a folder of all mail shows that is in another.
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
	// views are source folders that show messages of others, filed the names of
	// messages that others account for; unfiled waits for all of these.
	views   map[string]bool
	filed   map[ObjectID]bool
	unfiled []unfiled
}

// unfiled is a message of a view that the ledger has no outcome for.
type unfiled struct {
	folder []string
	uid    UID
	object ObjectID
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
		claimed: map[[sha256.Size]byte]int{}, views: map[string]bool{}, filed: map[ObjectID]bool{}}
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
	v.placeUnfiled()
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
			if side == v.source && l.views(f) {
				v.views[folderKey(f.Path)] = true
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
