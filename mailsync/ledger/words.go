package ledger

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"bascule/mailsync"
)

// words gives short numbers to what many rows share: sets of flags, folders,
// pairs of UIDVALIDITYs. What a transaction added that failed must be forgotten.
type words struct {
	conn *conn
	ids  map[string]int64
	// What numbers stand for, decoded.
	flags      map[int64][]string
	paths      map[int64][]string
	validities map[int64][2]uint32
}

// maxWords bounds what is remembered: a server can give every message flags of its own.
const maxWords = 1 << 14

func newWords(c *conn) *words {
	return &words{conn: c, ids: map[string]int64{}, flags: map[int64][]string{}, paths: map[int64][]string{}, validities: map[int64][2]uint32{}}
}

// id finds the number of a word, and gives it one; that of "" is 0.
func (w *words) id(word string) (int64, error) {
	if id, ok := w.ids[word]; ok || word == "" {
		return id, nil
	}
	var id int64
	for _, query := range []string{`SELECT id FROM words WHERE word = ?`, `INSERT INTO words (word) VALUES (?) RETURNING id`} {
		err := w.conn.query(func(v []driver.Value) error { id = v[0].(int64); return nil }, query, word)
		if err != nil {
			return 0, err
		}
		if id != 0 {
			break
		}
	}
	if len(w.ids) >= maxWords {
		clear(w.ids)
	}
	w.ids[word] = id
	return id, nil
}

func (w *words) flagsID(flags []string) (int64, error) { return w.id(strings.Join(flags, " ")) }

func (w *words) validitiesID(source, target uint32) (int64, error) {
	return w.id(fmt.Sprintf("%d/%d", source, target))
}

func (w *words) word(id int64) (word string, err error) {
	v, err := w.conn.one(`SELECT word FROM words WHERE id = ?`, id)
	if err != nil {
		return "", fmt.Errorf("word %d: %w", id, err)
	}
	return text(v[0]), nil
}

// decoded returns what a number stands for; 0 is nothing.
func decoded[V any](w *words, known map[int64]V, id int64, decode func(string) (V, error)) (out V, err error) {
	if out, ok := known[id]; ok || id == 0 {
		return out, nil
	}
	word, err := w.word(id)
	if err != nil {
		return out, err
	}
	if out, err = decode(word); err != nil {
		return out, err
	}
	if len(known) >= maxWords {
		clear(known)
	}
	known[id] = out
	return out, nil
}

func (w *words) flagsOf(id int64) ([]string, error) {
	return decoded(w, w.flags, id, func(s string) ([]string, error) { return decodeFlags(s), nil })
}

func (w *words) pathOf(id int64) ([]string, error) { return decoded(w, w.paths, id, decodePath) }

func (w *words) validitiesOf(id int64) ([2]uint32, error) {
	return decoded(w, w.validities, id, func(s string) (out [2]uint32, err error) {
		source, target, _ := strings.Cut(s, "/")
		for i, text := range []string{source, target} {
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return out, fmt.Errorf("%w: UIDVALIDITYs %q", mailsync.ErrLedgerCorrupt, s)
			}
			out[i] = uint32(n)
		}
		return out, nil
	})
}
