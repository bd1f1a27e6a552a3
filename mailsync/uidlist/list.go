package uidlist

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bascule/mailsync"
)

// Unmeasured is the Size of an entry whose octets were never counted.
const Unmeasured = -1

// Entry is one message.
type Entry struct {
	UID mailsync.UID
	// Size counts the octets of the message as they are read, or is Unmeasured.
	Size int64
	// Key names the message in its folder for good.
	Key string
}

// List is the UIDs of one folder, in ascending order.
type List struct {
	Validity uint32
	Next     mailsync.UID
	Entries  []Entry

	// saved counts the entries that are in the file, from the first; rewrite
	// is set when those are not what the file says any more.
	saved   int
	rewrite bool
}

// Reconcile keeps the entries whose key is there and gives the others the next
// UIDs, in the order of keys. A key given twice counts once.
func (l *List) Reconcile(keys []string) {
	there := make(map[string]bool, len(keys))
	for _, k := range keys {
		there[k] = true
	}
	before := len(l.Entries)
	l.Entries = slices.DeleteFunc(l.Entries, func(e Entry) bool {
		kept := there[e.Key]
		delete(there, e.Key)
		return !kept
	})
	l.rewrite = l.rewrite || before != len(l.Entries)
	for _, k := range keys {
		if there[k] {
			l.Add(k, Unmeasured)
			delete(there, k)
		}
	}
}

// Add gives a key the next UID.
func (l *List) Add(key string, size int64) mailsync.UID {
	uid := l.Next
	l.Entries = append(l.Entries, Entry{UID: uid, Size: size, Key: key})
	l.Next++
	return uid
}

// SetSize notes how many octets a message has.
func (l *List) SetSize(uid mailsync.UID, size int64) {
	if e, ok := l.Find(uid); ok && e.Size != size {
		e.Size, l.rewrite = size, true
	}
}

// Find returns the entry of a UID.
func (l *List) Find(uid mailsync.UID) (*Entry, bool) {
	i, ok := slices.BinarySearchFunc(l.Entries, uid, func(e Entry, u mailsync.UID) int { return int(int64(e.UID) - int64(u)) })
	if !ok {
		return nil, false
	}
	return &l.Entries[i], true
}

// magic is the first line of a file.
const magic = "bascule-uidlist 1"

var errDamaged = errors.New("list of UIDs is damaged")

// format writes a list: two lines of head, then a line a message. New messages
// are appended, so Next is at least what the last line says.
func (l *List) format() []byte {
	head := fmt.Sprintf("%s\nvalidity %d next %d\n", magic, l.Validity, l.Next)
	return append([]byte(head), lines(l.Entries)...)
}

func lines(entries []Entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%d %d %s\n", e.UID, e.Size, strconv.Quote(e.Key))
	}
	return b.Bytes()
}

// parse reads what format wrote; anything else is errDamaged, but for a last
// line without its end: that addition was interrupted before anybody was told
// of its UIDs.
func parse(b []byte) (*List, error) {
	l := &List{}
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	numbers, rest, whole := bytes.Cut(rest, []byte("\n"))
	if string(head) != magic || !whole {
		return nil, errDamaged
	}
	n, err := fmt.Sscanf(string(numbers), "validity %d next %d", &l.Validity, &l.Next)
	if n != 2 || err != nil || l.Validity == 0 || l.Next == 0 {
		return nil, errDamaged
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, whole = bytes.Cut(rest, []byte("\n"))
		if !whole {
			l.rewrite = true
			break
		}
		if err := l.parseEntry(string(line)); err != nil {
			return nil, errDamaged
		}
	}
	l.saved = len(l.Entries)
	return l, nil
}

func (l *List) parseEntry(line string) error {
	uid, rest, _ := strings.Cut(line, " ")
	size, key, _ := strings.Cut(rest, " ")
	u, err := strconv.ParseUint(uid, 10, 32)
	s, err2 := strconv.ParseInt(size, 10, 64)
	k, err3 := strconv.Unquote(key)
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	e := Entry{UID: mailsync.UID(u), Size: s, Key: k}
	if e.UID == 0 || e.UID+1 == 0 || s < Unmeasured || (len(l.Entries) > 0 && e.UID <= l.Entries[len(l.Entries)-1].UID) {
		return errDamaged
	}
	l.Next = max(l.Next, e.UID+1)
	l.Entries = append(l.Entries, e)
	return nil
}
