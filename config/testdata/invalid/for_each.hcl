source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

variable "people" {
  type      = set(string)
  sensitive = true
  default   = ["alice"]
}

mailbox "list" {
  for_each = ["alice", "bob", "alice"]
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:X")
  }
  target {
    server = target.imap.new
  }
}

mailbox "repeated" {
  for_each = { for name in ["alice", "bob", "alice"] : name => name }
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:X")
  }
  target {
    server = target.imap.new
  }
}

mailbox "sensitive" {
  for_each = var.people
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:X")
  }
  target {
    server = target.imap.new
  }
}

alias "unknown" {
  for_each = toset(target.mox.new.mx)
  address  = "${each.key}@example.ch"
  to       = ["a@b.example"]
}

target "mox" "new" {
  host           = "mail.new-host.example"
  admin_url      = "http://127.0.0.1:1080/admin/"
  admin_password = secret("env:MOX")
}

ignore "number" {
  for_each  = 3
  addresses = ["x@example.ch"]
  reason    = "x"
}

ignore "null" {
  for_each  = null
  addresses = ["x@example.ch"]
  reason    = "x"
}

ignore "empty_key" {
  for_each  = { "" = "x" }
  addresses = ["x@example.ch"]
  reason    = "x"
}

ignore "set_of_numbers" {
  for_each  = toset([1, 2])
  addresses = ["x@example.ch"]
  reason    = "x"
}
