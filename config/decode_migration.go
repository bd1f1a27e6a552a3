package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // windows mean the same on machines without zone files

	"bascule/migration"
)

// minSoak is the least double reception: retries of senders that were down at
// the cutover go on for days (RFC 5321 §4.5.4.1).
const minSoak = 48 * time.Hour

// decodeMigration reads the migration block, if any, and returns the timezone.
func (ev *evaluator) decodeMigration() *time.Location {
	ev.out.Settings = migration.DefaultSettings()
	blocks := ev.blocksOf("migration")
	if len(blocks) == 0 {
		return time.UTC
	}
	b := blocks[0]
	r := ev.reader(b, keyed{addr: b.addr}, "")
	s := &ev.out.Settings
	s.Name = b.Labels[0]
	loc := parsed(r, "timezone", time.UTC, location)
	s.Timezone = loc.String()
	decode := map[string]func(*reader, *migration.Settings){
		"limits": decodeLimits, "lower_ttl": decodeLowerTTL, "sync": decodeSync, "verify": decodeVerify,
		"double_reception": decodeReception, "clients": decodeClients, "decommission": decodeDecommission,
		"cutover": func(r *reader, s *migration.Settings) { decodeCutover(r, s, loc) },
	}
	for _, inner := range b.Body.Blocks {
		if f := decode[inner.Type]; f != nil {
			f(r.inside(inner), s)
		}
	}
	return loc
}

func location(s string) (*time.Location, error) {
	loc, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		return nil, fmt.Errorf("%q is not a timezone; write its IANA name: \"Europe/Zurich\"", s)
	}
	return loc, nil
}

func decodeLimits(r *reader, s *migration.Settings) {
	s.Limits.Mailboxes = r.number("mailboxes", s.Limits.Mailboxes, 1, 256)
	s.Limits.Connections = r.number("connections", s.Limits.Connections, 1, 64)
	s.Limits.Bandwidth = bandwidth(r)
	s.Limits.Quiet = parsed(r, "quiet_hours", migration.Hours{}, func(v string) (migration.Hours, error) {
		start, end, err := parseHours(v)
		return migration.Hours{Start: start, End: end}, err
	})
	if q := s.Limits.Quiet; r.good("quiet_hours") && (q.Start-q.End+24*60)%(24*60) < minBusy {
		r.fail("quiet_hours", "Quiet hours leave no time", "At least an hour of the day is needed to copy mailboxes in.")
	}
}

// minBusy is how many minutes of a day quiet hours must leave.
const minBusy = 60

// minBandwidth is less than one mailbox at a time needs to get anywhere.
const minBandwidth = 64_000

// bandwidth reads octets a second; 0 is unbounded.
func bandwidth(r *reader) int64 {
	return parsed(r, "bandwidth", 0, func(v string) (int64, error) {
		n, err := parseRate(v)
		if err == nil && n < minBandwidth {
			err = fmt.Errorf("%q is less than 64kB/s, at which a gigabyte takes four hours", v)
		}
		return n, err
	})
}

func decodeLowerTTL(r *reader, s *migration.Settings) {
	if to := ttlTo(r); to != 0 {
		s.LowerTTL.To = to
	}
	s.LowerTTL.Wait = r.duration("wait", s.LowerTTL.Wait)
	s.LowerTTL.Margin = r.duration("margin", s.LowerTTL.Margin)
	s.LowerTTL.Lead = r.duration("lead", s.LowerTTL.Lead)
	if s.LowerTTL.Lead != 0 && s.LowerTTL.Lead < s.LowerTTL.Wait {
		r.fail("lead", "The wait cannot end in time", "The TTL is lowered %s before the window at the earliest, and %s must pass after that. Make lead longer than wait.", inWords(s.LowerTTL.Lead), inWords(s.LowerTTL.Wait))
	}
}

func decodeSync(r *reader, s *migration.Settings) {
	s.Sync.Every = r.duration("every", s.Sync.Every)
	if s.Sync.Every < time.Minute || s.Sync.Every > 24*time.Hour {
		r.fail("every", "Unsuitable value", "A pause between 1m and 24h is wanted.")
	}
	s.Sync.MirrorDeletions = r.choice("deletions", "mirror", []string{"mirror", "ignore"}, nil) == "mirror"
	s.Sync.MaxDelete = parsed(r, "max_delete", s.Sync.MaxDelete, parsePercent)
}

func decodeVerify(r *reader, s *migration.Settings) {
	known := migration.EvidenceNames()
	s.Verify.MaxAge = r.duration("max_age", s.Verify.MaxAge)
	if !r.has("require") {
		return
	}
	var require []string
	for _, name := range r.texts("require") {
		switch {
		case !slices.Contains(known, name):
			r.fail("require", "Unknown evidence", "This version has no check %q.%s Known: %s.", name, suggest(name, known), listed(known))
		case slices.Contains(require, name):
			r.fail("require", "Evidence given twice", "%q is in the list already.", name)
		default:
			require = append(require, name)
		}
	}
	s.Verify.Require = require
}

func decodeCutover(r *reader, s *migration.Settings, loc *time.Location) {
	w := r.block("window")
	if w == nil {
		return
	}
	window := &s.Cutover.Window
	window.Days = each(w, "days", parseDay)
	if w.good("days") && len(window.Days) == 0 {
		w.fail("days", "The window can never open", "The list of days is empty. Leave days out for every day.")
	}
	hours := parsed(w, "hours", [2]int{}, func(v string) ([2]int, error) {
		start, end, err := parseHours(v)
		return [2]int{start, end}, err
	})
	window.Start, window.End = hours[0], hours[1]
	window.NotBefore = parsed(w, "not_before", time.Time{}, func(v string) (time.Time, error) { return parseDate(v, loc) })
	window.MinRemaining = w.duration("min_remaining", 0)
	window.Blackout = each(w, "blackout", parseBlackout)
	if length := windowLength(*window); window.MinRemaining >= length {
		w.fail("min_remaining", "The window can never open", "The window is open for %s, and %s must be left to begin.", inWords(length), inWords(window.MinRemaining))
	}
}

func decodeReception(r *reader, s *migration.Settings) {
	meanwhile := "write \"none\": the pull always runs, a forward only makes it faster"
	r.choice("forward", "none", []string{"none"}, map[string]string{"sieve": meanwhile, "provider": meanwhile})
	s.DoubleReception.Soak = r.duration("soak", s.DoubleReception.Soak)
	if s.DoubleReception.Soak < minSoak {
		r.fail("soak", "Double reception too short", "Senders that keep old answers or retry go on for days; at least 48h is wanted, 72h is the usual.")
	}
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func decodeClients(r *reader, s *migration.Settings) {
	s.Clients.Dir = parsed(r, "kits", s.Clients.Dir, func(v string) (string, error) {
		clean, err := confined(v)
		return path.Clean(clean), err
	})
	s.Clients.Languages = each(r, "languages", func(v string) (string, error) {
		if !languageTag.MatchString(v) {
			return "", fmt.Errorf("%q is not a language; write \"fr\" or \"de-CH\"", v)
		}
		return strings.ToLower(v), nil
	})
}

func decodeDecommission(r *reader, s *migration.Settings) {
	s.Decommission.Silence = r.duration("silence", s.Decommission.Silence)
	s.Decommission.MaxWait = r.duration("max_wait", s.Decommission.MaxWait)
	if s.Decommission.MaxWait < s.Decommission.Silence {
		r.fail("max_wait", "The wait cannot end in time", "Silence of %s is asked for, but only %s is waited. Make max_wait longer than silence.", inWords(s.Decommission.Silence), inWords(s.Decommission.MaxWait))
	}
}
