source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

dns "manual" "zone" {}

domain "main" {
  name   = "example.ch"
  dns    = dns.manual.zone
  target = target.imap.new
}

locals {
  a = local.b
  b = "x${local.c}"
  c = [local.a]
  d = local.d
}

mailbox "alice" {
  address = "alice@${domain.mian.name}"
  aliases = [alias.info.address]
  source {
    server   = source.imap.odl
    password = secret("env:OLD_${upper(each.key)}")
  }
  target {
    server   = target.imap
    password = secrte("env:NEW_ALICE")
  }
}

alias "info" {
  address = "info@example.ch"
  to      = [mailbox.alice.address]
}

mailbox "team" {
  for_each = toset(["bob", "carol"])
  address  = "${each.kye}@example.ch"
  source {
    server   = "source.imap.old"
    password = secret("env:OLD_${upper(each.value)}")
    login    = source.imap.old.hots
  }
  target {
    server   = source.imap.old
    password = var.passwrd
    login    = bob
  }
}

mailbox "dan" {
  address = local.missing
  aliases = [ignore.x.reason, tagret.imap.new.mx, path.module]
  source {
    server   = source
    password = secret("env:X")
  }
  target {
    server = mailbox.team
  }
}
