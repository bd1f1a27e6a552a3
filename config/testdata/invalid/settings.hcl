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

migration "settings" {
  timezone = "Europe/Zurch"
  limits {
    mailboxes   = 0
    bandwidth   = "40MB"
    quiet_hours = "00:00-24:00"
  }
  lower_ttl {
    to   = "0s"
    wait = "3 days"
    lead = "1h"
  }
  sync {
    every      = "1s"
    deletions  = "mirrored"
    max_delete = "10"
  }
  verify {
    require = ["messages", "flag", "canary", "messages"]
    max_age = "12"
  }
  cutover {
    window {
      days     = ["saturday", "caturday"]
      hours    = "6-7"
      calendar = "cutover.ics"
    }
    approval {
      required = 2
    }
  }
  double_reception {
    soak          = "24h"
    forward       = "sieve"
    forward_grace = "15m"
  }
  clients {
    kits      = "../elsewhere"
    languages = ["french!"]
  }
  decommission {
    silence  = "48h"
    max_wait = "1h"
  }
  rollback {
  }
  prepair {
  }
}
