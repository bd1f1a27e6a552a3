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

domain "many" {
  name   = "many.example"
  dns    = dns.manual.zone
  target = target.imap.new
  spf {
    add = [for i in range(11) : "include:spf${i}.example"]
  }
}

domain "many_mx" {
  name    = "mx.example"
  dns     = dns.manual.zone
  target  = target.imap.new
  mx_from = ["10 mx.old.example.", "10 mx.old.example."]
}

source "imap" "inside" {
  host = "mail.example.ch"
}

record "apex_mx" {
  domain = domain.main
  name   = "@"
  type   = "MX"
  values = ["10 mx.example."]
}

record "spf" {
  domain = domain.main
  name   = ""
  type   = "TXT"
  values = ["v=spf1 -all"]
}

record "dmarc" {
  domain = domain.main
  name   = "_dmarc"
  type   = "TXT"
  values = ["v=DMARC1; p=none"]
}

record "cname" {
  domain = domain.main
  name   = "example.ch."
  type   = "CNAME"
  values = ["a.example.", "b.example."]
}

record "outside" {
  domain      = domain.main
  name        = "www.elsewhere.example."
  type        = "AXFR"
  values      = []
  ttl         = "1s"
  from_phase  = "cutover"
  until_phase = "prepare"
}

record "twice" {
  domain = domain.main
  name   = "www"
  type   = "A"
  values = ["192.0.2.1"]
}

record "wrong_values" {
  domain = domain.main
  name   = "values"
  type   = "AAAA"
  values = ["192.0.2.1", "2001:db8::1", "", "host.example."]
}

record "again" {
  domain     = domain.main
  name       = "WWW.example.ch."
  type       = "A"
  values     = ["192.0.2.2"]
  from_phase = "begin"
}

accept "wrong" {
  check   = "everything"
  mailbox = domain.main
  reason  = ""
  until   = "never"
}
