package mailsync

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrGoneFromSource: the source has no message under its old name, or does not deliver it.
var ErrGoneFromSource = errors.New("the source no longer gives it")

// ExportOptions is all an export needs. It reads the source and writes nothing
// on any server, nor in the ledger.
type ExportOptions struct {
	OpenSource func(ctx context.Context) (Source, error)
	Ledger     Ledger
	// Wanted says which refused messages to fetch; nil = all.
	Wanted func(RefusedMessage) bool
	// Message is given the octets of one message as they stream; an error
	// ends the export. Absent is told of one that the source does not give.
	Message func(m RefusedMessage, octets int64, body io.Reader) error
	Absent  func(m RefusedMessage, why error)
}

// ExportRefused hands over what the target refused, from the source. It does
// not connect when there is nothing to fetch.
func ExportRefused(ctx context.Context, o ExportOptions) error {
	byFolder := map[string][]RefusedMessage{}
	err := RefusedIn(ctx, o.Ledger, func(m RefusedMessage) error {
		if o.Wanted == nil || o.Wanted(m) {
			byFolder[folderKey(m.Folder)] = append(byFolder[folderKey(m.Folder)], m)
		}
		return nil
	})
	if err != nil || len(byFolder) == 0 {
		return err
	}
	source, err := o.OpenSource(ctx)
	if err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	return errors.Join(o.from(ctx, source, byFolder), source.Close())
}

func (o ExportOptions) from(ctx context.Context, source Source, byFolder map[string][]RefusedMessage) error {
	listing, err := source.List(ctx)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	listed := map[string]Folder{}
	for _, f := range listing.Folders {
		if f.Selectable {
			listed[folderKey(f.Path)] = f
		}
	}
	for _, k := range sortedKeys(byFolder) {
		f, ok := listed[k]
		if !ok {
			o.absent(byFolder[k])
			continue
		}
		if err := o.folder(ctx, source, f, byFolder[k]); err != nil {
			return fmt.Errorf("export from %s: %w", showPath(f.Path), err)
		}
	}
	return nil
}

func (o ExportOptions) folder(ctx context.Context, source Source, f Folder, list []RefusedMessage) error {
	st, err := source.Examine(ctx, f)
	if err != nil {
		return err
	}
	byUID := map[UID]RefusedMessage{}
	var uids []UID
	for _, m := range list {
		if m.Validity != st.UIDValidity {
			o.absent([]RefusedMessage{m})
			continue
		}
		byUID[m.UID], uids = m, append(uids, m.UID)
	}
	if len(uids) == 0 {
		return nil
	}
	_, err = source.Fetch(ctx, uids, func(m Meta, octets int64, body io.Reader) error {
		want, asked := byUID[m.UID]
		if !asked || octets == 0 && m.Size > 0 {
			return discard(body)
		}
		delete(byUID, m.UID)
		return o.Message(want, octets, body)
	})
	for _, u := range sortedUIDs(keysOf(byUID)) {
		if err == nil {
			o.absent([]RefusedMessage{byUID[u]})
		}
	}
	return err
}

func (o ExportOptions) absent(list []RefusedMessage) {
	for _, m := range list {
		o.Absent(m, ErrGoneFromSource)
	}
}
