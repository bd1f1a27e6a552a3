source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

dns "manual" "zone" {}

domain "main" {
  name   = "example.ch"
  dns    = dns.manual.zone
  target = target.imap.new
}

mailbox "team" {
  for_each = toset(["bob", "carol"])
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(each.value)}")
  }
  target {
    server = target.imap.new
  }
}

alias "info" {
  address = "info@example.ch"
  to      = [mailbox.team["bop"].address, mailbox.team.address]
}

alias "one" {
  address = "one@example.ch"
  to      = [alias.info["x"].address]
}

accept "whole" {
  check   = "mailbox"
  mailbox = mailbox.team
  reason  = "x"
}
