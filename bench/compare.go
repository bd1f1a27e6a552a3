package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sort"
	"strings"
)

// holdings are the digests of a mailbox, by folder, with their multiplicity.
type holdings map[string]map[[sha256.Size]byte]int

func holdingsOf(addr, user string) (holdings, error) {
	s, err := login(addr, user)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	folders, err := s.folders()
	if err != nil {
		return nil, err
	}
	sort.Strings(folders)
	out := holdings{}
	for _, f := range folders {
		if err := s.run(nil, `EXAMINE "%s"`, f); err != nil {
			return nil, err
		}
		tag := s.send("UID FETCH 1:* (UID BODY.PEEK[])")
		if err := s.w.Flush(); err != nil {
			return nil, err
		}
		in := map[[sha256.Size]byte]int{}
		err := s.each(tag, func(_ fetched, body io.Reader) error {
			h := sha256.New()
			_, err := io.Copy(h, body)
			in[[sha256.Size]byte(h.Sum(nil))]++
			return err
		})
		if err != nil && !strings.Contains(err.Error(), "No matching messages") {
			return nil, err
		}
		if len(in) > 0 {
			out[f] = in
		}
	}
	return out, nil
}

// compare says in a word what a copy is worth.
func compare(source, target holdings) string {
	missing, extra := difference(source, target), difference(target, source)
	if missing+extra == 0 {
		return "exact"
	}
	return fmt.Sprintf("%d missing, %d other", missing, extra)
}

func difference(a, b holdings) int {
	n := 0
	for folder, in := range a {
		for digest, count := range in {
			n += max(count-b[folder][digest], 0)
		}
	}
	return n
}
