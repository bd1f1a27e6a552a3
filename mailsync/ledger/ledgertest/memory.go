package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"bascule/mailsync"
)

// Memory is a ledger that lives as long as the process. It is safe for
// concurrent use, so that two passes can compete for its lease.
type Memory struct {
	mu        sync.Mutex
	head      mailsync.Head
	next      int64
	pairs     map[int64]mailsync.Pair
	rows      map[int64]mailsync.Row
	byPair    map[int64][]int64
	intents   map[int64]mailsync.Intent
	sightings map[string]map[mailsync.UID]mailsync.Print
	settled   map[folderAt]mailsync.UID
	// held are rows that no settlement settles.
	held   map[int64]bool
	holder string
}

type folderAt struct {
	pair     int64
	validity uint32
}

var _ mailsync.Ledger = (*Memory)(nil)

// NewMemory returns an empty ledger with the given ID.
func NewMemory(id string) *Memory {
	return &Memory{head: mailsync.Head{ID: id}, pairs: map[int64]mailsync.Pair{}, rows: map[int64]mailsync.Row{}, byPair: map[int64][]int64{},
		intents: map[int64]mailsync.Intent{}, sightings: map[string]map[mailsync.UID]mailsync.Print{}, settled: map[folderAt]mailsync.UID{},
		held: map[int64]bool{}}
}

// Clone returns an independent copy, with nobody holding it.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Memory{head: m.head, next: m.next, pairs: maps.Clone(m.pairs), rows: maps.Clone(m.rows), byPair: map[int64][]int64{},
		intents: maps.Clone(m.intents), sightings: map[string]map[mailsync.UID]mailsync.Print{}, settled: maps.Clone(m.settled),
		held: maps.Clone(m.held)}
	for k, v := range m.byPair {
		c.byPair[k] = slices.Clone(v)
	}
	for k, v := range m.sightings {
		c.sightings[k] = maps.Clone(v)
	}
	return c
}

// Head implements mailsync.Ledger.
func (m *Memory) Head(context.Context) (mailsync.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

// Pairs implements mailsync.Ledger.
func (m *Memory) Pairs(context.Context) ([]mailsync.Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sortedByID(m.pairs), nil
}

func sortedByID[V any](in map[int64]V) []V {
	out := make([]V, 0, len(in))
	for _, k := range slices.Sorted(maps.Keys(in)) {
		out = append(out, in[k])
	}
	return out
}

// Rows implements mailsync.Ledger.
func (m *Memory) Rows(_ context.Context, pair int64, fn func(mailsync.Row) error) error {
	return m.each(pair, fn, func(mailsync.Row) bool { return true })
}

// Astray implements mailsync.Ledger.
func (m *Memory) Astray(_ context.Context, pair int64, fn func(mailsync.Row) error) error {
	return m.each(pair, fn, func(r mailsync.Row) bool { return r.Outcome == mailsync.Gone || r.TargetFolder != nil })
}

func (m *Memory) each(pair int64, fn func(mailsync.Row) error, wanted func(mailsync.Row) bool) error {
	m.mu.Lock()
	var rows []mailsync.Row
	for _, id := range slices.Sorted(slices.Values(m.byPair[pair])) {
		r := m.rows[id]
		r.Settled = r.Settled || !m.held[id] && r.TargetUID < m.settled[folderAt{r.Pair, r.TargetValidity}]
		rows = append(rows, r)
	}
	m.mu.Unlock()
	for _, r := range rows {
		r.Flags, r.Left, r.Flux = slices.Clone(r.Flags), slices.Clone(r.Left), slices.Clone(r.Flux)
		if !wanted(r) {
			continue
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Counts implements mailsync.Ledger.
func (m *Memory) Counts(context.Context) (map[mailsync.Outcome]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[mailsync.Outcome]int{}
	for _, r := range m.rows {
		out[r.Outcome]++
	}
	return out, nil
}

// Intents implements mailsync.Ledger.
func (m *Memory) Intents(context.Context) ([]mailsync.Intent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sortedByID(m.intents), nil
}

func folderKey(onTarget bool, folder []string, validity uint32) string {
	return fmt.Sprintf("%v %d %s", onTarget, validity, strings.Join(folder, "\x00"))
}

// Sightings implements mailsync.Ledger.
func (m *Memory) Sightings(_ context.Context, onTarget bool, folder []string, validity uint32) (map[mailsync.UID]mailsync.Print, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := maps.Clone(m.sightings[folderKey(onTarget, folder, validity)])
	if out == nil {
		out = map[mailsync.UID]mailsync.Print{}
	}
	return out, nil
}

// Commit implements mailsync.Ledger.
func (m *Memory) Commit(ctx context.Context, c mailsync.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.head.Serial++
	for _, p := range c.Pairs {
		m.id(&p.ID)
		m.pairs[p.ID] = *p
	}
	for _, id := range c.Forget {
		m.drop(id)
	}
	for _, r := range c.Rows {
		m.put(r)
	}
	for _, x := range c.Settled {
		k := folderAt{x.Pair, x.Validity}
		m.settled[k] = max(m.settled[k], x.Below)
	}
	if c.Open != nil {
		m.id(&c.Open.ID)
		m.intents[c.Open.ID] = *c.Open
	}
	delete(m.intents, c.Close)
	for _, s := range c.Sightings {
		k := folderKey(s.OnTarget, s.Folder, s.Validity)
		if m.sightings[k] == nil {
			m.sightings[k] = map[mailsync.UID]mailsync.Print{}
		}
		m.sightings[k][s.UID] = s.Print
	}
	return nil
}

func (m *Memory) put(r *mailsync.Row) {
	if old, ok := m.rows[r.ID]; ok {
		m.drop(r.ID)
		if old.Pair != r.Pair {
			r.ID = 0
		}
	}
	m.id(&r.ID)
	if delete(m.held, r.ID); !r.Settled && (r.TargetFolder != nil || r.TargetUID < m.settled[folderAt{r.Pair, r.TargetValidity}]) {
		m.held[r.ID] = true
	}
	row := *r
	row.Flags, row.Left, row.Flux = slices.Clone(r.Flags), slices.Clone(r.Left), slices.Clone(r.Flux)
	m.rows[r.ID] = row
	m.byPair[r.Pair] = append(m.byPair[r.Pair], r.ID)
}

func (m *Memory) drop(id int64) {
	old, ok := m.rows[id]
	if !ok {
		return
	}
	delete(m.rows, id)
	m.byPair[old.Pair] = slices.DeleteFunc(m.byPair[old.Pair], func(x int64) bool { return x == id })
}

func (m *Memory) id(p *int64) {
	if *p == 0 {
		m.next++
		*p = m.next
	}
}

// Lease implements mailsync.Ledger.
func (m *Memory) Lease(_ context.Context, owner string) (func() error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != "" {
		return nil, fmt.Errorf("%w: held by %s", mailsync.ErrLeased, m.holder)
	}
	m.holder = owner
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.holder = ""
		return nil
	}, nil
}

// Close implements mailsync.Ledger; the contents stay.
func (m *Memory) Close() error { return nil }
