package ledger

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"bascule/mailsync"
)

// A row's ID says its pair: the rows of a pair are neighbours in the file, and
// new ones are added at an end.
const pairShift = 40

func pairOf(id int64) int64 { return id >> pairShift }

func firstID(pair int64) int64 { return pair << pairShift }

// ordinary columns are those of a copy of which nothing special is to be
// said; the others have defaults. See messagesSchema.
const (
	ordinaryColumns = `id, source_uid, target_uid, validities, digest, size, date, flags`
	allColumns      = ordinaryColumns + `, left_flags, outcome, origin, settled, plain, target_folder, reason, flux`
)

var ordinaryCount, allCount = strings.Count(ordinaryColumns, ",") + 1, strings.Count(allColumns, ",") + 1

// States of the column settled; NULL is what the settlement of the pair says.
const (
	settled   = 1
	unsettled = 2
)

// fold is a row as it is written.
type fold struct {
	values   []driver.Value
	ordinary bool
}

func (t *tx) fold(id int64, r *mailsync.Row) (f fold, err error) {
	w := t.words
	validities, err := w.validitiesID(r.SourceValidity, r.TargetValidity)
	if err != nil {
		return f, err
	}
	flags, err := w.flagsID(r.Flags)
	if err != nil {
		return f, err
	}
	f.values = make([]driver.Value, ordinaryCount, allCount)
	copy(f.values, []driver.Value{id, int64(r.SourceUID), int64(r.TargetUID), validities, encodeDigest(&r.Digest), r.Size, encodeTime(r.Date), flags})
	state := t.settlements.state(r)
	f.ordinary = r.Outcome == mailsync.Copied && r.Origin == mailsync.FromSource && state == nil && r.Plain.IsZero() && r.TargetFolder == nil &&
		r.Reason == "" && len(r.Flux) == 0 && slices.Equal(r.Flags, r.Left)
	if f.ordinary {
		return f, nil
	}
	special, err := t.special(r)
	f.values = append(f.values, special...)
	f.values[ordinaryCount+3] = state
	return f, err
}

// special returns the columns after the ordinary ones.
func (t *tx) special(r *mailsync.Row) ([]driver.Value, error) {
	var left, origin, folder, reason, flux driver.Value
	var err error
	if !slices.Equal(r.Flags, r.Left) {
		if left, err = t.words.flagsID(r.Left); err != nil {
			return nil, err
		}
	}
	if r.Origin != mailsync.FromSource {
		origin = string(r.Origin)
	}
	if r.TargetFolder != nil {
		if folder, err = t.words.id(pathText(r.TargetFolder)); err != nil {
			return nil, err
		}
	}
	if r.Reason != "" {
		reason = r.Reason
	}
	if len(r.Flux) > 0 {
		if flux, err = t.words.flagsID(r.Flux); err != nil {
			return nil, err
		}
	}
	return []driver.Value{left, encodeOutcome(r.Outcome), origin, nil, encodeDigest(&r.Plain), folder, reason, flux}, nil
}

// unfold is the way back; values are those of allColumns.
func (l *Ledger) unfold(v []driver.Value) (r mailsync.Row, err error) {
	validities, err := l.words.validitiesOf(number(v[3]))
	if err != nil {
		return r, err
	}
	r = mailsync.Row{ID: number(v[0]), Pair: pairOf(number(v[0])), SourceUID: mailsync.UID(number(v[1])), TargetUID: mailsync.UID(number(v[2])),
		SourceValidity: validities[0], TargetValidity: validities[1], Size: number(v[5]), Date: decodeTime(v[6]), Origin: mailsync.FromSource, Reason: text(v[14])}
	if v[10] != nil {
		r.Origin = mailsync.Origin(text(v[10]))
	}
	if r.Outcome, err = decodeOutcome(v[9]); err != nil {
		return r, err
	}
	if r.Digest, err = decodeDigest(v[4]); err != nil {
		return r, err
	}
	if r.Plain, err = decodeDigest(v[12]); err != nil {
		return r, err
	}
	if r.Flags, err = l.words.flagsOf(number(v[7])); err != nil {
		return r, err
	}
	if r.Left = r.Flags; v[8] != nil {
		if r.Left, err = l.words.flagsOf(number(v[8])); err != nil {
			return r, err
		}
	}
	if r.Flux, err = l.words.flagsOf(number(v[15])); err != nil {
		return r, err
	}
	if r.TargetFolder, err = l.words.pathOf(number(v[13])); err != nil {
		return r, err
	}
	r.Settled = l.settlements.settled(&r, v[11])
	return r, nil
}

// settlements are the bounds below which rows count as settled.
type settlements map[settledFolder]mailsync.UID

type settledFolder struct {
	pair     int64
	validity uint32
}

func (s settlements) below(r *mailsync.Row) mailsync.UID {
	return s[settledFolder{r.Pair, r.TargetValidity}]
}

// state is what the column says of a row that is written now.
func (s settlements) state(r *mailsync.Row) driver.Value {
	switch {
	case r.Settled:
		return int64(settled)
	case r.TargetFolder != nil || r.TargetUID < s.below(r):
		return int64(unsettled)
	}
	return nil
}

func (s settlements) settled(r *mailsync.Row, state driver.Value) bool {
	if state == nil {
		return r.TargetUID < s.below(r)
	}
	return number(state) == settled
}

func loadSettlements(c *conn) (settlements, error) {
	out := settlements{}
	err := c.query(func(v []driver.Value) error {
		out[settledFolder{number(v[0]), uint32(number(v[1]))}] = mailsync.UID(number(v[2]))
		return nil
	}, `SELECT pair, validity, below FROM settlements`)
	if err != nil {
		return nil, fmt.Errorf("read settlements: %w", err)
	}
	return out, nil
}
