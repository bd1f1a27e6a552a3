package uidlist

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// File is where a list lies: a name inside a directory that is never left, a
// symbolic link that leads out of it included. It belongs to one goroutine at a
// time; processes keep each other out by the lock.
type File struct {
	Root *os.Root
	Name string
	// Random draws the UIDVALIDITY of a new list.
	Random io.Reader

	cached *List
	stamp  fs.FileInfo
}

// lockEvery is how often a taken lock is asked for again.
const lockEvery = 10 * time.Millisecond

// Update lets fn change the list under the lock of the file, and makes the
// change durable. The list is returned as it then is; it is the caller's to
// read until the next Update.
func (f *File) Update(ctx context.Context, fn func(*List) error) (*List, error) {
	unlock, err := f.lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.Name, err)
	}
	defer unlock()
	l, err := f.load()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	f.cached = nil
	if err := fn(l); err != nil {
		return nil, err
	}
	if l.Next == 0 {
		return nil, fmt.Errorf("write %s: the UIDs of the folder are used up", f.Name)
	}
	if err := f.save(l); err != nil {
		return nil, fmt.Errorf("write %s: %w", f.Name, err)
	}
	return l, nil
}

// load reads the list unless it is as it was last seen; one that is missing
// or damaged is begun anew.
func (f *File) load() (*List, error) {
	info, err := f.Root.Stat(f.Name)
	if err == nil && f.cached != nil && os.SameFile(info, f.stamp) && info.Size() == f.stamp.Size() && info.ModTime().Equal(f.stamp.ModTime()) {
		return f.cached, nil
	}
	b, err := f.Root.ReadFile(f.Name)
	if err == nil {
		if l, err := parse(b); err == nil {
			return l, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var validity [4]byte
	if _, err := io.ReadFull(f.Random, validity[:]); err != nil {
		return nil, fmt.Errorf("draw UIDVALIDITY: %w", err)
	}
	return &List{Validity: binary.BigEndian.Uint32(validity[:])&0x7fffffff | 1, Next: 1, rewrite: true}, nil
}

// save appends what is new, or replaces the file where more has changed.
func (f *File) save(l *List) (err error) {
	switch {
	case l.rewrite:
		err = f.replace(l.format())
	case l.saved < len(l.Entries):
		err = f.extend(lines(l.Entries[l.saved:]))
	}
	if err != nil {
		return err
	}
	l.saved, l.rewrite = len(l.Entries), false
	if f.stamp, err = f.Root.Stat(f.Name); err == nil {
		f.cached = l
	}
	return err
}

func (f *File) extend(b []byte) error {
	w, err := f.Root.OpenFile(f.Name, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return errors.Join(err, w.Sync(), w.Close())
}

// replace writes the file anew: temp, fsync, rename, fsync of the directory. The
// name of the temporary file is fixed: whoever writes holds the lock.
func (f *File) replace(b []byte) error {
	temp := f.Name + ".tmp"
	if err := f.Root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := f.Root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := f.Root.Rename(temp, f.Name); err != nil {
		return err
	}
	return SyncDir(f.Root, path.Dir(f.Name))
}

// SyncDir makes the entries of a directory durable.
func SyncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lock waits for the lock of the file until the context ends. The operating
// system gives it up with the process.
func (f *File) lock(ctx context.Context) (unlock func(), err error) {
	w, err := f.Root.OpenFile(f.Name+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		taken, err := tryLock(w)
		if err == nil && taken {
			return func() { _ = w.Close() }, nil
		}
		if err == nil {
			err = wait(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
}

func wait(ctx context.Context) error {
	t := time.NewTimer(lockEvery)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
