package mailsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

func (p *prober) create(ctx context.Context) error {
	name, err := scratchName(p.Random)
	if err != nil {
		return err
	}
	err = p.write("CREATE", func() (err error) { p.folder, err = p.target.Create(ctx, []string{name}, ""); return err })
	if err != nil {
		return lasting("create a scratch folder", err)
	}
	return nil
}

// notOnSource looks for the folder on the source, over a connection made after it.
func (p *prober) notOnSource(ctx context.Context) error {
	source, err := p.OpenSource(ctx)
	if err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	defer source.Close()
	l, err := source.List(ctx)
	if err != nil {
		return fmt.Errorf("list source: %w", err)
	}
	for _, f := range l.Folders {
		if f.Path[len(f.Path)-1] == p.folder.Path[len(p.folder.Path)-1] {
			return fmt.Errorf("a folder made on %s shows on %s: %w; nothing can be moved", p.target.Identity().Endpoint, source.Identity().Endpoint, ErrSameAccount)
		}
	}
	return nil
}

// remove removes a scratch folder. A connection that ended is made again.
func (p *prober) remove(ctx context.Context, f Folder) error {
	again := func() error {
		return p.write("DELETE", func() error { return p.target.(Remover).RemoveFolder(ctx, f) })
	}
	if p.target != nil {
		if err := again(); err == nil || isRefusal(err) {
			return err
		}
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	return again()
}

// scratchPrefix begins the name of every scratch folder.
const scratchPrefix = "bascule-probe-"

var scratchDigits = base32.StdEncoding.WithPadding(base32.NoPadding)

// scratchName is unguessable, and shows that it was drawn by us: its end is
// the digest of the rest.
func scratchName(random io.Reader) (string, error) {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw a name: %w", err)
	}
	name := scratchPrefix + strings.ToLower(scratchDigits.EncodeToString(b[:]))
	return name + scratchCheck(name), nil
}

func scratchCheck(name string) string {
	sum := sha256.Sum256([]byte(name))
	return strings.ToLower(scratchDigits.EncodeToString(sum[:5]))
}

// isScratchName reports whether a folder was named by scratchName.
func isScratchName(name string) bool {
	const digits = 16
	return strings.HasPrefix(name, scratchPrefix) && len(name) == len(scratchPrefix)+digits+8 &&
		name[len(scratchPrefix)+digits:] == scratchCheck(name[:len(scratchPrefix)+digits])
}

// sweep removes what probes left behind that were killed.
func (p *prober) sweep(ctx context.Context) error {
	l, err := p.target.List(ctx)
	if err != nil {
		return fmt.Errorf("list target: %w", err)
	}
	for _, f := range l.Folders {
		if name := f.Path[len(f.Path)-1]; !isScratchName(name) || !f.Selectable {
			continue
		}
		mine, err := p.isOurs(ctx, f)
		if err != nil {
			return fmt.Errorf("look into %s: %w", showPath(f.Path), err)
		}
		if !mine {
			continue
		}
		if err := p.remove(ctx, f); err != nil {
			// Otherwise each probe would leave one more.
			return lasting("remove the scratch folder "+showPath(f.Path)+" of an earlier probe", err)
		}
	}
	return nil
}

// isOurs reports whether a folder holds nothing but messages of a probe. One
// that is empty was made by a probe that was killed at once.
func (p *prober) isOurs(ctx context.Context, f Folder) (bool, error) {
	if _, err := p.target.Examine(ctx, f); err != nil {
		return false, err
	}
	uids, err := p.target.UIDs(ctx)
	if err != nil || len(uids) == 0 {
		return err == nil, err
	}
	if len(uids) > 100 {
		return false, nil
	}
	marked := 0
	_, err = p.target.Fetch(ctx, uids, func(_ Meta, _ int64, body io.Reader) error {
		head, err := io.ReadAll(io.LimitReader(body, maxField))
		if bytes.Contains(head, []byte(probeHeader+": "+f.Path[len(f.Path)-1])) {
			marked++
		}
		return errors.Join(err, discard(body))
	})
	return marked == len(uids), err
}
