domain "main" {
  name   = "example.ch"
  target = target.imap.new
  dns    = dns.manual.zone
  dkim {
    manage = false
  }
}

dns "manual" "zone" {
}

source "imap" "old" {
  host = "mail.old.example"
}

target "imap" "new" {
  host = "mail.new.example"
  mx   = ["10 mx.new.example."]
  spf  = ["include:spf.new.example"]
}

mailbox "alice" {
  address = "alice@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD")
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW")
  }
}

accept "no_mailbox" {
  check   = "messages"
  message = "INBOX 1700000000/42"
  reason  = "x"
}

accept "wrong_check" {
  check   = "flags"
  mailbox = mailbox.alice
  message = "INBOX 1700000000/42"
  reason  = "x"
}

accept "no_name" {
  check   = "messages"
  mailbox = mailbox.alice
  message = "INBOX 42"
  reason  = "x"
}

accept "short_digest" {
  check   = "messages"
  mailbox = mailbox.alice
  message = "sha256:3f9a"
  reason  = "x"
}

accept "sender_of_what" {
  check  = "messages"
  sender = "a@example.org"
  reason = "x"
}

accept "no_sender" {
  check  = "silence"
  sender = "the scanner"
  reason = "x"
}

accept "no_domain" {
  check  = "inbound"
  record = "exampel.ch"
  reason = "x"
}

accept "over" {
  check  = "rcpt"
  record = "example.ch"
  reason = "x"
  until  = "2020-01-01"
}
