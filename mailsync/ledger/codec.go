package ledger

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bascule/mailsync"
)

func encodePath(path []string) any {
	if path == nil {
		return nil
	}
	return pathText(path)
}

func pathText(path []string) string {
	b, err := json.Marshal(path)
	if err != nil {
		panic("bug: strings cannot be encoded: " + err.Error())
	}
	return string(b)
}

func decodePath(s string) (path []string, err error) {
	if s == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s), &path); err != nil {
		return nil, fmt.Errorf("%w: path %q", mailsync.ErrLedgerCorrupt, s)
	}
	return path, nil
}

// Dates are stored in seconds: INTERNALDATE has no finer grain (RFC 9051 §9),
// and nanoseconds of hostile years would not fit. The zero time is NULL.
func encodeTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

func decodeTime(v driver.Value) time.Time {
	n, ok := v.(int64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func encodeDigest(d *mailsync.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

func decodeDigest(v driver.Value) (d mailsync.Digest, err error) {
	b, _ := v.([]byte)
	switch len(b) {
	case 0:
	case len(d):
		copy(d[:], b)
	default:
		err = fmt.Errorf("%w: digest of %d octets", mailsync.ErrLedgerCorrupt, len(b))
	}
	return d, err
}

func decodeFlags(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// number and text read a column whatever a damaged file holds there.
func number(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

func text(v driver.Value) string {
	s, _ := v.(string)
	return s
}

// Outcomes are numbers in the file; the index is the number. No number is
// ever given another meaning.
var outcomes = [...]mailsync.Outcome{"", mailsync.Copied, mailsync.Adopted, mailsync.Delivered, mailsync.Moved, mailsync.Released,
	mailsync.Excluded, mailsync.Rejected, mailsync.Gone}

func encodeOutcome(o mailsync.Outcome) int64 { return int64(max(0, slices.Index(outcomes[:], o))) }

func decodeOutcome(v driver.Value) (mailsync.Outcome, error) {
	n := number(v)
	if n < 0 || n >= int64(len(outcomes)) {
		return "", fmt.Errorf("%w: outcome %d", mailsync.ErrLedgerCorrupt, n)
	}
	return outcomes[n], nil
}

// encodeUIDs writes UIDs in their order, runs that rise by one as FIRST:LAST.
func encodeUIDs(uids []mailsync.UID) string {
	var out []byte
	for i := 0; i < len(uids); {
		j := i + 1
		for j < len(uids) && uids[j] == uids[j-1]+1 {
			j++
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(uids[i]), 10)
		if j > i+1 {
			out = strconv.AppendUint(append(out, ':'), uint64(uids[j-1]), 10)
		}
		i = j
	}
	return string(out)
}

// maxUIDs bounds what a damaged file can make us hold.
const maxUIDs = 1 << 20

func decodeUIDs(s string) (out []mailsync.UID, err error) {
	for run := range strings.SplitSeq(s, ",") {
		if s == "" {
			break
		}
		from, to, ranged := strings.Cut(run, ":")
		if !ranged {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 32)
		last, err2 := strconv.ParseUint(to, 10, 32)
		if err != nil || err2 != nil || last < first || last-first >= maxUIDs || len(out) >= maxUIDs {
			return nil, fmt.Errorf("%w: UIDs %.100q", mailsync.ErrLedgerCorrupt, s)
		}
		for u := first; u <= last; u++ {
			out = append(out, mailsync.UID(u))
		}
	}
	return out, nil
}
