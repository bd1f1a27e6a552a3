package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bascule/mailsync"
)

func encodePath(path []string) any {
	if path == nil {
		return nil
	}
	b, err := json.Marshal(path)
	if err != nil {
		panic("bug: strings cannot be encoded: " + err.Error())
	}
	return string(b)
}

func decodePath(s sql.NullString) (path []string, err error) {
	if !s.Valid {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s.String), &path); err != nil {
		return nil, fmt.Errorf("%w: path %q", mailsync.ErrLedgerCorrupt, s.String)
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

func decodeTime(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(n.Int64, 0).UTC()
}

func encodeDigest(d mailsync.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

func decodeDigest(b []byte) (d mailsync.Digest, err error) {
	switch len(b) {
	case 0:
	case len(d):
		copy(d[:], b)
	default:
		err = fmt.Errorf("%w: digest of %d octets", mailsync.ErrLedgerCorrupt, len(b))
	}
	return d, err
}

func encodeFlags(flags []string) string { return strings.Join(flags, " ") }

func decodeFlags(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

func encodeUIDs(uids []mailsync.UID) string {
	b, err := json.Marshal(uids)
	if err != nil {
		panic("bug: numbers cannot be encoded: " + err.Error())
	}
	return string(b)
}
