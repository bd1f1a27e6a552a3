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

mailbox "bob" {
  address = "bob@example.ch"
  count   = 2
  adress  = "bob@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_BOB")
    token    = "x"
  }
  source {
    server   = source.imap.old
    password = secret("env:OLD_BOB")
  }
  target {
    server  = target.imap.new
    folders = {}
  }
  folders = {
    prefix = "Old"
  }
  folder {
    prefix = "Old"
  }
}

mailbox "bob" {
  address = "bob2@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_BOB")
  }
  target {
    server = target.imap.new
  }
}

mailbox "without_source" {
  address = "carol@example.ch"
  target {
    server = target.imap.new
  }
}

migration "one" {
  timezone = "UTC"
  timezone = "UTC"
}

migration "two" {
}

locals {
  a = 1
}

locals {
  a = 2
  inner {
  }
}
