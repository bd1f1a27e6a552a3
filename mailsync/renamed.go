package mailsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bascule/internal/retry"
	"bascule/mailsync/folders"
)

// A target may refuse a name that its listing shows no reason against. Then
// the folder gets one that no server refuses, the pair remembers it, and the
// report says so.

// createOrRename makes a target folder, under another name where the target
// refuses this one for good. Where it refuses that as well, it is not asked again.
func (p *pass) createOrRename(ctx context.Context, s *PairState, path []string, use string) (f Folder, err error) {
	if refusedTwice(s.Pair, path) && !p.RetryRejected {
		return f, fmt.Errorf("%w: %s", errRefusedTwice, strings.TrimPrefix(s.Pair.Reason, twiceRefused))
	}
	refusal := p.createSuspect(ctx, path, use, &f)
	if passing(refusal) {
		refusal = p.createSuspect(ctx, path, use, &f)
	}
	if refusal == nil || !refusesName(refusal) {
		return f, refusal
	}
	other := p.otherPath(path)
	if err := p.rename(ctx, s, other, refusal); err != nil {
		return f, err
	}
	if known, ok := p.state.targets[folderKey(other)]; ok {
		return known, nil // made by a run that was killed
	}
	if err := p.createSuspect(ctx, other, use, &f); err != nil {
		return f, p.remember(ctx, s, path, errors.Join(refusal, err), refusesName(err))
	}
	return f, nil
}

// twiceRefused begins the reason of a pair for which the target takes no name.
const twiceRefused = "the target refused its name and another: "

var errRefusedTwice = errors.New("the target refused this name and another in an earlier pass")

func refusedTwice(known Pair, path []string) bool {
	return strings.HasPrefix(known.Reason, twiceRefused) && folderKey(known.Target.Path) == folderKey(path)
}

func (p *pass) refusedBefore(known Pair, r folders.Row) bool {
	return refusedTwice(known, r.Target) && !p.RetryRejected
}

// remember records that no name was taken, and returns why.
func (p *pass) remember(ctx context.Context, s *PairState, path []string, refusals error, forGood bool) error {
	r := p.state.reports[s.Pair.ID]
	r.Target, r.Renamed = path, false
	if !forGood {
		return refusals
	}
	s.Pair.Target, s.Pair.Reason = Side{Path: path}, twiceRefused+strings.ReplaceAll(refusals.Error(), "\n", "; ")
	r.Reason = s.Pair.Reason
	return errors.Join(refusals, p.commit(ctx, Change{Pairs: []*Pair{&s.Pair}}))
}

// createSuspect makes a folder, unless its name has ended too many connections.
// One that is made brings the pass forward.
func (p *pass) createSuspect(ctx context.Context, path []string, use string, made *Folder) error {
	k := folderKey(path)
	if p.suspectNames[k] > maxSuspicion {
		return errNameEnds
	}
	err := p.write("CREATE", func() (err error) { *made, err = p.target.Create(ctx, path, use); return err })
	switch {
	case err == nil:
		p.recorded++
	case connectionEnded(err) && ctx.Err() == nil:
		if p.suspectNames[k]++; p.suspectNames[k] > maxSuspicion {
			p.recorded++
		}
	}
	return err
}

// connectionEnded: what a server says, were it only that it is busy, it says
// over a connection.
func connectionEnded(err error) bool {
	var se *ServerError
	var busy *BusyError
	return retry.IsTemporary(err) && !errors.As(err, &se) && !errors.As(err, &busy)
}

// errNameEnds counts the first time, when others were made as well, for nothing.
var errNameEnds = fmt.Errorf("the connection ended %d times while this folder was created", maxSuspicion)

// passing: a refusal without a code may have been about the moment. A name is
// for good, so it is asked for once more before another one is taken.
func passing(refusal error) bool {
	var se *ServerError
	return errors.As(refusal, &se) && se.Status == "NO" && se.Code == "" && refusesName(refusal)
}

// refusesName reports whether a refusal may be about the name.
func refusesName(err error) bool {
	var se *ServerError
	if errors.Is(err, errNameEnds) {
		return true
	}
	return isRefusal(err) && errors.As(err, &se) && se.Command == "CREATE" && !stops(se) && se.Code != "LIMIT" && se.Code != "ALREADYEXISTS"
}

// rename records the new name before the folder is made, as every name is.
func (p *pass) rename(ctx context.Context, s *PairState, path []string, refusal error) error {
	used, err := p.hasRows(ctx, s)
	if err != nil {
		return err
	}
	if used {
		return refusal // there is mail under the old name
	}
	s.Pair.Target, s.Pair.Reason = Side{Path: path}, fmt.Sprintf("the target refused its name: %v", refusal)
	if err := p.commit(ctx, Change{Pairs: []*Pair{&s.Pair}}); err != nil {
		return err
	}
	r := p.state.reports[s.Pair.ID]
	r.Target, r.Renamed, r.Reason = path, true, s.Pair.Reason
	p.report.Exceptions = note(p.report.Exceptions, FolderRenamed, showPath(path), Example{Folder: s.Pair.Source.Path}, refusal.Error())
	return nil
}

// otherPath is the name to try after a refusal: a plain one, or where it is
// plain already the same with a digest behind each component that the target
// does not have.
func (p *pass) otherPath(path []string) []string {
	out := plainPath(path)
	if !slices.Equal(out, path) {
		return out
	}
	for i, c := range path {
		if _, exists := p.state.targets[folderKey(path[:i+1])]; !exists {
			out[i] = withDigest(c[:min(len(c), maxPlain)], c)
		}
	}
	return out
}

func withDigest(plain, of string) string {
	sum := sha256.Sum256([]byte(of))
	return strings.TrimLeft(plain+"-"+hex.EncodeToString(sum[:3]), "-")
}

// plainPath is a name of letters, digits and hyphens. Components that are not
// already end in a digest of what they were, so that no two become one.
func plainPath(path []string) []string {
	out := slices.Clone(path)
	for i, c := range path {
		if i == 0 && strings.EqualFold(c, "INBOX") {
			continue
		}
		plain := strings.Trim(strings.Map(plainRune, c), "-")
		if plain != c || len(plain) > maxPlain {
			out[i] = withDigest(plain[:min(len(plain), maxPlain)], c)
		}
	}
	return out
}

const maxPlain = 40

func plainRune(r rune) rune {
	if '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
		return r
	}
	return '-'
}
