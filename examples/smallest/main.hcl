source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
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
