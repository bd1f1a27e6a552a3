package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bascule/internal/demo/dnsd"
)

// Report is the proof. Numbers count messages of the new side, unless said.
type Report struct {
	// Messages is how many the new side must hold.
	Messages int
	// Lost are nowhere in their mailbox; Doubled are there more often than
	// they must be; Altered have other octets, flags or dates; Misplaced lie in
	// another folder; Foreign are there and nobody knows them.
	Lost, Doubled, Altered, Misplaced, Foreign int
	// MissingFolders must be there, empty or not.
	MissingFolders int
	// SourceChanged counts what is otherwise on the old side than people and
	// senders left it.
	SourceChanged int
	// Versions is how many versions the zone had, WithoutMX in how many of
	// them the domain had no MX.
	Versions, WithoutMX int
	// Switched is when the MX first named the new side; zero when it never did.
	Switched time.Time
	// MX is what the MX is now.
	MX []string
	// Items says what is wrong, one line each, in a fixed order.
	Items []string
}

// OK reports whether the promise was kept: nothing lost, doubled or altered,
// the source untouched, and no version of the zone without MX.
func (r Report) OK() bool {
	return r.Lost+r.Doubled+r.Altered+r.Misplaced+r.Foreign+r.MissingFolders+r.SourceChanged+r.WithoutMX == 0
}

// String is the last line of the demonstration. What is misplaced, nobody's or
// a missing folder counts as altered there.
func (r Report) String() string {
	moved := "the MX has not moved"
	if !r.Switched.IsZero() {
		moved = "MX moved at " + r.Switched.Format("2006-01-02 15:04 MST")
	}
	never := "never without MX"
	if r.WithoutMX > 0 {
		never = fmt.Sprintf("WITHOUT MX in %d of %d versions of the zone", r.WithoutMX, r.Versions)
	}
	text := fmt.Sprintf("%d messages, %d lost, %d doubled, %d altered; %s; %s",
		r.Messages, r.Lost, r.Doubled, r.Altered+r.Misplaced+r.Foreign+r.MissingFolders, moved, never)
	if r.SourceChanged > 0 {
		text += fmt.Sprintf("; THE OLD SIDE WAS CHANGED in %d places", r.SourceChanged)
	}
	return text
}

// Check reads both sides as they are now and compares them with the book, and
// looks at every version the zone ever had. It may be called at any time: what
// is not there yet counts as lost. An error means that something could not be
// read, never that it is wrong.
func (w *World) Check(ctx context.Context) (Report, error) {
	old, errOld := w.read(ctx, Old)
	new, errNew := w.read(ctx, New)
	if err := errors.Join(errOld, errNew); err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	r := compare(w.book.expected(New), new)
	source := compare(w.book.expected(Old), old)
	r.SourceChanged = len(source.Items)
	for _, item := range source.Items {
		r.Items = append(r.Items, "old side: "+item)
	}
	r.Switched, _ = w.Switched()
	r.zone(w.ZoneVersions())
	return r, nil
}

// read reads every mailbox of a side with a mail program. On the new side one
// that has no account yet is empty.
func (w *World) read(ctx context.Context, s Side) (map[string]Mailbox, error) {
	out := map[string]Mailbox{}
	for _, local := range People() {
		user := address(local)
		if s == New && len(w.service.accounts(user)) == 0 {
			continue
		}
		m, end, err := w.person(ctx, s, user)
		if err != nil {
			return nil, err
		}
		out[user], err = m.snapshot()
		end()
		if err != nil {
			return nil, fmt.Errorf("read %s on the %s side: %w", user, s, err)
		}
	}
	return out, nil
}

// zone counts the versions without MX.
func (r *Report) zone(versions []dnsd.Version) {
	r.Versions = len(versions)
	for _, v := range versions {
		r.MX = mxValues(v)
		if len(r.MX) == 0 {
			r.WithoutMX++
			r.Items = append(r.Items, fmt.Sprintf("zone version %d (%s) has no MX", v.Serial, v.At.Format(time.RFC3339)))
		}
	}
}

// compare compares what a side must hold with what it holds.
func compare(want, have map[string]Mailbox) Report {
	var r Report
	for _, login := range logins(want, have) {
		r.mailbox(login, want[login], have[login])
	}
	return r
}

// comparison is one mailbox on its way through the stages of comparing: each
// takes out what it has explained.
type comparison struct {
	report     *Report
	login      string
	want, have Mailbox
}

// mailbox compares in stages, from equal to different: what is exactly right,
// what has other flags or dates, what lies elsewhere, what has other octets;
// the rest is lost, or too much.
func (r *Report) mailbox(login string, want, have Mailbox) {
	c := &comparison{report: r, login: login, want: Mailbox{}, have: Mailbox{}}
	known := map[string]bool{}
	for folder, list := range want {
		r.Messages += len(list)
		if _, there := have[folder]; !there {
			r.MissingFolders++
			r.say("%s: folder %s is missing", login, folder)
		}
		for _, m := range list {
			known[m.Digest] = true
		}
		c.want[folder] = slices.Clone(list)
	}
	for folder, list := range have {
		c.have[folder] = slices.Clone(list)
	}
	c.pair(func(a, b Message) bool {
		return a.Digest == b.Digest && a.Date.Equal(b.Date) && slices.Equal(a.Flags, b.Flags)
	}, nil)
	c.pair(func(a, b Message) bool { return a.Digest == b.Digest }, func(folder string, a, b Message) {
		r.Altered++
		r.say("%s: %s: %s: flags %v and date %s became %v and %s", login, folder, name(a), a.Flags, stamp(a), b.Flags, stamp(b))
	})
	c.elsewhere()
	c.pair(func(a, b Message) bool {
		return !known[b.Digest] && (a.ID != "" && a.ID == b.ID || a.Date.Equal(b.Date))
	}, func(folder string, a, b Message) {
		r.Altered++
		r.say("%s: %s: %s: other octets", login, folder, name(a))
	})
	c.rest(known)
	slices.Sort(r.Items)
}

// pair takes out of both sides, folder by folder, the messages that match.
func (c *comparison) pair(match func(want, have Message) bool, found func(folder string, want, have Message)) {
	for _, folder := range slices.Sorted(maps.Keys(c.want)) {
		sortMessages(c.want[folder])
		sortMessages(c.have[folder])
		var left []Message
		for _, a := range c.want[folder] {
			i := slices.IndexFunc(c.have[folder], func(b Message) bool { return match(a, b) })
			if i < 0 {
				left = append(left, a)
				continue
			}
			if found != nil {
				found(folder, a, c.have[folder][i])
			}
			c.have[folder] = slices.Delete(c.have[folder], i, i+1)
		}
		c.want[folder] = left
	}
}

// elsewhere finds messages in another folder than theirs.
func (c *comparison) elsewhere() {
	for _, folder := range slices.Sorted(maps.Keys(c.want)) {
		var left []Message
		for _, a := range c.want[folder] {
			other, i := c.anywhere(a.Digest)
			if i < 0 {
				left = append(left, a)
				continue
			}
			c.report.Misplaced++
			c.report.say("%s: %s: %s lies in %s", c.login, folder, name(a), other)
			c.have[other] = slices.Delete(c.have[other], i, i+1)
		}
		c.want[folder] = left
	}
}

func (c *comparison) anywhere(digest string) (string, int) {
	for _, folder := range slices.Sorted(maps.Keys(c.have)) {
		if i := slices.IndexFunc(c.have[folder], func(m Message) bool { return m.Digest == digest }); i >= 0 {
			return folder, i
		}
	}
	return "", -1
}

// rest names what found no partner.
func (c *comparison) rest(known map[string]bool) {
	for folder, list := range c.want {
		for _, m := range list {
			c.report.Lost++
			c.report.say("%s: %s: %s is lost", c.login, folder, name(m))
		}
	}
	for folder, list := range c.have {
		for _, m := range list {
			if known[m.Digest] {
				c.report.Doubled++
				c.report.say("%s: %s: %s is there once too often", c.login, folder, name(m))
				continue
			}
			c.report.Foreign++
			c.report.say("%s: %s: %s is nobody's", c.login, folder, name(m))
		}
	}
}

func (r *Report) say(format string, args ...any) {
	r.Items = append(r.Items, fmt.Sprintf(format, args...))
}

func name(m Message) string {
	if m.ID != "" {
		return strings.ToValidUTF8(m.ID, "?")
	}
	return fmt.Sprintf("message %.12s", m.Digest)
}

func stamp(m Message) string { return m.Date.Format(time.RFC3339) }
