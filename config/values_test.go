package config

import (
	"fmt"
	"testing"
	"time"

	"bascule/migration"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// outcome runs a parser and shows its value, or "error".
func outcome[T any](v T, err error) string {
	if err != nil {
		return "error"
	}
	return fmt.Sprint(v)
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]string{
		"90s": "1m30s", "5m": "5m0s", "24h": "24h0m0s", "3d": "72h0m0s", "1d12h": "36h0m0s", "0s": "0s",
		"": "error", "5": "error", "-5m": "error", "5 m": "error", "1.5h": "error", "9999999999d": "error",
		"4000d": "error", "3650d3650d": "error", "5M": "error", "m": "error",
	} {
		if got := outcome(parseDuration(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestSizesAndPercentages(t *testing.T) {
	for in, want := range map[string]string{
		"1B": "1", "500MB": "500000000", "2GiB": "2147483648", "10 GB": "10000000000", "1KiB": "1024",
		"500": "error", "1.5GB": "error", "-1GB": "error", "999999999999999TB": "error", "5gb": "error",
	} {
		if got := outcome(parseSize(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"10%": "0.1", "2.5 %": "0.025", "100%": "1", "0%": "0", "101%": "error", "10": "error", "-1%": "error"} {
		if got := outcome(parsePercent(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestHours(t *testing.T) {
	for in, want := range map[string]string{
		"06:00-07:00": "360-420", "22:00-04:00": "1320-240", "00:00-24:00": "0-0", "18:00-24:00": "1080-0",
		"06:00-06:00": "error", "24:00-01:00": "error", "6-7": "error", "25:00-26:00": "error", "06:60-07:00": "error", "24:30-25:00": "error", "06:00": "error",
	} {
		start, end, err := parseHours(in)
		got := fmt.Sprintf("%d-%d", start, end)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"Mail.Example.CH.": "mail.example.ch", "müller.ch": "xn--mller-kva.ch", "XN--MLLER-KVA.ch": "xn--mller-kva.ch",
		"_dmarc.example.ch": "_dmarc.example.ch", "a": "a", "a b": "error", "": "error", ".": "error", "a..b": "error", "-a.ch": "error", "a\x00b": "error",
	} {
		if got := outcome(hostName(in)); got != want {
			t.Errorf("host %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"Alice@Example.CH": "Alice@example.ch", "a@müller.ch": "a@xn--mller-kva.ch", "a+b.c@x.ch": "a+b.c@x.ch", "é@x.ch": "é@x.ch",
		"@x.ch": "error", "a@": "error", "a": "error", "a b@x.ch": "error", "*@x.ch": "error", "a@b@x.ch": "error", "<a@x.ch>": "error", "a\r\n@x.ch": "error",
	} {
		if got := outcome(emailAddress(in, false)); got != want {
			t.Errorf("address %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"10 MX.Example.CH": "10 mx.example.ch.", " 0  mx.x.ch. ": "0 mx.x.ch.",
		"mx.x.ch": "error", "10 .": "error", "70000 mx.x.ch": "error", "10 192.0.2.1": "error", "-1 mx.x.ch": "error",
	} {
		if got := outcome(mxValue(in)); got != want {
			t.Errorf("MX %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"@": "x.ch.", "": "x.ch.", "www": "www.x.ch.", "WWW.x.ch.": "www.x.ch.", "*": "*.x.ch.", "*.sub": "*.sub.x.ch.", "_imaps._tcp": "_imaps._tcp.x.ch.",
		"www.y.ch.": "error", "a..b": "error",
	} {
		if got := outcome(recordName(in, "x.ch")); got != want {
			t.Errorf("record %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"mx.x.ch:25": "mx.x.ch:25", "[::1]:2525": "[::1]:2525", "192.0.2.1:25": "192.0.2.1:25", "mx.x.ch": "error", "mx.x.ch:0": "error", ":25": "error"} {
		if got := outcome(hostPort(in)); got != want {
			t.Errorf("endpoint %q: %s, want %s", in, got, want)
		}
	}
}

func TestVersionConstraints(t *testing.T) {
	for _, c := range []struct{ version, constraint, want string }{
		{"0.1.0", ">= 0.1, < 2.0", "true"}, {"v1.2.3", "~> 1.2", "true"}, {"1.3.0", "~> 1.2.0", "false"}, {"2.0.0", "~> 1.2", "false"},
		{"1.2.3", "1.2.3", "true"}, {"1.2.3", "!= 1.2.3", "false"}, {"0.9.0", "> 0.9", "false"}, {"0.9.0", "<= 0.9", "true"},
		{"", ">= 9", "true"}, {"devel", ">= 9", "true"}, {"1.0.0", "", "error"}, {"devel", "about 1", "error"}, {"1.0.0", ">= 1, x", "error"},
	} {
		if got := outcome(versionMeets(c.version, c.constraint)); got != c.want {
			t.Errorf("%s meets %q: %s, want %s", c.version, c.constraint, got, c.want)
		}
	}
}

func TestNextOpeningOfAWindow(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		when, err := parseDate(s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	weekend := migration.Window{Days: []time.Weekday{time.Saturday, time.Sunday}, Start: 6 * 60, End: 7 * 60}
	night := migration.Window{Days: []time.Weekday{time.Saturday}, Start: 22 * 60, End: 4 * 60}
	for _, c := range []struct {
		name       string
		w          migration.Window
		from, want string
	}{
		{"waits for the day", weekend, "2027-03-10T12:00", "2027-03-13T06:00"},
		{"is open now", weekend, "2027-03-13T06:30", "2027-03-13T06:30"},
		{"was open an hour ago", weekend, "2027-03-13T07:00", "2027-03-14T06:00"},
		{"began yesterday and crosses midnight", night, "2027-03-14T02:00", "2027-03-14T02:00"},
		{"is over after midnight", night, "2027-03-14T04:00", "2027-03-20T22:00"},
		{"goes by local time when clocks change", weekend, "2027-03-28T00:00", "2027-03-28T06:00"},
		{"without limits is always open", migration.Window{}, "2027-03-10T12:00", "2027-03-10T12:00"},
		{"must last long enough", migration.Window{Start: 6 * 60, End: 7 * 60, MinRemaining: 20 * time.Minute}, "2027-03-10T06:45", "2027-03-11T06:00"},
		{"stays closed in a blackout", migration.Window{Blackout: []migration.DateRange{{First: "2027-03-10", Last: "2027-03-12"}}, Start: 6 * 60, End: 7 * 60}, "2027-03-10T00:00", "2027-03-13T06:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := nextOpening(c.w, at(c.from), loc)
			if !ok || !got.Equal(at(c.want)) {
				t.Errorf("from %s: %s, want %s", c.from, got, c.want)
			}
		})
	}
}

func TestSuggestions(t *testing.T) {
	names := []string{"address", "aliases", "source", "target"}
	for in, want := range map[string]string{"adress": "address", "adrdess": "address", "Soruce": "source", "x": "", "mailbox": "", "alias": "aliases"} {
		if got := nearest(in, names); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
