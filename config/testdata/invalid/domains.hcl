source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
  mx   = ["10 mx.new-host.example."]
  spf  = ["include:spf.new-host.example"]
}

dns "manual" "zone" {}

target "imap" "silent" {
  host = "silent.example"
}

target "imap" "spf" {
  host = "spf.example"
  mx   = ["10 mx.spf.example."]
  spf  = ["v=spf1 include:x -all", "-all", "redirect=x.example", "two terms", "nonsense"]
}

domain "no_mx" {
  name   = "one.example"
  dns    = dns.manual.zone
  target = target.imap.silent
}

domain "bare" {
  name = "two.example"
}

domain "bad" {
  name    = "three"
  dns     = dns.manual.zone
  target  = target.imap.new
  mx_from = ["mx.example.ch", "x mx.example.ch", "10 192.0.2.1", "0 .", "10 mx"]
}

domain "same_mx" {
  name    = "four.example"
  dns     = dns.manual.zone
  target  = target.imap.new
  mx_from = ["10 MX.new-host.example"]
  ttl {
    to = "2d"
  }
  dkim {
    record {
      name  = "s1"
      value = "v=DKIM1"
    }
  }
  dmarc {
    rua = "dmarc@example.ch"
  }
  mta_sts {
  }
}

domain "twice" {
  name     = "FOUR.example."
  dns      = dns.manual.zone
  target   = target.imap.new
  alias_of = domain.alias
}

domain "alias" {
  name     = "five.example"
  alias_of = domain.same_mx
  mx_to    = "10 mx.example.ch."
}

domain "self" {
  name     = "six.example"
  dns      = dns.manual.zone
  target   = target.imap.new
  alias_of = domain.self
}
