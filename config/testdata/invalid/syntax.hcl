source "imap" "old" {
  host = "mail.old-host.example
}

target "imap" "new" {
  host = 
}
