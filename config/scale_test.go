package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// TestAThousandMailboxes: limits against hostile text must not meet a large
// company.
func TestAThousandMailboxes(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("name,quota,manager\n")
	for i := range 1000 {
		fmt.Fprintf(&rows, "person.%04d,%dGB,person.%04d\n", i, i%9+1, i/10)
	}
	fsys := fstest.MapFS{
		"people.csv": {Data: []byte(rows.String())},
		"main.hcl": {Data: []byte(`
locals {
  people = { for row in csvdecode(file("people.csv")) : row.name => row }
  quotas = { for name, row in local.people : name => row.quota }
}
source "imap" "old" {
  host = "mail.old-host.example"
}
target "mox" "new" {
  host           = "mail.new-host.example"
  admin_url      = "https://mail.new-host.example/admin/"
  admin_password = secret("env:MOX")
}
dns "manual" "zone" {}
domain "main" {
  name   = "example.ch"
  dns    = dns.manual.zone
  target = target.mox.new
}
mailbox "people" {
  for_each = local.people
  address  = "${each.key}@${domain.main.name}"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(replace(each.key, ".", "_"))}")
  }
  target {
    server = target.mox.new
    quota  = lookup(local.quotas, each.key, "1GB")
  }
}
alias "managers" {
  for_each = local.people
  address  = "boss-of-${each.key}@${domain.main.name}"
  to       = [mailbox.people[each.value.manager].address]
}
`)},
	}
	c := mustLoad(t, fsys, testOptions())
	if d := c.Desired(); len(d.Mailboxes) != 1000 || len(d.Aliases) != 1000 || len(c.Secrets()) != 1001 {
		t.Errorf("%d mailboxes, %d aliases, %d secrets", len(d.Mailboxes), len(d.Aliases), len(c.Secrets()))
	}
}
