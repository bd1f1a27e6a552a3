package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

const (
	loadBatch = 100
	// loadAhead is how many batches are sent before the first is answered.
	loadAhead = 8
)

// load fills a mailbox of a corpus; the messages before the first are there already.
func (c corpus) load(e endpoint, mailbox, first int) error {
	s, err := e.login()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.createAll(c.folders); err != nil {
		return err
	}
	for i, f := range c.folders {
		if err := s.appendAll(f, c.of(mailbox, i, first)); err != nil {
			return fmt.Errorf("load folder %s of %s: %w", f, e.user, err)
		}
	}
	return nil
}

// of are the messages of the i-th folder, made as they are asked for.
func (c corpus) of(mailbox, i, first int) iter.Seq[message] {
	return func(yield func(message) bool) {
		for n := first; n < c.Messages; n++ {
			if n%len(c.folders) == i && !yield(c.at(mailbox, 0, n)) {
				return
			}
		}
	}
}

// appendAll sends batches behind one another, to a folder that is open: else
// the server opens it for each of them, and a large one is loaded ever slower.
func (s *client) appendAll(folder string, messages iter.Seq[message]) error {
	if err := s.run(nil, `SELECT "%s"`, folder); err != nil {
		return err
	}
	var tags []string
	var buf []byte
	n := 0
	for m := range messages {
		if n%loadBatch == 0 {
			if err := s.endBatch(n); err != nil {
				return err
			}
			if len(tags) == loadAhead {
				if err := s.await(tags[0], nil); err != nil {
					return err
				}
				tags = tags[1:]
			}
			s.tag++
			tags = append(tags, fmt.Sprintf("x%d", s.tag))
			fmt.Fprintf(s.w, `x%d APPEND "%s"`, s.tag, folder)
		}
		n++
		buf = m.body(buf)
		fmt.Fprintf(s.w, " (%s) \"%s\" {%d+}\r\n", strings.TrimSpace(m.Flags), m.Date.Format("02-Jan-2006 15:04:05 -0700"), len(buf))
		if _, err := s.w.Write(buf); err != nil {
			return err
		}
	}
	if err := s.endBatch(n); err != nil {
		return err
	}
	for _, tag := range tags {
		if err := s.await(tag, nil); err != nil {
			return err
		}
	}
	return nil
}

// endBatch ends the command of the messages so far, if there is one.
func (s *client) endBatch(n int) error {
	if n > 0 {
		fmt.Fprint(s.w, "\r\n")
	}
	return s.w.Flush()
}

// The change between two runs: about 1 % of S, the same number on the others.
const (
	changeNew      = 100
	changeFlagged  = 50
	changeExpunged = 50
)

// change adds, flags and expunges, spread over all folders.
func (c corpus) change(e endpoint, mailbox, generation int) error {
	s, err := e.login()
	if err != nil {
		return err
	}
	defer s.Close()
	byFolder := map[string][]message{}
	for n := range changeNew {
		m := c.at(mailbox, generation, n)
		m.Size = min(m.Size, 1<<20)
		byFolder[m.Folder] = append(byFolder[m.Folder], m)
	}
	for i, f := range c.folders {
		if err := s.appendAll(f, slices.Values(byFolder[f])); err != nil {
			return err
		}
		if n := share(changeFlagged, i, len(c.folders)); n > 0 {
			if err := s.run(nil, `STORE %d:%d FLAGS.SILENT (\Flagged \Seen)`, n+1, 2*n); err != nil {
				return err
			}
		}
		if n := share(changeExpunged, i, len(c.folders)); n > 0 {
			if err := s.run(nil, `STORE 1:%d +FLAGS.SILENT (\Deleted)`, n); err != nil {
				return err
			}
			if err := s.run(nil, "EXPUNGE"); err != nil {
				return err
			}
		}
	}
	return nil
}

// share is what the i-th of n folders gets of a total.
func share(total, i, n int) int { return (i+1)*total/n - i*total/n }
