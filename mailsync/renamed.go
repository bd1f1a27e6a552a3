package mailsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A target may refuse a name that its listing shows no reason against. Then
// the folder gets one that no server refuses, the pair remembers it, and the
// report says so.

// createOrRename makes a target folder, under another name where the target
// refuses this one for good.
func (p *pass) createOrRename(ctx context.Context, s *PairState, path []string, use string) (f Folder, err error) {
	create := func(path []string) error {
		return p.write("CREATE", func() (err error) { f, err = p.target.Create(ctx, path, use); return err })
	}
	refusal := create(path)
	plain := plainPath(path)
	if refusal == nil || !refusesName(refusal) || slices.Equal(plain, path) {
		return f, refusal
	}
	if err := p.rename(ctx, s, plain, refusal); err != nil {
		return f, err
	}
	if known, ok := p.state.targets[folderKey(plain)]; ok {
		return known, nil // made by a run that was killed
	}
	if err := create(plain); err != nil {
		return f, errors.Join(refusal, err)
	}
	return f, nil
}

// refusesName reports whether a refusal may be about the name.
func refusesName(err error) bool {
	var se *ServerError
	return isRefusal(err) && errors.As(err, &se) && !stops(se) && se.Code != "LIMIT" && se.Code != "ALREADYEXISTS"
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
	s.Pair.Target, s.Pair.Reason = Side{Path: path}, "the target refused its name"
	if err := p.commit(ctx, Change{Pairs: []*Pair{&s.Pair}}); err != nil {
		return err
	}
	r := p.state.reports[s.Pair.ID]
	r.Target, r.Renamed, r.Reason = path, true, fmt.Sprintf("the target refused its name: %v", refusal)
	p.report.Exceptions = note(p.report.Exceptions, FolderRenamed, showPath(path), Example{Folder: s.Pair.Source.Path}, refusal.Error())
	return nil
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
			sum := sha256.Sum256([]byte(c))
			out[i] = strings.TrimLeft(plain[:min(len(plain), maxPlain)]+"-"+hex.EncodeToString(sum[:3]), "-")
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
