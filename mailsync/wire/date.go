package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FormatDate writes an INTERNALDATE (RFC 3501 §9 date-time), quoted, in UTC:
// an instant has no zone. Only years of four digits can be written.
func FormatDate(t time.Time) (string, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return "", fmt.Errorf("date %s has no year of four digits", t.Format(time.RFC3339))
	}
	return `"` + t.Format("02-Jan-2006 15:04:05 -0700") + `"`, nil
}

// ParseDate reads an INTERNALDATE as servers write it: a day with or without
// its blank, years of two digits (RFC 5322 §4.3 says which century), a
// missing zone taken as UTC.
func ParseDate(s string) (time.Time, error) {
	if t, ok := plainDate(s); ok {
		return t, nil
	}
	f := strings.Fields(s)
	if len(f) < 2 || len(f) > 3 {
		return time.Time{}, badDate(s)
	}
	day := strings.Split(f[0], "-")
	if len(day) != 3 {
		return time.Time{}, badDate(s)
	}
	d, ok1 := digits(day[0], 1, 2, 31)
	m := month(day[1])
	y, ok2 := digits(day[2], 2, 4, 9999)
	h, mi, sec, ok3 := clockTime(f[1])
	zone, ok4 := 0, true
	if len(f) == 3 {
		zone, ok4 = offset(f[2])
	}
	if !ok1 || !ok2 || !ok3 || !ok4 || m == 0 || d == 0 {
		return time.Time{}, badDate(s)
	}
	if y = century(y, len(day[2])); y == 0 {
		return time.Time{}, badDate(s)
	}
	t := time.Date(y, m, d, h, mi, sec, 0, time.UTC)
	if t.Day() != d {
		return time.Time{}, badDate(s) // 30 February
	}
	return t.Add(-time.Duration(zone) * time.Minute), nil
}

// plainDate reads a date that is written as RFC 3501 §9 has it, which nearly
// all are, without taking it apart: listings have one for each message.
func plainDate(s string) (t time.Time, ok bool) {
	if len(s) != len("02-Jan-2006 15:04:05 -0700") || s[2] != '-' || s[6] != '-' || s[11] != ' ' || s[14] != ':' || s[17] != ':' || s[20] != ' ' || s[21] != '+' && s[21] != '-' {
		return t, false
	}
	n := [...]int{number(s[:2]), number(s[7:11]), number(s[12:14]), number(s[15:17]), number(s[18:20]), number(s[22:24]), number(s[24:])}
	m := month(s[3:6])
	if slices.Contains(n[:], -1) || m == 0 || n[1] == 0 || n[2] > 23 || n[3] > 59 || n[4] > 60 {
		return t, false
	}
	east := time.Duration(n[5]*60+n[6]) * time.Minute
	if s[21] == '-' {
		east = -east
	}
	t = time.Date(n[1], m, n[0], n[2], n[3], n[4], 0, time.UTC)
	return t.Add(-east), t.Day() == n[0]
}

// number reads decimal digits, or is -1.
func number(s string) (n int) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func badDate(s string) error { return fmt.Errorf("not a date: %.40q", s) }

func digits(s string, shortest, longest, most int) (int, bool) {
	if len(s) < shortest || len(s) > longest || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= most
}

func month(s string) time.Month {
	if i := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", s); len(s) == 3 && i >= 0 && i%3 == 0 {
		return time.Month(i/3 + 1)
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(s, m.String()[:3]) {
			return m
		}
	}
	return 0
}

func century(y, written int) int {
	switch {
	case written == 2 && y < 50:
		return 2000 + y
	case written == 2, written == 3:
		return 1900 + y
	}
	return y
}

func clockTime(s string) (h, m, sec int, ok bool) {
	p := strings.Split(s, ":")
	if len(p) != 3 {
		return 0, 0, 0, false
	}
	h, ok1 := digits(p[0], 1, 2, 23)
	m, ok2 := digits(p[1], 2, 2, 59)
	sec, ok3 := digits(p[2], 2, 2, 60)
	return h, m, sec, ok1 && ok2 && ok3
}

// offset reads "+0130" in minutes east of UTC.
func offset(s string) (int, bool) {
	if s == "GMT" || s == "UTC" || s == "UT" || s == "Z" {
		return 0, true
	}
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok1 := digits(s[1:3], 2, 2, 99)
	m, ok2 := digits(s[3:], 2, 2, 99)
	n := h*60 + m
	if s[0] == '-' {
		n = -n
	}
	return n, ok1 && ok2
}
