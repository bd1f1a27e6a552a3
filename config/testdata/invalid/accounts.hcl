source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

target "imap" "same" {
  host = "MAIL.old-host.example."
}

target "own" "own" {
  host = "own.example"
}

mailbox "a" {
  address = "a@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:A")
  }
  target {
    server = target.imap.same
  }
}

mailbox "b" {
  address = "b@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:B")
  }
  target {
    server     = target.imap.new
    credential = "device"
  }
}

mailbox "c" {
  address = "c@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:C")
  }
  target {
    server = target.own.own
  }
}

mailbox "d" {
  address = "d@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:D")
  }
  target {
    server     = target.imap.new
    login      = "shared"
    credential = "keep"
    password   = secret("env:D")
    quota      = "ten gigabytes"
  }
  folders {
    prefix = "Old"
  }
}

mailbox "e" {
  address = "e@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:E")
  }
  target {
    server     = target.imap.new
    login      = "Shared"
    credential = "password"
  }
  folders {
    prefix  = "old/2024"
    exclude = ["a//b", ""]
    rename  = { "" = "x" }
  }
}

mailbox "f" {
  address = "f@example.ch"
  policy  = "mirrored"
  source {
    server   = source.imap.old
    password = secret("env:F")
  }
  target {
    server      = target.imap.new
    login       = "shared"
    on_existing = "overwrite"
  }
}
