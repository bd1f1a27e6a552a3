package mailsync

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// maxCompared bounds the messages of the source that are fetched twice.
const maxCompared = 6

// readSource fetches a few of the source's messages on two connections.
func (p *prober) readSource(ctx context.Context) error {
	first, err := p.fewOf(ctx)
	if err != nil || len(first) == 0 {
		return err
	}
	second, err := p.fewOf(ctx)
	if err != nil {
		return err
	}
	p.found.Source = Exact
	for k, d := range first {
		if again, ok := second[k]; ok {
			p.found.SourceMessages++
			if again != d {
				p.found.Source = Semantic
			}
		}
	}
	if p.found.SourceMessages == 0 {
		p.found.Source = Unprobed
	}
	return nil
}

// fewOf digests the newest messages of the first folders that have some.
func (p *prober) fewOf(ctx context.Context) (map[Ref]Digest, error) {
	source, err := p.OpenSource(ctx)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	defer source.Close()
	l, err := source.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	out := map[Ref]Digest{}
	for _, f := range l.Folders {
		if !f.Selectable || f.Status != nil && f.Status.Messages == 0 || len(out) >= maxCompared {
			continue
		}
		if err := newest(ctx, source, f, out); err != nil && !isRefusal(err) && !errors.Is(err, ErrNoFolder) {
			return nil, fmt.Errorf("read folder %s: %w", showPath(f.Path), err)
		}
	}
	return out, nil
}

func newest(ctx context.Context, source Source, f Folder, out map[Ref]Digest) error {
	if _, err := source.Examine(ctx, f); err != nil {
		return err
	}
	uids, err := source.UIDs(ctx)
	if err != nil || len(uids) == 0 {
		return err
	}
	uids = sortedUIDs(uids)
	_, err = source.Fetch(ctx, uids[max(0, len(uids)-2):], func(m Meta, _ int64, body io.Reader) error {
		print, err := PrintOf(body)
		out[Ref{Folder: folderKey(f.Path), UID: m.UID}] = print.Digest
		return err
	})
	return err
}
