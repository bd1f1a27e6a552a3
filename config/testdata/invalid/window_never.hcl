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

migration "never" {
  cutover {
    window {
      days          = []
      hours         = "06:00-07:00"
      min_remaining = "2h"
      not_before    = "soon"
      blackout      = ["2027-04-02/2027-03-28", "easter"]
    }
  }
}
