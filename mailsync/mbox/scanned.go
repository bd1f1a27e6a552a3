package mbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// scanned is what was found in a file as it then was.
type scanned struct {
	info  fs.FileInfo
	keys  []string // in the order of the file
	items map[string]item
	sizes map[string]int64
	times map[string]int // by digest
	// whole is where the last whole message ends: a target is cut there.
	whole int64
}

func newScanned() *scanned {
	return &scanned{items: map[string]item{}, sizes: map[string]int64{}, times: map[string]int{}}
}

// is reports whether a file is as it was.
func (s *scanned) is(info fs.FileInfo) bool {
	return os.SameFile(info, s.info) && info.Size() == s.info.Size() && info.ModTime().Equal(s.info.ModTime())
}

// grow reads what follows the last whole message, and names every message by
// its octets and how often they came before.
func (s *scanned) grow(ctx context.Context, all file, info fs.FileInfo) error {
	from := s.whole
	if from > 0 {
		from++ // the blank line
	}
	items, err := all.scan(from)
	if err != nil {
		return err
	}
	for i, it := range items {
		if err := live(ctx); err != nil {
			return err
		}
		sum, n, err := all.digest(it)
		if err != nil {
			return err
		}
		if it.note != nil && n < it.note.octets {
			if i == len(items)-1 {
				break // its end was never written
			}
			it.note = nil // another program changed it
			if sum, n, err = all.digest(it); err != nil {
				return err
			}
		}
		s.add(sum, n, it)
	}
	s.info = info
	return nil
}

func (f file) digest(it item) (sum string, octets int64, err error) {
	h := sha256.New()
	octets, err = io.Copy(h, f.read(it))
	return hex.EncodeToString(h.Sum(nil)), octets, err
}

func (s *scanned) add(sum string, octets int64, it item) {
	key := fmt.Sprintf("%s#%d", sum, s.times[sum])
	s.times[sum]++
	s.items[key], s.sizes[key], s.whole = it, octets, it.end
	s.keys = append(s.keys, key)
}
