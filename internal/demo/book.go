package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mailbox holds the messages of each folder; names are decoded, with "/"
// between their components.
type Mailbox map[string][]Message

// Side is one of the two services.
type Side string

// The sides.
const (
	Old Side = "old"
	New Side = "new"
)

// book is what each side must hold. The new side follows the old one until the
// switch; from then on each goes its own way, and what late senders and late
// programs do on the old side arrives on the new one too.
type book struct {
	mu       sync.Mutex
	sides    map[Side]map[string]Mailbox // by login
	switched time.Time
}

func newBook() *book {
	return &book{sides: map[Side]map[string]Mailbox{Old: {}, New: {}}}
}

// expected returns what a side must hold. Before the switch the new side must
// hold what the old one does.
func (b *book) expected(s Side) map[string]Mailbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s == New && b.switched.IsZero() {
		s = Old
	}
	return cloneSide(b.sides[s])
}

func cloneSide(side map[string]Mailbox) map[string]Mailbox {
	out := map[string]Mailbox{}
	for login, box := range side {
		out[login] = Mailbox{}
		for folder, list := range box {
			out[login][folder] = slices.Clone(list)
		}
	}
	return out
}

// turn is the switch: from now on the new side has a life of its own.
func (b *book) turn(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.switched.IsZero() {
		b.switched = at
		b.sides[New] = cloneSide(b.sides[Old])
	}
}

// turned returns when the switch was, if it was.
func (b *book) turned() (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.switched, !b.switched.IsZero()
}

func (b *book) folder(s Side, login, folder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sides[s][login] == nil {
		b.sides[s][login] = Mailbox{}
	}
	if b.sides[s][login][folder] == nil {
		b.sides[s][login][folder] = []Message{}
	}
}

// arrive notes a message that came to a side. What comes to the old side after
// the switch must reach the new one.
func (b *book) arrive(s Side, login, folder string, m Message) {
	b.folder(s, login, folder)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sides[s][login][folder] = append(b.sides[s][login][folder], m)
	if s == Old && !b.switched.IsZero() {
		b.sides[New][login][folder] = append(b.sides[New][login][folder], m)
	}
}

// find returns where a message stands in a folder of a side.
func (b *book) find(s Side, login, folder, digest string) (int, error) {
	i := slices.IndexFunc(b.sides[s][login][folder], func(m Message) bool { return m.Digest == digest })
	if i < 0 {
		return 0, fmt.Errorf("the book knows no message %.12s in %s of %s (%s side)", digest, folder, login, s)
	}
	return i, nil
}

// flag notes flags a person added. Of those added on the old side after the
// switch, only read, answered and forwarded come over.
func (b *book) flag(s Side, login, folder, digest string, flags ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(s, login, folder, digest)
	if err != nil {
		return err
	}
	m := &b.sides[s][login][folder][i]
	m.Flags = tidyFlags(append(slices.Clone(m.Flags), flags...))
	if s == Old && !b.switched.IsZero() {
		if j, err := b.find(New, login, folder, digest); err == nil {
			m := &b.sides[New][login][folder][j]
			m.Flags = tidyFlags(append(slices.Clone(m.Flags), carried(flags)...))
		}
	}
	return nil
}

func carried(flags []string) []string {
	return slices.DeleteFunc(tidyFlags(flags), func(f string) bool {
		return f != `\seen` && f != `\answered` && f != "$forwarded"
	})
}

// remove notes a message a person deleted. On the old side after the switch
// that is no business of the new one.
func (b *book) remove(s Side, login, folder, digest string) (Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(s, login, folder, digest)
	if err != nil {
		return Message{}, err
	}
	m := b.sides[s][login][folder][i]
	b.sides[s][login][folder] = slices.Delete(b.sides[s][login][folder], i, i+1)
	return m, nil
}

// move notes a message a person moved.
func (b *book) move(s Side, login, from, to, digest string) error {
	m, err := b.remove(s, login, from, digest)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sides[s][login][to] = append(b.sides[s][login][to], m)
	return nil
}

// sortMessages puts messages into an order that depends on nothing but them.
func sortMessages(list []Message) {
	slices.SortFunc(list, func(a, b Message) int {
		return cmp.Or(strings.Compare(a.Digest, b.Digest), a.Date.Compare(b.Date), slices.Compare(a.Flags, b.Flags))
	})
}

// logins lists the mailboxes of both sides, sorted.
func logins(a, b map[string]Mailbox) []string {
	all := map[string]bool{}
	for _, side := range []map[string]Mailbox{a, b} {
		for login := range side {
			all[login] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
