package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// arena is two servers, and what was loaded into the first.
type arena struct {
	variant
	papers
	dir            string
	source, target *dovecot
	// loaded counts the messages of a source mailbox, changes its generations.
	loaded, changes map[string]int
}

func newArena(ctx context.Context, dir string, v variant) (*arena, error) {
	a := &arena{variant: v, dir: dir, loaded: map[string]int{}, changes: map[string]int{}}
	var err error
	if v.TLS {
		if a.papers, err = certify(dir); err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
	}
	if a.source, err = startDovecot(ctx, filepath.Join(dir, "source"), v, a.papers); err != nil {
		return nil, err
	}
	if a.target, err = startDovecot(ctx, filepath.Join(dir, "target"), v, a.papers); err != nil {
		a.source.stop()
	}
	return a, err
}

func (a *arena) close() {
	a.source.stop()
	a.target.stop()
}

// load fills the mailboxes of a corpus with what they lack.
func (a *arena) load(k corpus) error {
	for n := range k.Mailboxes {
		user := k.user(n)
		if err := k.load(a.source.mailbox(user), n, a.loaded[user]); err != nil {
			return err
		}
		a.loaded[user] = k.Messages
	}
	return nil
}

// change makes the next generation of the first mailbox.
func (a *arena) change(k corpus) error {
	user := k.user(0)
	a.changes[user]++
	if err := k.change(a.source.mailbox(user), 0, a.changes[user]); err != nil {
		return fmt.Errorf("change the source: %w", err)
	}
	return nil
}

// verdict compares what a job should have made equal.
func (a *arena) verdict(j job) string {
	return verdictOn(a.source.mailbox(j.fromUser), a.target.mailbox(j.toUser))
}

// forget removes what the target stored and the program kept: a campaign
// would fill a small disk.
func (a *arena) forget(jobs []job) error {
	var err error
	for _, j := range jobs {
		err = errors.Join(err, os.RemoveAll(filepath.Join(a.dir, "target", "mail", j.toUser)), os.RemoveAll(j.dir))
	}
	return err
}

// way is how programs reach both servers.
type way struct {
	rtt      time.Duration
	from, to string
	links    []*link
}

func (a *arena) way(rtt time.Duration) (*way, error) {
	w := &way{rtt: rtt}
	for _, end := range []struct {
		addr *string
		d    *dovecot
	}{{&w.from, a.source}, {&w.to, a.target}} {
		addr := end.d.address(a.variant)
		if rtt > 0 {
			l, err := newLink(addr, rtt)
			if err != nil {
				w.Close()
				return nil, err
			}
			w.links = append(w.links, l)
			addr = l.addr()
		}
		if a.TLS { // some programs look for a name in the certificate, and no address
			_, port := hostPort(addr)
			addr = "localhost:" + port
		}
		*end.addr = addr
	}
	return w, nil
}

func (w *way) Close() {
	for _, l := range w.links {
		l.Close()
	}
}
