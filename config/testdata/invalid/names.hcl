source "imap" "old" {
  hots = "mail.old-host.example"
}
