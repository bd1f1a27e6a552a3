package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// AddFlags implements mailsync.Target.
func (t *Target) AddFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return t.store(ctx, imap.StoreFlagsAdd, "add flags to messages", uids, flags)
}

// RemoveFlags implements mailsync.Target.
func (t *Target) RemoveFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return t.store(ctx, imap.StoreFlagsDel, "remove flags from messages", uids, flags)
}

func (t *Target) store(ctx context.Context, op imap.StoreFlagsOp, what string, uids []mailsync.UID, flags []string) error {
	if len(uids) == 0 || len(flags) == 0 {
		return nil
	}
	for _, f := range flags {
		if !wire.ValidFlag(f) {
			return fmt.Errorf("%s: %w: %.60q", what, ErrFlag, f)
		}
	}
	return t.writing(ctx, what, func() error { return t.storeSets(op, uids, flags) })
}

// writing runs f for a folder that Select opened.
func (t *Target) writing(ctx context.Context, what string, f func() error) error {
	if !t.s.open.writable {
		return fmt.Errorf("%s: %s: no folder is open for writing", t.s.cfg.who(), what)
	}
	return t.s.within(ctx, what, f)
}

func (t *Target) storeSets(op imap.StoreFlagsOp, uids []mailsync.UID, flags []string) error {
	change := &imap.StoreFlags{Op: op, Silent: true}
	for _, f := range flags {
		change.Flags = append(change.Flags, imap.Flag(f))
	}
	for _, set := range wire.Sets(ascending(uids)) {
		err := t.library("UID STORE", func() error {
			return t.s.lib.Store(uidSet(set.Nums), change, nil).Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// library runs a command of the library.
func (t *Target) library(name string, f func() error) error {
	return t.s.refused(name, t.s.lend(f))
}

func ascending(uids []mailsync.UID) []uint32 {
	nums := make([]uint32, 0, len(uids))
	for _, u := range uids {
		if u != 0 {
			nums = append(nums, uint32(u))
		}
	}
	slices.Sort(nums)
	return slices.Compact(nums)
}

func uidSet(nums []uint32) imap.UIDSet {
	var set imap.UIDSet
	for i := 0; i < len(nums); {
		j := i
		for j+1 < len(nums) && nums[j+1]-nums[j] == 1 {
			j++
		}
		set = append(set, imap.UIDRange{Start: imap.UID(nums[i]), Stop: imap.UID(nums[j])})
		i = j + 1
	}
	return set
}

// Expunge implements mailsync.Target. Without UIDPLUS nothing is done: a plain
// EXPUNGE would also remove what a person marked (RFC 4315 §2.1).
func (t *Target) Expunge(ctx context.Context, uids []mailsync.UID) error {
	if !t.s.has("UIDPLUS") {
		return fmt.Errorf("%s: expunge: %w", t.s.cfg.who(), mailsync.ErrNoUIDPlus)
	}
	if len(uids) == 0 {
		return nil
	}
	return t.writing(ctx, "expunge messages", func() error { return t.expunge(uids) })
}

// expunge marks and removes in one flight. Where the mark is refused, UID
// EXPUNGE removes no more than was asked to go.
func (t *Target) expunge(uids []mailsync.UID) error {
	c := t.s.conn
	for _, set := range wire.Sets(ascending(uids)) {
		mark := c.Begin("UID STORE", t.s.lit).Text(" " + set.Text + ` +FLAGS.SILENT (\Deleted)`)
		if err := mark.End(); err != nil {
			return err
		}
		remove := c.Begin("UID EXPUNGE", t.s.lit).Text(" " + set.Text)
		if err := remove.End(); err != nil {
			return err
		}
		marked, err := c.Await(mark.Tag, changed)
		if err != nil {
			return err
		}
		removed, err := c.Await(remove.Tag, changed)
		if err != nil {
			return err
		}
		if err := errors.Join(replied("UID STORE", marked), replied("UID EXPUNGE", removed)); err != nil {
			return err
		}
	}
	return nil
}

// Move implements mailsync.Target: MOVE, or COPY and UID EXPUNGE.
func (t *Target) Move(ctx context.Context, uids []mailsync.UID, to mailsync.Folder) ([]mailsync.UID, error) {
	if !t.s.has("MOVE") && !t.s.has("UIDPLUS") {
		return nil, fmt.Errorf("%s: move: %w", t.s.cfg.who(), mailsync.ErrNoUIDPlus)
	}
	mv := &moving{t: t, to: to, there: map[uint32]uint32{}}
	err := t.writing(ctx, "move messages to "+quote(to), func() error { return mv.run(ascending(uids)) })
	return mv.uids(uids), err
}

// CopyWithin implements mailsync.Copier.
func (t *Target) CopyWithin(ctx context.Context, uids []mailsync.UID, to mailsync.Folder) (mailsync.CopiedWithin, error) {
	mv := &moving{t: t, to: to, there: map[uint32]uint32{}}
	err := t.writing(ctx, "copy messages to "+quote(to), func() error {
		t.s.conn.Patience(t.s.lim.Commit)
		defer t.s.conn.Patience(0)
		return mv.send("UID COPY", ascending(uids))
	})
	out := mailsync.CopiedWithin{UIDValidity: mv.validity}
	for from, there := range mv.there {
		if out.UIDs == nil {
			out.UIDs = make(map[mailsync.UID]mailsync.UID, len(mv.there))
		}
		out.UIDs[mailsync.UID(from)] = mailsync.UID(there)
	}
	return out, err
}

// moving collects where messages went.
type moving struct {
	t     *Target
	to    mailsync.Folder
	there map[uint32]uint32
	// validity is the UIDVALIDITY of the folder they went to, as far as it was told.
	validity uint32
}

func (mv *moving) run(nums []uint32) error {
	verb := "UID MOVE"
	if !mv.t.s.has("MOVE") {
		verb = "UID COPY"
	}
	if err := mv.send(verb, nums); err != nil || verb == "UID MOVE" {
		return err
	}
	uids := make([]mailsync.UID, len(nums))
	for i, n := range nums {
		uids[i] = mailsync.UID(n)
	}
	return mv.t.expunge(uids)
}

func (mv *moving) send(verb string, nums []uint32) error {
	for _, set := range wire.Sets(nums) {
		m := mv.t.s.conn.Begin(verb, mv.t.s.lit).Text(" " + set.Text).Name(mv.to.Raw)
		r, err := mv.t.s.ask(m, mv.data)
		if err != nil {
			return err
		}
		if err := replied(verb, r); err != nil {
			return err
		}
		mv.copied(&r)
	}
	return nil
}

// data sees COPYUID where RFC 6851 §4.3 puts it: in an untagged OK.
func (mv *moving) data(r *wire.Response) (bool, error) {
	if r.Type == "OK" {
		mv.copied(r)
	}
	return r.Type == "OK" || r.Type == "EXPUNGE" || r.Type == "VANISHED", nil
}

// copied reads "[COPYUID validity from to]" (RFC 4315 §3).
func (mv *moving) copied(r *wire.Response) {
	f := strings.Fields(r.Args)
	if r.Code != "COPYUID" || len(f) != 3 {
		return
	}
	from, ok1 := wire.ParseSet(f[1], 1<<20)
	to, ok2 := wire.ParseSet(f[2], 1<<20)
	validity, err := strconv.ParseUint(f[0], 10, 32)
	if !ok1 || !ok2 || len(from) != len(to) || err != nil {
		return
	}
	mv.validity = uint32(validity)
	for i, n := range from {
		mv.there[n] = to[i]
	}
}

// uids returns the new UIDs in the order asked for, nil if one is not known.
func (mv *moving) uids(asked []mailsync.UID) []mailsync.UID {
	var out []mailsync.UID
	for _, u := range asked {
		n, ok := mv.there[uint32(u)]
		if !ok {
			return nil
		}
		out = append(out, mailsync.UID(n))
	}
	return out
}
