package observe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"bascule/migration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a mail server that answers as a test says.
type script struct {
	greeting string
	// reply answers a command; "" closes the connection.
	reply func(command string) string

	mu       sync.Mutex
	commands []string
	dialled  []string
}

func (s *script) prober() Prober {
	return Prober{Hello: "probe.invalid", Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		s.mu.Lock()
		s.dialled = append(s.dialled, address)
		s.mu.Unlock()
		near, far := net.Pipe()
		go s.serve(far)
		return near, nil
	}}
}

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	if s.greeting != "" {
		fmt.Fprint(conn, s.greeting)
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		s.mu.Lock()
		s.commands = append(s.commands, lines.Text())
		s.mu.Unlock()
		answer := s.reply(lines.Text())
		if answer == "" {
			return
		}
		if _, err := fmt.Fprint(conn, answer); err != nil {
			return
		}
	}
}

const hello = "220 mx.example ESMTP\r\n"

// answering makes a server that is polite but for RCPT.
func answering(rcpt func(address string) string) *script {
	return &script{greeting: hello, reply: func(command string) string {
		if strings.HasPrefix(command, "RCPT TO:<") {
			address, _, _ := strings.Cut(strings.TrimPrefix(command, "RCPT TO:<"), ">")
			return rcpt(address)
		}
		if strings.HasPrefix(command, "QUIT") {
			return "221 bye\r\n"
		}
		return "250 ok\r\n"
	}}
}

func codes(answers []migration.RecipientAnswer) []int {
	var out []int
	for _, a := range answers {
		out = append(out, a.Code)
	}
	return out
}

func query(recipients ...string) migration.RecipientQuery {
	return migration.RecipientQuery{Hosts: []string{"mx.example."}, Recipients: recipients}
}

func TestTheAnswerToRCPTIsTheServersOwn(t *testing.T) {
	s := answering(func(a string) string {
		switch a {
		case "no@example.ch":
			return "550-5.1.1 no such\r\n550 5.1.1 user\r\n"
		case "later@example.ch":
			return "450 4.2.0 greylisted\r\n"
		}
		return "250 ok\r\n"
	})
	got := s.prober().Recipients(t.Context(), query("yes@example.ch", "no@example.ch", "later@example.ch"))
	if diff := cmp.Diff([]int{250, 550, 450}, codes(got)); diff != "" {
		t.Fatal(diff)
	}
	if !strings.Contains(got[1].Text, "no such") || !strings.Contains(got[1].Text, "user") || got[1].Server != "mx.example:25" || got[1].Recipient != "no@example.ch" {
		t.Errorf("%+v", got[1])
	}
	if i := slices.IndexFunc(s.commands, func(c string) bool { return strings.HasPrefix(c, "DATA") }); i >= 0 {
		t.Error("DATA was sent")
	}
	if !slices.Contains(s.commands, "MAIL FROM:<>") {
		t.Errorf("commands %q", s.commands)
	}
}

func TestARefusalBeforeRCPTSaysNothingOfAnAddress(t *testing.T) {
	polite := func(string) string { return "250 ok\r\n" }
	only := func(verb, answer string) func(string) string {
		return func(c string) string {
			if strings.HasPrefix(c, verb) || verb == "EHLO" && strings.HasPrefix(c, "HELO") {
				return answer
			}
			return "250 ok\r\n"
		}
	}
	for name, tt := range map[string]struct {
		s    *script
		code int
		text string
	}{
		"a greeting that refuses us": {&script{greeting: "554 5.7.1 you are on a blocklist\r\n", reply: polite}, 0, "blocklist"},
		"a greeting that is busy":    {&script{greeting: "421 too many connections\r\n", reply: polite}, 0, "too many"},
		"a host that takes no mail":  {&script{greeting: "521 takes no mail\r\n", reply: polite}, 521, "takes no mail"},
		"a refused EHLO":             {&script{greeting: hello, reply: only("EHLO", "550 bad name\r\n")}, 0, "bad name"},
		"a refused sender":           {&script{greeting: hello, reply: only("MAIL", "550 no null sender here\r\n")}, 0, "no null sender"},
		"a server that shuts down":   {&script{greeting: hello, reply: only("RCPT", "421 shutting down\r\n")}, 0, "shutting down"},
		"a connection that ends":     {&script{greeting: hello, reply: only("RCPT", "")}, 0, "EOF"},
		"no greeting":                {&script{greeting: "", reply: polite}, 0, ""},
		"no SMTP at all":             {&script{greeting: "* OK IMAP4rev1\r\n", reply: polite}, 0, ""},
		"accepted, and RSET fails":   {&script{greeting: hello, reply: only("RSET", "421 bye\r\n")}, 250, ""},
		"accepted, and RSET ends it": {&script{greeting: hello, reply: only("RSET", "")}, 250, ""},
		"a reply that never ends":    {&script{greeting: "220 " + strings.Repeat("x", 2*maxReplies) + "\r\n", reply: polite}, 0, "octets"},
		"a reply of endless lines":   {&script{greeting: strings.Repeat("220-x\r\n", maxReplies), reply: polite}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if tt.s.greeting == "" {
				cancel(errors.New("enough")) // a silent server is ended by the context
			}
			got := tt.s.prober().Recipients(ctx, query("a@example.ch"))
			if len(got) != 1 || got[0].Code != tt.code || !strings.Contains(got[0].Text, tt.text) || len(got[0].Text) > 4*maxWords {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestARefusedSecondRecipientOfTheNullSenderIsAskedByItself(t *testing.T) {
	n := 0
	s := answering(nil)
	s.reply = func(c string) string {
		switch {
		case strings.HasPrefix(c, "MAIL"):
			n = 0
		case strings.HasPrefix(c, "RCPT"):
			if n++; n > 1 {
				return "452 one recipient for a bounce\r\n"
			}
		}
		return "250 ok\r\n"
	}
	if got := s.prober().Recipients(t.Context(), query("a@x.ch", "b@x.ch", "c@x.ch")); !slices.Equal(codes(got), []int{250, 250, 250}) {
		t.Errorf("%+v", got)
	}
}

// Postfix ends a connection after 20 errors; a company has more addresses.
func TestAServerThatEndsAfterSomeErrorsIsAskedAgain(t *testing.T) {
	errs := 0
	s := answering(func(string) string {
		if errs++; errs%4 == 0 {
			return "421 too many errors\r\n"
		}
		return "550 no\r\n"
	})
	var all []string
	for i := range 120 {
		all = append(all, fmt.Sprintf("p%d@example.ch", i))
	}
	got := s.prober().Recipients(t.Context(), query(all...))
	for i, a := range got {
		if a.Code != 550 || a.Recipient != all[i] {
			t.Fatalf("%d: %+v", i, a)
		}
	}
	if len(got) != len(all) {
		t.Errorf("%d answers", len(got))
	}
}

func TestAServerThatIsAwayIsDialledOnce(t *testing.T) {
	dialled := 0
	p := Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
		dialled++
		return nil, errors.New("connection refused")
	}}
	var all []string
	for i := range 120 {
		all = append(all, fmt.Sprintf("p%d@example.ch", i))
	}
	got := p.Recipients(t.Context(), query(all...))
	if dialled != 1 || len(got) != 120 || got[119].Code != 0 || got[119].Text != "connection refused" {
		t.Errorf("%d dials, %d answers", dialled, len(got))
	}
}

func TestHostsAreTriedInOrderOrAll(t *testing.T) {
	hosts := []string{"away.example.", "first.example.", "second.example."}
	for name, tt := range map[string]struct {
		q       migration.RecipientQuery
		dialled []string
		codes   []int
	}{
		"the first that answers": {migration.RecipientQuery{Hosts: hosts}, []string{"away.example:25", "first.example:25"}, []int{0, 250}},
		"all":                    {migration.RecipientQuery{Hosts: hosts, All: true}, []string{"away.example:25", "first.example:25", "second.example:25"}, []int{0, 250, 250}},
		"an endpoint":            {migration.RecipientQuery{Hosts: hosts, All: true, Endpoint: "127.0.0.1:2525"}, []string{"127.0.0.1:2525"}, []int{250}},
		"nobody":                 {migration.RecipientQuery{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := answering(func(string) string { return "250 ok\r\n" })
			p, dial := s.prober(), s.prober().Dial
			p.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "away") {
					s.dialled = append(s.dialled, address)
					return nil, errors.New("no route")
				}
				return dial(ctx, network, address)
			}
			tt.q.Recipients = []string{"a@x.ch"}
			got := p.Recipients(t.Context(), tt.q)
			if diff := cmp.Diff(tt.dialled, s.dialled); diff != "" {
				t.Error(diff)
			}
			if tt.q.All || len(tt.codes) == 0 || tt.q.Endpoint != "" {
				if diff := cmp.Diff(tt.codes, codes(got)); diff != "" {
					t.Error(diff)
				}
			} else if got[len(got)-1].Code != 250 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestNoAddressSmugglesACommand(t *testing.T) {
	for name, tt := range map[string]struct {
		address string
		rcpt    string // what is sent; "" for nothing
	}{
		"a plain one":               {"a@example.ch", "RCPT TO:<a@example.ch>"},
		"a domain in U-labels":      {"info@bücher.example", "RCPT TO:<info@xn--bcher-kva.example>"},
		"a command after a CRLF":    {"a@example.ch\r\nDATA", ""},
		"a bare line feed":          {"a@example.ch\nDATA", ""},
		"a path that ends early":    {"a@example.ch> NOTIFY=NEVER <b@example.ch", ""},
		"a blank":                   {"a b@example.ch", ""},
		"a null octet":              {"a\x00@example.ch", ""},
		"no domain":                 {"postmaster", ""},
		"a local part beyond ASCII": {"jürg@example.ch", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := answering(func(string) string { return "250 ok\r\n" })
			got := s.prober().Recipients(t.Context(), query(tt.address, "last@example.ch"))
			want := []int{250, 250}
			var sent []string
			for _, c := range s.commands {
				if strings.HasPrefix(c, "RCPT") && !strings.Contains(c, "last@") {
					sent = append(sent, c)
				}
				if strings.HasPrefix(c, "DATA") {
					t.Error("DATA was sent")
				}
			}
			if tt.rcpt == "" {
				want[0] = 0
				if len(sent) > 0 {
					t.Errorf("sent %q", sent)
				}
			} else if !slices.Equal(sent, []string{tt.rcpt}) {
				t.Errorf("sent %q", sent)
			}
			if diff := cmp.Diff(want, codes(got)); diff != "" {
				t.Error(diff, got)
			}
		})
	}
}
