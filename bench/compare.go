package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
)

// holdings are the digests of a mailbox, by folder, with their multiplicity.
type holdings map[string]map[[sha256.Size]byte]int

func holdingsOf(e endpoint) (holdings, error) {
	s, err := e.login()
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

// verdictOn reads both sides, side by side, and says what the copy is worth.
func verdictOn(source, target endpoint) string {
	var held [2]holdings
	var errs [2]error
	var wg sync.WaitGroup
	for i, e := range []endpoint{source, target} {
		wg.Go(func() { held[i], errs[i] = holdingsOf(e) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err.Error()
	}
	return compare(held[0], held[1])
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
