package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Cutover returns the moment J the configuration asks for: the opening of its
// window, six o'clock (UTC) on the seventh day.
func (w *World) Cutover() time.Time {
	day := w.began.Add(7 * 24 * time.Hour)
	return time.Date(day.Year(), day.Month(), day.Day(), 6, 0, 0, 0, time.UTC)
}

// Config is the configuration of this world, formatted. It belongs into the
// directory the world was given, where ca.pem is; its secrets are in Env.
func (w *World) Config() []byte {
	quoted := make([]string, 0, len(People()))
	for _, person := range People() {
		quoted = append(quoted, fmt.Sprintf("%q", person))
	}
	text := fmt.Sprintf(`# The demonstration: a small company leaves its old mail service.
# Everything below is real, and listens on this machine only.

source "imap" "old" {
  host = %[1]q
  port = %[2]d
  address = "127.0.0.1" # the name is inside the domain that moves: pinned
  ca_file = %[3]q
  mx_endpoint = %[4]q
}

target %[5]q "new" {
  host = %[6]q
  port = %[7]d
  address = "127.0.0.1"
  ca_file = %[3]q
  mx_endpoint = %[8]q
}

dns "rfc2136" "zone" {
  nameservers = [%[9]s]
  server = %[10]q
  key_name = %[11]q
  key = secret("env:DEMO_TSIG_KEY")
}

domain "main" {
  name = %[12]q
  dns = dns.rfc2136.zone
  target = target.%[5]s.new
  mx_from = [%[13]q] # asserted until the cutover

  spf {
    drop_old = ["include:spf.%[1]s"]
  }
  autoconfig {}
}

mailbox "team" {
  for_each = toset([%[14]s])
  address = "${each.key}@${domain.main.name}"
  source {
    server = source.imap.old
    password = secret("env:DEMO_OLD_${upper(each.key)}")
  }
  target {
    server = target.%[5]s.new
    password = secret("env:DEMO_NEW_${upper(each.key)}")
  }
}

alias "contact" {
  address = "contact@${domain.main.name}"
  to = [mailbox.team["alice"].address, mailbox.team["info"].address]
}

migration "demo" {
  timezone = "UTC"

  cutover {
    window {
      hours = "06:00-08:00"
      not_before = %[15]q
    }
  }
}
`, OldHost, port(w.IMAP(Old)), CAFile, w.MX(Old), Driver, NewHost, port(w.IMAP(New)), w.MX(New),
		quotedList(w.Nameservers()), w.Nameservers()[0], keyName, Domain, oldMX, strings.Join(quoted, ", "), w.Cutover().Format(time.DateOnly))
	return hclwrite.Format([]byte(text))
}

func quotedList(values []string) string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, fmt.Sprintf("%q", v))
	}
	return strings.Join(out, ", ")
}
