package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bascule/migration"
)

var (
	durationPart = regexp.MustCompile(`^(\d{1,9})(d|h|m|s)`)
	sizeText     = regexp.MustCompile(`^(\d{1,15})\s?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`)
	percentText  = regexp.MustCompile(`^(\d{1,3}(?:\.\d{1,4})?)\s?%$`)
	clockText    = regexp.MustCompile(`^([01]\d|2[0-4]):([0-5]\d)$`)
)

// maxDuration keeps sums of a few durations far from overflow.
const maxDuration = 10 * 366 * 24 * time.Hour

// parseDuration reads "90s", "5m", "24h", "3d" and sums such as "1h30m".
func parseDuration(s string) (time.Duration, error) {
	var sum time.Duration
	rest := s
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is not a duration; write \"90s\", \"5m\", \"24h\" or \"3d\"", s)
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}[m[2]]
		if n > int64(maxDuration/unit) {
			return 0, fmt.Errorf("%q is longer than ten years", s)
		}
		sum += time.Duration(n) * unit
		rest = rest[len(m[0]):]
	}
	if s == "" || sum > maxDuration {
		return 0, fmt.Errorf("%q is not a duration between nothing and ten years; write \"90s\", \"5m\", \"24h\" or \"3d\"", s)
	}
	return sum, nil
}

var sizeUnits = map[string]int64{
	"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// parseSize reads "500MB" (10⁶) and "2GiB" (2³⁰) into octets.
func parseSize(s string) (int64, error) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size; write \"500MB\" (millions) or \"2GiB\" (powers of two)", s)
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[m[2]]
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return n * unit, nil
}

// parseRate reads "40MB/s" into octets a second.
func parseRate(s string) (int64, error) {
	size, found := strings.CutSuffix(s, "/s")
	n, err := parseSize(size)
	if !found || err != nil {
		return 0, fmt.Errorf("%q is not a rate; write \"40MB/s\" (octets, not bits)", s)
	}
	return n, nil
}

// parsePercent reads "10%" into 0.10.
func parsePercent(s string) (float64, error) {
	m := percentText.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a percentage; write \"10%%\"", s)
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil || f > 100 {
		return 0, fmt.Errorf("%q is not between 0%% and 100%%", s)
	}
	return f / 100, nil
}

// parseHours reads "06:00-07:00" into minutes after midnight. The end may be
// before the start: the span then crosses midnight.
func parseHours(s string) (start, end int, err error) {
	a, b, found := strings.Cut(s, "-")
	if found {
		if start, err = parseClock(strings.TrimSpace(a)); err == nil {
			end, err = parseClock(strings.TrimSpace(b))
		}
	}
	if !found || err != nil {
		return 0, 0, fmt.Errorf("%q is not a span of hours; write \"06:00-07:00\" (it may cross midnight: \"22:00-04:00\")", s)
	}
	if start == end || start == 24*60 {
		return 0, 0, fmt.Errorf("%q begins and ends at the same time; leave hours out for the whole day", s)
	}
	return start, end % (24 * 60), nil
}

func parseClock(s string) (int, error) {
	m := clockText.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a time of day", s)
	}
	h, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	if h == 24 && minute != 0 {
		return 0, fmt.Errorf("%q is not a time of day", s)
	}
	return h*60 + minute, nil
}

const dayLayout = "2006-01-02"

// parseDate reads "2027-03-13" as local midnight, or a local or absolute time.
func parseDate(s string, loc *time.Location) (time.Time, error) {
	for _, layout := range []string{dayLayout, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a date; write \"2027-03-13\" or \"2027-03-13T06:00\"", s)
}

// parseBlackout reads "2027-03-28/2027-04-02" or a single day.
func parseBlackout(s string) (migration.DateRange, error) {
	first, last, found := strings.Cut(s, "/")
	if !found {
		last = first
	}
	a, errA := time.Parse(dayLayout, first)
	b, errB := time.Parse(dayLayout, last)
	if errA != nil || errB != nil {
		return migration.DateRange{}, fmt.Errorf("%q is not a span of days; write \"2027-03-28/2027-04-02\" or one day", s)
	}
	if b.Before(a) {
		return migration.DateRange{}, fmt.Errorf("%q ends before it begins", s)
	}
	return migration.DateRange{First: first, Last: last}, nil
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func parseDay(s string) (time.Weekday, error) {
	for i, name := range dayNames {
		if strings.EqualFold(s, name) || strings.EqualFold(s, time.Weekday(i).String()) {
			return time.Weekday(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day; write %s", s, listed(dayNames))
}
