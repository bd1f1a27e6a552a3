source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

variable "clear" {
  default = "hunter2"
}

variable "map" {
  type      = map(string)
  sensitive = true
  default   = { alice = "not shown" }
}

mailbox "literal" {
  address = "a@example.ch"
  source {
    server   = source.imap.old
    password = "hunter2"
  }
  target {
    server   = target.imap.new
    password = var.clear
  }
}

mailbox "interpolated" {
  address = "b@example.ch"
  source {
    server   = source.imap.old
    password = "${secret("env:B")}"
    login    = "b-${secret("env:B")}"
  }
  target {
    server   = target.imap.new
    password = "x-${var.map["alice"]}"
    login    = secret("env:LOGIN")
  }
}

mailbox "function" {
  address = upper(secret("env:C"))
  source {
    server   = source.imap.old
    password = lookup({ c = secret("env:C") }, "c", secret("env:D"))
  }
  target {
    server   = target.imap.new
    login    = var.map["alice"]
    password = upper(var.map["alice"])
  }
}

mailbox "locators" {
  for_each = {
    "unknown"  = "vault:x"
    "misspelt" = "evn:X"
    "later"    = "keyring:mail/alice"
    "empty"    = "env:"
    "dashes"   = "env:OLD-ALICE"
    "quote"    = "exec:pass 'show"
    "bare"     = "OLD_ALICE"
  }
  address = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret(each.value)
  }
  target {
    server = target.imap.new
  }
}

mailbox "operators" {
  address = "o@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:A") + secret("env:B")
  }
  target {
    server = target.imap.new
  }
}

output "secret" {
  value = secret("env:A")
}

output "sensitive" {
  value = var.map["alice"]
}
