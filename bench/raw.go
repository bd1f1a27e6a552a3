package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
)

// rawCopy is the ceiling: it streams FETCH into MULTIAPPEND on a number of
// connection pairs and knows nothing. No state, no checks, no second run.
func rawCopy(from, to endpoint, conns int) error {
	s, err := from.login()
	if err != nil {
		return err
	}
	defer s.Close()
	t, err := to.login()
	if err != nil {
		return err
	}
	defer t.Close()
	folders, err := s.folders()
	if err != nil {
		return err
	}
	if err := t.createAll(folders); err != nil {
		return err
	}
	parts := make([][]string, min(conns, len(folders)))
	for i, f := range folders {
		parts[i%len(parts)] = append(parts[i%len(parts)], f)
	}
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() {
			if i == 0 {
				errs[i] = rawFolders(s, t, parts[i])
				return
			}
			errs[i] = rawPair(from, to, parts[i])
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func rawPair(from, to endpoint, folders []string) error {
	var s, t *client
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() { s, errs[0] = from.login() })
	wg.Go(func() { t, errs[1] = to.login() })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	defer s.Close()
	defer t.Close()
	return rawFolders(s, t, folders)
}

func (c *client) createAll(folders []string) error {
	var tags []string
	for _, f := range folders {
		if f != "INBOX" {
			tags = append(tags, c.send(`CREATE "%s"`, f), c.send(`SUBSCRIBE "%s"`, f))
		}
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	for _, tag := range tags {
		// A parent that a child made already is refused: that is well.
		_ = c.await(tag, nil)
	}
	return nil
}

// rawFolders asks for everything at once and writes it as it comes.
func rawFolders(s, t *client, folders []string) error {
	var opened, fetches []string
	for _, f := range folders {
		opened = append(opened, s.send(`EXAMINE "%s"`, f))
		fetches = append(fetches, s.send("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])"))
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	replies := make(chan string, 1<<16)
	answered := make(chan error, 1)
	go func() {
		var err error
		for tag := range replies {
			err = errors.Join(err, t.await(tag, nil))
		}
		answered <- err
	}()
	for i, f := range folders {
		if err := s.await(opened[i], nil); err != nil {
			return err
		}
		if err := rawFolder(s, t, fetches[i], f, replies); err != nil {
			return fmt.Errorf("copy folder %s: %w", f, err)
		}
	}
	if err := t.w.Flush(); err != nil {
		return err
	}
	close(replies)
	return <-answered
}

func rawFolder(s, t *client, fetch, folder string, replies chan<- string) error {
	replies <- t.send(`SELECT "%s"`, folder) // an open folder takes batches faster
	n := 0
	var tag string
	end := func() {
		if n > 0 {
			fmt.Fprint(t.w, "\r\n")
			replies <- tag
			n = 0
		}
	}
	err := s.each(fetch, func(f fetched, body io.Reader) error {
		if n == 0 {
			t.tag++
			tag = fmt.Sprintf("x%d", t.tag)
			fmt.Fprintf(t.w, `%s APPEND "%s"`, tag, folder)
		}
		fmt.Fprintf(t.w, " (%s) \"%s\" {%d+}\r\n", f.flags, f.date, f.size)
		if err := pour(t.w, body, f.size); err != nil {
			return err
		}
		if n++; n == loadBatch {
			end()
		}
		return nil
	})
	end()
	return err
}

func pour(w *bufio.Writer, body io.Reader, size int64) error {
	n, err := io.Copy(w, body)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}
