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

mailbox "alice" {
  address = "alice@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_ALICE")
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW_ALICE")
  }
}

domain "idn" {
  name   = "müller.example"
  dns    = dns.manual.zone
  target = target.imap.new
}

mailbox "same" {
  address = "ALICE@Example.CH"
  source {
    server   = source.imap.old
    login    = "other"
    password = secret("env:X")
  }
  target {
    server = target.imap.new
    login  = "other"
  }
}

mailbox "idn" {
  address = "info@müller.example"
  aliases = ["info@xn--mller-kva.example", "alice@exmaple.ch"]
  source {
    server   = source.imap.old
    password = secret("env:X")
  }
  target {
    server = target.imap.new
  }
}

alias "same" {
  address = "alice@example.ch"
  to      = ["bob@outside.example"]
}

alias "nobody" {
  address = "nobody@example.ch"
  to      = []
}

alias "unknown" {
  address = "sales@example.ch"
  to      = ["alise@example.ch", "left@example.ch", "bob@outside.example"]
}

alias "a" {
  address = "a@example.ch"
  to      = ["b@example.ch"]
}

alias "b" {
  address = "B@example.ch"
  to      = ["c@example.ch", "alice@example.ch"]
}

alias "c" {
  address = "c@example.ch"
  to      = ["A@example.ch"]
}

ignore "left" {
  addresses = ["left@example.ch", "alice@example.ch", "x@elsewhere.example"]
  reason    = " "
}

ignore "wrong" {
  addresses = ["not an address", "*@example.ch", "a@b@", "@example.ch", "a@localhost", "a@exa mple.ch"]
  reason    = "x"
}
