package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// confirmed is what a target folder said when it was opened for writing a
// moment ago.
type confirmed struct {
	accepts Accepts
	err     error
}

// confirm opens the target folders in which flags will be changed, messages
// deleted, or not too much copied, all in one flight: is each still the one that was
// looked at, and which flags does it keep? What is sent next is on its way
// before the folder says its UIDVALIDITY again; the time in which a folder
// could be replaced unseen is that between flights that follow each other.
func (p *pass) confirm(ctx context.Context, a Actions) error {
	p.state.confirmed = map[string]confirmed{}
	s, ok := p.target.(Storer)
	asked := p.toBeWritten(a)
	if !ok || len(asked) == 0 {
		return nil
	}
	p.state.openTarget = ""
	stored, err := s.StoreAll(ctx, asked)
	if err != nil {
		return fmt.Errorf("open %d target folders: %w", len(asked), err)
	}
	for i, x := range stored {
		path := asked[i].Folder.Path
		p.state.confirmed[folderKey(path)] = confirmed{x.Accepts, openError(path, asked[i].Validity, x)}
	}
	return nil
}

// confirmAgain is for what is left to be done after copying took its time.
func (p *pass) confirmAgain(ctx context.Context, a Actions) error {
	if p.state.confirmed != nil {
		return nil
	}
	a.Copies = nil
	return p.confirm(ctx, a)
}

// toBeWritten names each folder once.
func (p *pass) toBeWritten(a Actions) []Storing {
	var out []Storing
	seen := map[string]bool{}
	add := func(path []string, validity uint32) {
		k := folderKey(path)
		if f, ok := p.state.targets[k]; ok && !seen[k] {
			seen[k] = true
			out = append(out, Storing{Folder: f, Validity: validity})
		}
	}
	for _, f := range slices.Concat(a.Flags, p.state.moved) {
		add(f.Folder, f.Row.TargetValidity)
	}
	for _, d := range a.Deletes {
		add(d.Folder, d.Row.TargetValidity)
	}
	if p.gathers() {
		for _, c := range a.Copies {
			if p.gathered(c.Pair, c.At) {
				add(c.Pair.Pair.Target.Path, c.Pair.Target.UIDValidity)
			}
		}
	}
	return out
}

// openError says why nothing that was meant for a folder counts as done there.
func openError(path []string, validity uint32, s Stored) error {
	switch {
	case s.Err != nil:
		return fmt.Errorf("open target folder %s: %w", showPath(path), s.Err)
	case s.Replaced(validity):
		return fmt.Errorf("target folder %s: %w", showPath(path), errFolderChanged)
	}
	return nil
}

// undone is openError, or what the server refused in the folder.
func undone(path []string, validity uint32, s Stored) error {
	return errors.Join(append([]error{openError(path, validity, s)}, s.Refusals...)...)
}

// acceptsOf says what a target folder keeps, and insists on its UIDVALIDITY.
func (p *pass) acceptsOf(ctx context.Context, path []string, validity uint32) (Accepts, error) {
	if c, ok := p.state.confirmed[folderKey(path)]; ok {
		return c.accepts, c.err
	}
	if err := p.targetAt(ctx, path, validity); err != nil {
		return Accepts{}, err
	}
	return p.target.Accepts(), nil
}

// storing names a target folder and what is to be changed in it.
func (p *pass) storing(path []string, validity uint32, changes ...FlagChange) Storing {
	return Storing{Folder: p.state.targets[folderKey(path)], Validity: validity, Changes: changes}
}

// inFlights groups work for as many folders as the target takes at once: all, or one.
func inFlights[W any](p *pass, works []W) [][]W {
	if _, ok := p.target.(Storer); ok && len(works) > 0 {
		return [][]W{works}
	}
	var out [][]W
	for _, w := range works {
		out = append(out, []W{w})
	}
	return out
}

// storeAll changes flags in folders, and notes in which.
func (p *pass) storeAll(ctx context.Context, asked []Storing) (stored []Stored, err error) {
	if len(asked) == 0 {
		return nil, nil
	}
	err = p.write("STORE", func() error {
		s, ok := p.target.(Storer)
		if !ok {
			stored = p.storeEach(ctx, asked)
			return nil
		}
		p.state.openTarget = ""
		stored, err = s.StoreAll(ctx, asked)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store flags in %d folders: %w", len(asked), err)
	}
	for _, g := range asked {
		p.state.flagged[folderKey(g.Folder.Path)] = true
		delete(p.state.standing, folderKey(g.Folder.Path))
	}
	return stored, nil
}

// storeEach is StoreAll, one command after the other.
func (p *pass) storeEach(ctx context.Context, asked []Storing) []Stored {
	out := make([]Stored, len(asked))
	for i, g := range asked {
		out[i].Status.UIDValidity = g.Validity
		if out[i].Err = p.targetAt(ctx, g.Folder.Path, g.Validity); out[i].Err != nil {
			continue
		}
		for _, c := range g.Changes {
			store := p.target.AddFlags
			if c.Remove {
				store = p.target.RemoveFlags
			}
			out[i].Refusals = append(out[i].Refusals, store(ctx, c.UIDs, []string{c.Flag}))
		}
	}
	return out
}

// expungeAll removes messages that are marked.
func (p *pass) expungeAll(ctx context.Context, asked []Removal) (removed []Stored, err error) {
	if len(asked) == 0 {
		return nil, nil
	}
	err = p.write("EXPUNGE", func() error {
		s, ok := p.target.(Storer)
		if !ok {
			removed = p.expungeEach(ctx, asked)
			return nil
		}
		p.state.openTarget = ""
		removed, err = s.ExpungeAll(ctx, asked)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("expunge messages of %d folders: %w", len(asked), err)
	}
	return removed, nil
}

// expungeEach is ExpungeAll, one command after the other.
func (p *pass) expungeEach(ctx context.Context, asked []Removal) []Stored {
	out := make([]Stored, len(asked))
	for i, g := range asked {
		out[i].Status.UIDValidity = g.Validity
		if out[i].Err = p.targetAt(ctx, g.Folder.Path, g.Validity); out[i].Err == nil {
			out[i].Refusals = []error{p.target.Expunge(ctx, g.UIDs)}
		}
	}
	return out
}
