package main

import (
	"fmt"
	"strings"
)

const loadBatch = 100

// load fills a mailbox of a corpus.
func (c corpus) load(addr, user string, mailbox int) error {
	s, err := login(addr, user)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, f := range c.folders[1:] {
		if err := s.run(nil, `CREATE "%s"`, f); err != nil && !strings.Contains(err.Error(), "ALREADYEXISTS") {
			return err
		}
		if err := s.run(nil, `SUBSCRIBE "%s"`, f); err != nil {
			return err
		}
	}
	byFolder := map[string][]message{}
	for n := range c.Messages {
		m := c.at(mailbox, 0, n)
		byFolder[m.Folder] = append(byFolder[m.Folder], m)
	}
	for _, f := range c.folders {
		if err := s.appendAll(f, byFolder[f]); err != nil {
			return fmt.Errorf("load folder %s of %s: %w", f, user, err)
		}
	}
	return nil
}

func (s *client) appendAll(folder string, messages []message) error {
	var buf []byte
	for len(messages) > 0 {
		n := min(loadBatch, len(messages))
		s.tag++
		tag := fmt.Sprintf("x%d", s.tag)
		fmt.Fprintf(s.w, `%s APPEND "%s"`, tag, folder)
		for _, m := range messages[:n] {
			buf = m.body(buf)
			fmt.Fprintf(s.w, " (%s) \"%s\" {%d+}\r\n", strings.TrimSpace(m.Flags), m.Date.Format("02-Jan-2006 15:04:05 -0700"), len(buf))
			if _, err := s.w.Write(buf); err != nil {
				return err
			}
		}
		fmt.Fprint(s.w, "\r\n")
		if err := s.w.Flush(); err != nil {
			return err
		}
		if err := s.await(tag, nil); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

// The change between two runs: about 1 % of S, the same number on the others.
const (
	changeNew      = 100
	changeFlagged  = 50
	changeExpunged = 50
)

// change adds, flags and expunges, spread over all folders.
func (c corpus) change(addr, user string, mailbox, generation int) error {
	s, err := login(addr, user)
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
		if err := s.appendAll(f, byFolder[f]); err != nil {
			return err
		}
		if err := s.run(nil, `SELECT "%s"`, f); err != nil {
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
