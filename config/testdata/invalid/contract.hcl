source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
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

source "imap" "contract" {
  host            = "mail.contract.example"
  available_until = "2027-03-15"
}

migration "dates" {
  timezone = "Europe/Zurich"
  cutover {
    window {
      days       = ["sat"]
      hours      = "22:00-04:00"
      not_before = "2027-03-13"
    }
  }
}
