package mailsync

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The words are those of the servers, as people report them.
func TestComplaint(t *testing.T) {
	for _, tt := range []struct {
		who, command, status, code, text string
		want                             Strain
		wait                             time.Duration
	}{
		{"Exchange Online", "FETCH", "BAD", "", "Request is throttled. Suggested Backoff Time: 92415 milliseconds", Throttled, 92415 * time.Millisecond},
		{"Exchange Online", "FETCH", "NO", "", "Server Unavailable. 15", 0, 0},
		{"Exchange asking for a month", "FETCH", "BAD", "", "Suggested Backoff Time: 2678400000 milliseconds", Throttled, 24 * time.Hour},
		{"Exchange asking for nonsense", "FETCH", "BAD", "", "Suggested Backoff Time: 99999999999999999999 milliseconds", Throttled, 24 * time.Hour},
		{"Gmail, day used up", "FETCH", "NO", "OVERQUOTA", "Account exceeded command or bandwidth limits. a9mb41", Spent, 0},
		{"Gmail, crowded", "login", "NO", "ALERT", "Too many simultaneous connections. (Failure)", Crowded, 0},
		{"Dovecot, crowded", "login", "NO", "UNAVAILABLE", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", Crowded, 0},
		{"Dovecot, hanging up", "login", "BYE", "", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", Crowded, 0},
		{"Dovecot, out of order", "login", "NO", "UNAVAILABLE", "Temporary authentication failure.", Unavailable, 0},
		{"Dovecot, large message", "APPEND", "NO", "LIMIT", "Mail size is larger than the maximum size allowed", 0, 0},
		{"Dovecot, full mailbox", "APPEND", "NO", "OVERQUOTA", "Quota exceeded (mailbox for user is full)", 0, 0},
		{"iCloud", "FETCH", "NO", "", "Service temporarily unavailable", Unavailable, 0},
		{"Yahoo, message", "UID FETCH", "NO", "UNAVAILABLE", "UID FETCH Server error", Unavailable, 0},
		{"Yahoo, rate", "login", "NO", "LIMIT", "Rate limit hit.", Throttled, 0},
		{"RFC 9738 servers", "SEARCH", "NO", "THROTTLED", "slow down", Throttled, 0},
		{"a mailbox opened elsewhere", "SELECT", "NO", "INUSE", "Mailbox in use", Unavailable, 0},
		{"a limit on logins", "login", "NO", "LIMIT", "no more", Crowded, 0},
		{"a limit of folders", "CREATE", "NO", "LIMIT", "too many folders", 0, 0},
		{"a wrong password", "login", "NO", "AUTHENTICATIONFAILED", "Authentication failed.", 0, 0},
	} {
		t.Run(tt.who, func(t *testing.T) {
			got, ok := Complaint(tt.command, tt.status, tt.code, tt.text)
			if ok != (tt.want != 0) || got.Strain != tt.want || got.Wait != tt.wait {
				t.Errorf("%s, %s", got.Strain, got.Wait)
			}
		})
	}
}

func TestBudgetIsGrantedInOrderAndNeverExceeded(t *testing.T) {
	b := NewBudget(100)
	wake := make(chan struct{}, 1)
	first, large, small := b.Ask(60, wake), b.Ask(1000, wake), b.Ask(10, wake)
	if !first.Granted() || large.Granted() || small.Granted() {
		t.Fatal("a small message overtook a large one")
	}
	first.Release()
	first.Release()
	if !large.Granted() || small.Granted() || b.Peak() != 100 {
		t.Fatal("a message larger than the budget must go alone")
	}
	large.Release()
	if !small.Granted() {
		t.Fatal("not granted")
	}
	waiting := b.Ask(100, wake)
	behind := b.Ask(50, wake)
	waiting.Release() // left the line
	if !behind.Granted() {
		t.Fatal("who left the line holds the others back")
	}
}

func TestTakingOctetsEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(10)
		held, err := b.Take(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.Take(ctx, 1); err == nil {
			t.Fatal("granted beyond the budget")
		}
		held.Release()
		if _, err := b.Take(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzComplaint(f *testing.F) {
	f.Add("login", "NO", "LIMIT", "Suggested Backoff Time: 92415 milliseconds")
	f.Add("", "BYE", "", "too many connections")
	f.Fuzz(func(t *testing.T, command, status, code, text string) {
		b, ok := Complaint(command, status, code, text)
		if ok != (b.Strain != 0) || b.Wait < 0 || b.Wait > mostHint {
			t.Errorf("%v %+v", ok, b)
		}
	})
}
