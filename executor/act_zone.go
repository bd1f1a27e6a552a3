package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bascule/internal/retry"
	"bascule/internal/safetext"
	"bascule/maildns"
	"bascule/maildns/zonewriter"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// editRRset changes the managed values of one record set. What the servers
// serve now decides: the value before, to act upon; the value after, to
// record; anything else is a conflict.
func (t *tick) editRRset(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	d, ok := domain(in, s.Action.Domain)
	edit := s.Action.RRset
	if !ok || edit == nil {
		return outcome{}, fmt.Errorf("bug: %s has nothing to write", s.Key())
	}
	have, err := t.agreed(ctx, d, *edit)
	if err != nil {
		return outcome{}, err
	}
	want, err := wanted(have, *edit)
	if err != nil {
		return outcome{}, err
	}
	if !have.Equal(want) {
		writer, err := t.World.Writer(ctx, edit.DNS)
		if err != nil {
			return outcome{}, err
		}
		t.World.tap("dns:before:" + s.Name)
		if err := writer.ReplaceRRset(ctx, edit.Zone, have, want); err != nil {
			return outcome{}, conflictOr(fmt.Errorf("%s: %w", edit.DNS, err), s)
		}
		t.World.tap("dns:after:" + s.Name)
	}
	return outcome{
		done: true, before: rrsetImage(have), after: rrsetImage(want), text: describeSet(want),
		change: func(st *state.State, now time.Time) {
			if edit.Event != "" {
				st.AddEvent(now, edit.Event, s.Address, describeSet(want))
			}
		},
	}, nil
}

// shownValue is how many characters of a record's value an event shows: of a
// DKIM key the beginning is enough to know it.
const shownValue = 64

func describeSet(rr maildns.RRset) string {
	if len(rr.Values) == 0 {
		return fmt.Sprintf("%s %s is gone from every authoritative server", rr.Name, rr.Type)
	}
	var values []string
	for _, v := range rr.Values {
		values = append(values, safetext.Shorten(v, shownValue))
	}
	return fmt.Sprintf("%s %s is %s, TTL %d, on every authoritative server", rr.Name, rr.Type, strings.Join(values, ", "), rr.TTL)
}

// agreed asks every authoritative server.
func (t *tick) agreed(ctx context.Context, d migration.Domain, edit planner.RRsetEdit) (maildns.RRset, error) {
	key := maildns.KeyOf(edit.Name, edit.Type)
	zone, err := t.World.Snapshot(ctx, d, []maildns.Key{key})
	if err != nil {
		return maildns.RRset{}, err
	}
	have, ok := zone.Agreed(edit.Name, edit.Type)
	if !ok {
		return maildns.RRset{}, retry.Temporary(fmt.Errorf("%s: the authoritative servers of %s do not agree, or do not answer; unknown is never absent", key, d.Name))
	}
	return have, nil
}

// wanted computes the whole set to serve, or why this step does not fit what
// is there.
func wanted(have maildns.RRset, edit planner.RRsetEdit) (maildns.RRset, error) {
	before := maildns.RRset{Name: edit.Name, Type: edit.Type, TTL: edit.TTLBefore, Values: edit.Before}.Canonical()
	after := maildns.RRset{Name: edit.Name, Type: edit.Type, TTL: edit.TTLAfter, Values: edit.After}.Canonical()
	ttl := edit.TTLAfter
	if ttl == 0 || !edit.Whole && !have.IsEmpty() {
		ttl = have.TTL
	}
	want := after.WithTTL(ttl)
	if !edit.Whole {
		want = have.Without(before.Values...).With(after.Values...).WithTTL(ttl)
	}
	switch {
	case have.Equal(want):
		return want, nil
	case len(want.SPFRecords()) > max(1, len(have.SPFRecords())):
		// A second SPF record makes both void (RFC 7208 §4.5).
	case edit.Whole && have.SameValues(before) && (edit.TTLBefore == 0 || have.TTL == edit.TTLBefore || have.IsEmpty()):
		return want, nil
	case !edit.Whole && hasAll(have, before):
		return want, nil
	}
	return want, &RefusedError{[]string{fmt.Sprintf("%s %s: reviewed as %v (TTL %d), found %v (TTL %d), wanted %v: somebody changed it since; nothing was written",
		edit.Name, edit.Type, before.Values, edit.TTLBefore, have.Values, have.TTL, want.Values)}}
}

func hasAll(have, managed maildns.RRset) bool {
	for _, v := range managed.Values {
		if !have.Has(v) {
			return false
		}
	}
	return true
}

// conflictOr turns a conflict found by the writer into a refusal.
func conflictOr(err error, s planner.Step) error {
	if errors.Is(err, zonewriter.ErrConflict) {
		return &RefusedError{[]string{fmt.Sprintf("%s: %v", s.Key(), err)}}
	}
	return err
}
