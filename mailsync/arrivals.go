package mailsync

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Arrival is a message that came to the source by itself.
type Arrival struct {
	Folder []string
	UID    UID
	Date   time.Time
	// Sender is the address in From, or else in Return-Path, in lower case;
	// "" where there is none to be read. Anybody can write anything there.
	Sender string
}

// ArrivalsOptions is all that Arrivals needs. It reads the source and the
// ledger, and writes nothing.
type ArrivalsOptions struct {
	OpenSource func(ctx context.Context) (Source, error)
	Ledger     Ledger
	// After and Until bound INTERNALDATE: the last arrival known before, and
	// the look that found new ones.
	After, Until time.Time
	// Most bounds how many messages are read, the newest of all; 0 means 100.
	Most int
}

// headerStart is how much of a message is read to find who sent it.
const headerStart = 16 << 10

// arrived is one that is not read yet.
type arrived struct {
	folder []string
	row    Row
}

// Arrivals says who sent what came in by itself during a time. Those that are
// beyond Most, vanished or cannot be read have no Sender: they are not left out.
func Arrivals(ctx context.Context, o ArrivalsOptions) ([]Arrival, error) {
	list, err := o.list(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b arrived) int { return b.row.Date.Compare(a.row.Date) })
	read := list[:min(len(list), cmp.Or(o.Most, 100))]
	source, err := o.OpenSource(ctx)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	senders, err := sendersOf(ctx, source, read)
	_ = source.Close() // what a server says to that changes nothing
	if err != nil {
		return nil, err
	}
	out := make([]Arrival, 0, len(list))
	for i, a := range list {
		found := Arrival{Folder: a.folder, UID: a.row.SourceUID, Date: a.row.Date}
		if i < len(read) {
			found.Sender = senders[arrivalKey(a.folder, a.row.SourceUID)]
		}
		out = append(out, found)
	}
	return out, nil
}

// list finds them in the ledger: a pair has a last arrival only where mail
// arrives by itself.
func (o ArrivalsOptions) list(ctx context.Context) (list []arrived, err error) {
	pairs, err := o.Ledger.Pairs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	for _, p := range pairs {
		if !p.LastArrival.After(o.After) {
			continue
		}
		err := o.Ledger.Rows(ctx, p.ID, func(r Row) error {
			if r.Date.After(o.After) && !r.Date.After(o.Until) && r.Origin == FromSource && r.Outcome != Moved {
				list = append(list, arrived{p.Source.Path, r})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
	}
	return list, nil
}

func arrivalKey(folder []string, uid UID) string { return fmt.Sprintf("%s %d", folderKey(folder), uid) }

// sendersOf reads the beginning of messages, folder by folder.
func sendersOf(ctx context.Context, source Source, list []arrived) (map[string]string, error) {
	listing, err := source.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	senders := map[string]string{}
	for _, f := range listing.Folders {
		if err := sendersIn(ctx, source, f, list, senders); err != nil {
			return nil, fmt.Errorf("read messages of %s: %w", showPath(f.Path), err)
		}
	}
	return senders, nil
}

func sendersIn(ctx context.Context, source Source, f Folder, list []arrived, senders map[string]string) error {
	var here []arrived
	for _, a := range list {
		if folderKey(a.folder) == folderKey(f.Path) {
			here = append(here, a)
		}
	}
	if len(here) == 0 || !f.Selectable {
		return nil
	}
	st, err := source.Examine(ctx, f)
	if err != nil {
		return err
	}
	var uids []UID
	for _, a := range here {
		if a.row.SourceValidity == st.UIDValidity {
			uids = append(uids, a.row.SourceUID)
		}
	}
	if len(uids) == 0 {
		return nil
	}
	_, err = fetchStart(ctx, source, uids, func(m Meta, _ int64, body io.Reader) error {
		start, err := io.ReadAll(io.LimitReader(body, headerStart))
		if err != nil {
			return err
		}
		senders[arrivalKey(f.Path, m.UID)] = senderOf(start)
		return discard(body)
	})
	return err
}

// fetchStart reads whole messages where the source has no shorter way.
func fetchStart(ctx context.Context, source Source, uids []UID, fn func(m Meta, octets int64, body io.Reader) error) ([]UID, error) {
	if s, ok := source.(StartFetcher); ok {
		return s.FetchStart(ctx, uids, headerStart, fn)
	}
	return source.Fetch(ctx, uids, fn)
}

// senderOf reads who a message says it is from, out of its first octets: the
// address in From, or else in Return-Path (RFC 5322 §3.6.2, §3.6.7).
func senderOf(start []byte) string {
	fields := map[string]string{}
	last := ""
	for line := range bytes.Lines(start) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if last != "" {
				fields[last] += " " + strings.TrimSpace(text)
			}
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		if last = strings.ToLower(strings.TrimSpace(name)); fields[last] != "" || last != "from" && last != "return-path" {
			last = ""
			continue
		}
		fields[last] = strings.TrimSpace(value)
	}
	return cmp.Or(addressIn(fields["from"]), addressIn(fields["return-path"]))
}

// longestAddress is what SMTP can carry (RFC 5321 §4.5.3.1.3).
const longestAddress = 254

// addressIn returns the first address of a field, in lower case, however the
// rest of it is written.
func addressIn(field string) string {
	found := ""
	if list, err := mail.ParseAddressList(field); err == nil && len(list) > 0 {
		found = list[0].Address
	} else if i := strings.LastIndexByte(field, '<'); i >= 0 {
		found, _, _ = strings.Cut(field[i+1:], ">")
	} else {
		found = field
	}
	found = strings.ToLower(strings.TrimSpace(found))
	if !strings.Contains(found, "@") || len(found) > longestAddress || !utf8.ValidString(found) || strings.ContainsAny(found, " \t\"\\<>,;:") {
		return ""
	}
	return found
}
