package executor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/mailsync"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/state"
)

// said is what servers answered: "host address code".
func said(lines ...string) []migration.RecipientAnswer {
	var out []migration.RecipientAnswer
	for _, l := range lines {
		a := migration.RecipientAnswer{Text: "words"}
		_, _ = fmt.Sscan(l, &a.Server, &a.Recipient, &a.Code)
		out = append(out, a)
	}
	return out
}

func TestAcceptanceAndRefusal(t *testing.T) {
	both := []string{"a@x", "b@x"}
	for name, tt := range map[string]struct {
		answers         []migration.RecipientAnswer
		accepts, closed state.Verdict
	}{
		"all accepted":                          {said("mx a@x 250", "mx b@x 250"), state.Passed, state.Failed},
		"all refused for good":                  {said("mx a@x 550", "mx b@x 550"), state.Failed, state.Passed},
		"one refused":                           {said("mx a@x 250", "mx b@x 550"), state.Failed, state.Failed},
		"nobody answers":                        {said("mx a@x 0", "mx b@x 0"), state.Inconclusive, state.Inconclusive},
		"nobody was asked":                      {nil, state.Inconclusive, state.Inconclusive},
		"one address without an answer":         {said("mx a@x 250", "mx b@x 0"), state.Inconclusive, state.Failed},
		"one host silent, the other accepts":    {said("m1 a@x 0", "m1 b@x 0", "m2 a@x 250", "m2 b@x 250"), state.Passed, state.Failed},
		"one host silent, the other refuses":    {said("m1 a@x 0", "m1 b@x 0", "m2 a@x 550", "m2 b@x 550"), state.Failed, state.Inconclusive},
		"one host accepts, the other refuses":   {said("m1 a@x 250", "m1 b@x 250", "m2 a@x 550", "m2 b@x 550"), state.Failed, state.Failed},
		"an address nobody was asked about":     {said("mx a@x 550"), state.Failed, state.Inconclusive},
		"one put off":                           {said("mx a@x 250", "mx b@x 451"), state.Inconclusive, state.Failed},
		"all put off":                           {said("mx a@x 451", "mx b@x 421"), state.Inconclusive, state.Passed},
		"one put off, one refused":              {said("mx a@x 451", "mx b@x 550"), state.Failed, state.Passed},
		"put off by one host, taken by another": {said("m1 a@x 451", "m1 b@x 250", "m2 a@x 250"), state.Passed, state.Failed},
		"forwarded, will try (251) is accepted": {said("mx a@x 251", "mx b@x 250"), state.Passed, state.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			if e := acceptance(tt.answers, both); e.Verdict != tt.accepts {
				t.Errorf("acceptance: %s, want %s: %+v", e.Verdict, tt.accepts, e)
			}
			if e := acceptance(tt.answers, both); e.Verdict == state.Inconclusive && len(tt.answers) > 0 && len(e.Items) == 0 {
				t.Errorf("acceptance: nobody's words are kept: %+v", e)
			}
			if e := refusal(tt.answers, both); e.Verdict != tt.closed {
				t.Errorf("refusal: %s, want %s: %+v", e.Verdict, tt.closed, e)
			}
		})
	}
}

func TestADomainWithoutAddressesIsNotClosedUnasked(t *testing.T) {
	w := company(t)
	w.desired.Mailboxes, w.desired.Aliases = nil, nil
	in, _, _ := w.look(t.Context(), w.state())
	q := oldQuery(in, in.Desired.Domains[0])
	if !slices.Equal(q.Recipients, []string{"postmaster@example.ch"}) || !q.All {
		t.Errorf("asked about %v", q.Recipients)
	}
	if e := refusal(nil, nil); e.Verdict == state.Passed {
		t.Errorf("closed without a question: %+v", e)
	}
}

func TestTheOldServersAreThoseThatDoNotStay(t *testing.T) {
	w := company(t)
	w.publish("example.ch", "MX", 300, "10 mx.old.example.", "20 mx.new.example.")
	in, _, _ := w.look(t.Context(), w.state())
	if q := oldQuery(in, in.Desired.Domains[0]); !slices.Equal(q.Hosts, []string{"mx.old.example."}) {
		t.Errorf("asked %v", q.Hosts)
	}
	if hosts := oldHosts(in, in.Desired.Domains[0]); slices.Contains(hosts, "mx.new.example.") {
		t.Errorf("old hosts %v", hosts)
	}
	w.desired.Sources[0].MXEndpoint = "127.0.0.1:2525"
	in, _, _ = w.look(t.Context(), w.state())
	if q := oldQuery(in, in.Desired.Domains[0]); q.Endpoint != "127.0.0.1:2525" {
		t.Errorf("endpoint %q", q.Endpoint)
	}
}

// Greylisting answers 4xx to who asks for the first time: a delay is not a
// closed door until it lasts.
func TestADeferralClosesTheOldSideOnlyWhenItLasts(t *testing.T) {
	w := company(t)
	p := w.plan()
	w.toSwitched(reviewed(p))
	w.answers = func(q migration.RecipientQuery) []migration.RecipientAnswer {
		var out []migration.RecipientAnswer
		for _, r := range q.Recipients {
			out = append(out, migration.RecipientAnswer{Server: "mx.old.example.", Recipient: r, Code: 450, Text: "greylisted"})
		}
		return out
	}
	asked := w.until("the question", func(Result) bool {
		_, ok := w.state().Objects[dom].Evidence["manual:inbound"]
		return ok
	}, reviewed(p))
	if e := w.state().Objects[dom].Evidence["manual:inbound"]; e.Verdict != state.Inconclusive {
		t.Errorf("after the first 450: %+v", e)
	}
	if _, closed := w.state().DoneAt(dom, "inbound"); closed || asked.Detailed() != ExitPerson {
		t.Errorf("closed %v, detailed %d", closed, asked.Detailed())
	}
	w.clock.Advance(3 * deferralLasts / 2)
	w.run(reviewed(p))
	if _, closed := w.state().DoneAt(dom, "inbound"); !closed {
		t.Errorf("still deferred, and not closed: %+v", w.state().Objects[dom].Evidence["manual:inbound"])
	}
}

func TestTermsThatAreMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		record string
		wanted []string
		want   []string
	}{
		"all there":                      {"v=spf1 include:a.example ip4:192.0.2.1 -all", []string{"include:a.example", "ip4:192.0.2.1"}, nil},
		"one missing":                    {"v=spf1 include:a.example -all", []string{"include:a.example", "include:b.example"}, []string{"include:b.example"}},
		"case does not matter":           {"v=spf1 include:A.Example -all", []string{"include:a.example"}, nil},
		"mx and all are no own terms":    {"v=spf1 -all", []string{"mx", "-all"}, nil},
		"what does not parse is skipped": {"v=spf1 -all", []string{"ip4:nonsense"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := maildns.ParseSPF(tt.record)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, missingTerms(record, tt.wanted)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSPFEvidence(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*world)
		want    state.Verdict
	}{
		"one record with the new service": {func(w *world) { w.publish("example.ch", "TXT", 60, "v=spf1 include:spf.new.example -all") }, state.Passed},
		"the new service is not in it":    {func(*world) {}, state.Failed},
		"no record":                       {func(w *world) { w.publish("example.ch", "TXT", 60, "site=1") }, state.Failed},
		"two records": {func(w *world) {
			w.publish("example.ch", "TXT", 60, "v=spf1 include:spf.new.example -all", "v=spf1 -all")
		}, state.Failed},
		"a record that does not parse": {func(w *world) { w.publish("example.ch", "TXT", 60, "v=spf1 ip4:nonsense -all") }, state.Failed},
		"a server is silent":           {func(w *world) { w.silent = "timeout" }, state.Inconclusive},
		"what the new service needs is not known": {func(w *world) {
			w.desired.Domains[0].SPF.Add = migration.Strings{Unknown: true}
		}, state.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			w := company(t)
			tt.prepare(w)
			in, _, _ := w.look(t.Context(), w.state())
			tick := &tick{Executor: &Executor{World: w.outside()}}
			if e := tick.spfEvidence(t.Context(), in, in.Desired.Domains[0]); e.Verdict != tt.want {
				t.Errorf("%s: %+v", e.Verdict, e)
			}
		})
	}
}

func TestDKIMEvidence(t *testing.T) {
	for name, tt := range map[string]struct {
		value string
		want  state.Verdict
	}{
		"published":         {"v=DKIM1; p=AAAA", state.Passed},
		"written otherwise": {"v=DKIM1;p=AAAA", state.Passed},
		"another key":       {"v=DKIM1; p=BBBB", state.Failed},
		"absent":            {"", state.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			w := company(t)
			if tt.value != "" {
				w.publish("s1._domainkey.example.ch", "TXT", 60, tt.value)
			}
			in, _, _ := w.look(t.Context(), w.state())
			if e := dkimEvidence(in, in.Desired.Domains[0]); e.Verdict != tt.want {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestOnlyARefusalForGoodIsCertain(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"refused":           {fmt.Errorf("set: %w", providers.ErrRefused), true},
		"credentials":       {providers.ErrAuth, true},
		"not found":         {providers.ErrNotFound, true},
		"exists":            {providers.ErrExists, true},
		"a conflict":        {&RefusedError{[]string{"x"}}, true},
		"a lost connection": {retry.Temporary(errors.New("reset")), false},
		"anything else":     {errors.New("eof"), false},
	} {
		if got := certain(tt.err); got != tt.want {
			t.Errorf("%s: certain = %v", name, got)
		}
	}
}

func TestDifferencesBecomeTheEvidenceOfTheirCheck(t *testing.T) {
	v := mailsync.Verification{Matched: 7, Differences: []mailsync.Difference{
		{Kind: mailsync.FlagsDiffer, Folder: []string{"INBOX"}, UID: 3, Detail: "\\Seen"},
		{Kind: mailsync.DateDiffers, Folder: []string{"INBOX"}, UID: 4},
		{Kind: mailsync.DateDiffers, Folder: []string{"INBOX"}, UID: 5},
	}}
	got := mailboxEvidence(v)
	for check, want := range map[string]struct {
		verdict state.Verdict
		n       int
	}{"messages": {state.Passed, 0}, "flags": {state.Failed, 1}, "dates": {state.Failed, 2}} {
		if e := got[check]; e.Verdict != want.verdict || len(e.Items) != want.n || e.Counts["matched"] != 7 {
			t.Errorf("%s: %+v", check, e)
		}
	}
	for range 200 {
		v.Differences = append(v.Differences, mailsync.Difference{Kind: "missing", Folder: []string{"INBOX"}})
	}
	e := mailboxEvidence(v)["messages"]
	if len(e.Items) != maxItems+1 || !strings.Contains(e.Items[maxItems], "150 more") || e.Counts["differences"] != 200 {
		t.Errorf("%d items, last %q, counts %v", len(e.Items), e.Items[len(e.Items)-1], e.Counts)
	}
}

func TestASheetHasTheServersOfThePersonsOwnDomain(t *testing.T) {
	w := company(t)
	second := w.desired.Domains[0]
	second.Address, second.Name = "domain.other", "other.ch"
	w.desired.Domains = append(w.desired.Domains, second)
	in, _, _ := w.look(t.Context(), w.state())
	exports := map[string]migration.Exports{}
	for _, name := range []string{"example.ch", "other.ch"} {
		exports[name] = migration.Exports{IMAP: migration.Service{Host: "imap." + name, Port: 993, TLS: migration.Implicit}}
	}
	in.Observed.Targets[to] = migration.TargetSeen{Exports: exports}
	if got := exportsFor(in, in.Desired.Mailboxes[0]); got.IMAP.Host != "imap.example.ch" || got.Submission.Host != "imap.example.ch" {
		t.Errorf("%+v", got)
	}
}

func TestAnAliasIsAskedOfItsOwnDomain(t *testing.T) {
	w := company(t)
	second := w.desired.Domains[0]
	second.Address, second.Name, second.MXTo = "domain.other", "other.ch", migration.Strings{Values: []string{"10 mx.other.example."}}
	w.desired.Domains = append(w.desired.Domains, second)
	in, _, _ := w.look(t.Context(), w.state())
	var asked []string
	w.answers = func(q migration.RecipientQuery) []migration.RecipientAnswer { asked = q.Hosts; return nil }
	tick := &tick{Executor: &Executor{World: w.outside()}}
	tick.aliasAccepted(t.Context(), in, planner.Step{Action: planner.Action{Target: to, Email: "info@other.ch"}})
	if !slices.Equal(asked, []string{"mx.other.example."}) {
		t.Errorf("asked %v", asked)
	}
}
