source "maildir" "old" {
  host = "mail.old-host.example"
}

source "mbox" "files" {
  path = "mail"
}

target "imap" "new" {
  host = "mail.new-host.example"
}

mailbox "password_of_a_directory" {
  address = "a@example.ch"
  source {
    server   = source.mbox.files
    password = secret("env:OLD_A")
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW_A")
  }
}

mailbox "nothing_to_keep" {
  address = "b@example.ch"
  source {
    server = source.mbox.files
  }
  target {
    server     = target.imap.new
    credential = "keep"
  }
}

mailbox "nothing_given" {
  address = "c@example.ch"
  source {
    server = source.mbox.files
  }
  target {
    server = target.imap.new
  }
}
