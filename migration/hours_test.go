package migration

import (
	"testing"
	"time"
)

func TestHours(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	office, night := Hours{8 * 60, 18 * 60}, Hours{22 * 60, 6 * 60}
	early := Hours{60, 4 * 60}
	for _, tt := range []struct {
		name        string
		hours       Hours
		at          string
		within      bool
		ends        string
		next, until string
	}{
		{"before the office opens", office, "2027-03-08T07:59:59+01:00", false, "", "2027-03-08T08:00:00+01:00", "2027-03-08T18:00:00+01:00"},
		{"as it opens", office, "2027-03-08T08:00:00+01:00", true, "2027-03-08T18:00:00+01:00", "2027-03-09T08:00:00+01:00", "2027-03-09T18:00:00+01:00"},
		{"as it closes", office, "2027-03-08T18:00:00+01:00", false, "", "2027-03-09T08:00:00+01:00", "2027-03-09T18:00:00+01:00"},
		{"told in another zone", office, "2027-03-08T16:30:00Z", true, "2027-03-08T18:00:00+01:00", "2027-03-09T08:00:00+01:00", "2027-03-09T18:00:00+01:00"},
		{"after midnight of a span that crosses it", night, "2027-03-08T03:00:00+01:00", true, "2027-03-08T06:00:00+01:00", "2027-03-08T22:00:00+01:00", "2027-03-09T06:00:00+01:00"},
		{"before midnight", night, "2027-03-08T23:00:00+01:00", true, "2027-03-09T06:00:00+01:00", "2027-03-09T22:00:00+01:00", "2027-03-10T06:00:00+01:00"},
		{"the night the clock is put forward ends by the clock", night, "2027-03-27T23:00:00+01:00", true, "2027-03-28T06:00:00+02:00", "2027-03-28T22:00:00+02:00", "2027-03-29T06:00:00+02:00"},
		{"and is shorter", early, "2027-03-28T01:30:00+01:00", true, "2027-03-28T04:00:00+02:00", "2027-03-29T01:00:00+02:00", "2027-03-29T04:00:00+02:00"},
		{"the night it is put back is longer", early, "2027-10-31T02:30:00+01:00", true, "2027-10-31T04:00:00+01:00", "2027-11-01T01:00:00+01:00", "2027-11-01T04:00:00+01:00"},
		{"no hours", Hours{}, "2027-03-08T12:00:00+01:00", false, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := instant(t, tt.at)
			ends, within := tt.hours.Within(at, zone)
			begins, until := tt.hours.Next(at, zone)
			if within != tt.within || !ends.Equal(instant(t, tt.ends)) || !begins.Equal(instant(t, tt.next)) || !until.Equal(instant(t, tt.until)) {
				t.Errorf("within %v until %s, next %s to %s", within, ends, begins, until)
			}
		})
	}
}

func TestHoursInASkippedHourAreNone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	gap := Hours{2*60 + 15, 2*60 + 45}
	for minute := range 24 * 60 {
		at := time.Date(2027, 3, 28, 0, 0, 0, 0, zone).Add(time.Duration(minute) * time.Minute)
		if ends, within := gap.Within(at, zone); within && ends.Sub(at) > 30*time.Minute {
			t.Fatalf("%s is quiet until %s", at, ends)
		}
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
