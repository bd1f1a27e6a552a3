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

target "imap" "other" {
  host            = "other.example"
  allow_plaintext = true
}

mailbox "bob" {
  address = "bob@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_BOB")
  }
  target {
    server = target.imap.other
  }
}

migration "past" {
  cutover {
    window {
      not_before = "2027-01-01"
    }
  }
}

source "imap" "ends" {
  host            = "ends.example"
  available_until = "2027-02-11"
}
