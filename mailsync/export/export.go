package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bascule/internal/atomicfile"
	"bascule/mailsync"
	"bascule/mailsync/folders"
)

// Options is all an export needs.
type Options struct {
	// Dir is made when it is not there; others must not be able to read it.
	Dir        string
	OpenSource func(ctx context.Context) (mailsync.Source, error)
	Ledger     mailsync.Ledger
	// Mailbox and Now are for the index.
	Mailbox string
	Now     time.Time
}

// Index is what index.json holds.
type Index struct {
	FormatVersion string    `json:"format_version"`
	Mailbox       string    `json:"mailbox"`
	Written       time.Time `json:"written"`
	Messages      []Entry   `json:"messages"`
}

// Entry is one refused message.
type Entry struct {
	// Name is what an accept block calls it.
	Name        string    `json:"name"`
	Folder      string    `json:"folder"`
	UIDValidity uint32    `json:"uidvalidity"`
	UID         uint32    `json:"uid"`
	Date        time.Time `json:"date"`
	// Size and SHA256 are the file's; the ledger's where there is no file.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	// Reply has the target's words when it refused.
	Reply string `json:"reply"`
	// File is its name in the directory; "" when it could not be had.
	File string `json:"file,omitempty"`
	// Problem says why there is no file, or what is not as it was.
	Problem string `json:"problem,omitempty"`
}

// Problems counts the entries that are not as they should be.
func (x Index) Problems() (n int) {
	for _, e := range x.Messages {
		if e.Problem != "" {
			n++
		}
	}
	return n
}

// writer is one export under way.
type writer struct {
	root    *os.Root
	entries map[string]*Entry
}

// Refused exports every refused message a ledger knows. The index is written
// last; it lists what is refused now, with or without a file.
func Refused(ctx context.Context, o Options) (Index, error) {
	index := Index{FormatVersion: "1.0", Mailbox: o.Mailbox, Written: o.Now.UTC(), Messages: []Entry{}}
	root, err := private(o.Dir)
	if err != nil {
		return index, fmt.Errorf("export to %s: %w", o.Dir, err)
	}
	defer root.Close()
	w := &writer{root: root, entries: map[string]*Entry{}}
	var order []*Entry
	err = mailsync.RefusedIn(ctx, o.Ledger, func(m mailsync.RefusedMessage) error {
		e := entryOf(m)
		w.keep(e)
		w.entries[e.Name], order = e, append(order, e)
		return nil
	})
	if err == nil {
		err = mailsync.ExportRefused(ctx, mailsync.ExportOptions{
			OpenSource: o.OpenSource, Ledger: o.Ledger, Message: w.message,
			Wanted: func(m mailsync.RefusedMessage) bool { return w.entries[m.Name()].File == "" },
			Absent: func(m mailsync.RefusedMessage, why error) { w.entries[m.Name()].Problem = why.Error() },
		})
	}
	for _, e := range order {
		index.Messages = append(index.Messages, *e)
	}
	if err != nil {
		return index, fmt.Errorf("export to %s: %w", o.Dir, err)
	}
	return index, w.finish(o.Dir, index)
}

// List is what Refused would export, without reading any message.
func List(ctx context.Context, l mailsync.Ledger) (list []Entry, err error) {
	err = mailsync.RefusedIn(ctx, l, func(m mailsync.RefusedMessage) error {
		list = append(list, *entryOf(m))
		return nil
	})
	return list, err
}

// ErrReadable: others could read what is exported.
var ErrReadable = errors.New("others may read or change it")

// private opens a directory that is nobody else's.
func private(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%w (mode %04o)", ErrReadable, info.Mode().Perm())
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

func entryOf(m mailsync.RefusedMessage) *Entry {
	e := &Entry{Name: m.Name(), Folder: folders.Show(m.Folder), UIDValidity: m.Validity, UID: uint32(m.UID), Date: m.Date.UTC(), Size: m.Size, Reply: m.Reason}
	if !m.Digest.IsZero() {
		e.SHA256 = m.Digest.String()
	}
	return e
}

// fileName: two folders may share their UIDVALIDITY, so a digest of the
// folder's name tells them apart.
func (e *Entry) fileName() string {
	folder := sha256.Sum256([]byte(e.Folder))
	return fmt.Sprintf("%x-%d-%d.eml", folder[:4], e.UIDValidity, e.UID)
}

// keep finds a file of an earlier export. It counts only if its octets are
// those that were refused.
func (w *writer) keep(e *Entry) {
	if e.SHA256 == "" {
		return
	}
	f, err := w.root.Open(e.fileName())
	if err != nil {
		return
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err == nil && hex.EncodeToString(h.Sum(nil)) == e.SHA256 {
		e.File, e.Size = e.fileName(), n
	}
}

// message writes one message aside and gives it its name once it is whole.
func (w *writer) message(m mailsync.RefusedMessage, octets int64, body io.Reader) error {
	e := w.entries[m.Name()]
	name := e.fileName()
	part := name + ".part"
	if err := w.root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := w.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), body)
	if err == nil && n != octets {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = w.root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, w.root.Remove(part))
	}
	digest := hex.EncodeToString(h.Sum(nil))
	if e.SHA256 != "" && e.SHA256 != digest {
		e.Problem = "the source gives other octets than when it was refused (sha256 " + e.SHA256 + " then)"
	}
	e.File, e.Size, e.SHA256 = name, n, digest
	return nil
}

// finish makes the files durable, then writes both forms of the index.
func (w *writer) finish(dir string, x Index) error {
	doc, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "index.json"), append(doc, '\n'), 0o600); err != nil {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "index.txt"), []byte(x.Text()), 0o600); err != nil {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	return atomicfile.SyncDir(dir)
}
