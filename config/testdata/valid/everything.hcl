bascule {
  required_version = "~> 0.1"
  backend "local" {
    path = "states/${var.customer}.json"
  }
}

variable "customer" {
  type    = string
  default = "example"
  validation {
    condition     = can(regex("^[a-z]+$", var.customer))
    error_message = "Letters only."
  }
}

variable "passwords" {
  type      = map(string)
  sensitive = true
  default   = { dora = "not shown" }
}

locals {
  here = {
    secret = secret("env:ERIC")
    box    = target.own.typed
  }
  old = var.customer == "example" ? source.imap.old : source.imap.second
}

source "imap" "old" {
  host            = "imap.müller.example"
  port            = 1993
  address         = "192.0.2.7"
  ca_file         = "files/note.txt"
  mx_endpoint     = "[2001:db8::1]:2525"
  available_until = "2027-05-31T18:00"
  connections     = 3
}

source "imap" "second" {
  host            = "127.0.0.1"
  tls             = "starttls"
  allow_plaintext = true
}

target "imap" "new" {
  host    = "imap.new-host.example"
  mx      = ["10 MX1.new-host.example", "20 mx2.new-host.example."]
  spf     = ["include:spf.new-host.example", "ip4:192.0.2.0/24"]
  webmail = "https://webmail.new-host.example"
  dkim {
    record {
      name  = "s1._domainkey"
      value = "v=DKIM1; p=abc"
    }
    record {
      domain = "other.example"
      name   = "s2._domainkey"
      type   = "CNAME"
      value  = "s2.dkim.new-host.example."
    }
  }
  submission {
    host = "smtp.new-host.example"
    tls  = "starttls"
  }
}

target "own" "typed" {
  host  = "own.example"
  tags  = ["a", "b"]
  level = 1.5
  fast  = true
}

dns "manual" "zone" {
  nameservers = ["ns1.hidden.example:5353", "192.0.2.53"]
}

domain "main" {
  name    = "Müller.example."
  dns     = dns.manual.zone
  target  = target.imap.new
  mx_from = ["10 mx.old-host.example"]
  ttl {
    to = "10m"
  }
  spf {
    drop_old = ["include:spf.old-host.example"]
  }
  dmarc {
    manage = false
  }
}

domain "others" {
  for_each = { "org" = "mueller.example", "net" = "mueller.test" }
  name     = each.value
  alias_of = domain.main
  mx_to    = [target.imap.new.mx[0]]
  spf {
    manage = false
  }
  dkim {
    record {
      name  = "own._domainkey"
      value = "v=DKIM1; p=${each.key}"
    }
  }
}

mailbox "dora" {
  address = "Dora@müller.example"
  aliases = ["info@${domain.others["org"].name}"]
  source {
    server   = local.old
    login    = "dora"
    password = var.passwords["dora"]
  }
  target {
    server = target.imap.new
  }
}

mailbox "eric" {
  address = "eric@${domain.main.name}"
  policy  = "add_only"
  source {
    server   = source.imap.second
    password = true ? local.here.secret : null
  }
  target {
    server   = local.here.box
    login    = "shared"
    password = secret("exec:pass show mail/eric")
    quota    = "2GiB"
  }
  folders {
    prefix  = "Eric/"
    rename  = { "Old" = "Archive/Old" }
    exclude = ["Junk"]
    include = ["INBOX", "Old"]
  }
}

mailbox "eric_old" {
  address = "eric-old@${domain.main.name}"
  source {
    server   = source.imap.second
    login    = "eric-old"
    password = secret("file:secrets/eric")
  }
  target {
    server   = target.own.typed
    login    = "shared"
    password = secret("exec:pass show mail/eric")
  }
  folders {
    prefix = "Eric 2019"
  }
}

alias "all" {
  for_each = toset(["team", "staff"])
  address  = "${each.key}@${domain.main.name}"
  to       = [mailbox.dora.address, mailbox.eric.address, "someone@outside.example"]
}

alias "catch_all" {
  address = "*@${domain.main.name}"
  to      = [alias.all["team"].address]
}

ignore "gone" {
  for_each  = { for row in csvdecode(file("files/people.csv")) : row.name => row }
  addresses = ["${each.key}@${domain.main.name}"]
  reason    = "left with ${each.value.quota}"
}

accept "eric" {
  check   = "messages"
  mailbox = mailbox.eric
  reason  = "damaged on the old server"
  until   = "2027-06-01"
}

record "spf_of_host" {
  domain        = domain.main
  name          = "bounce"
  type          = "TXT"
  values        = ["v=spf1 -all"]
  values_before = ["v=spf1 mx -all"]
  ttl           = "1h"
  from_phase    = "cutover"
  until_phase   = "decommission"
}

record "wild" {
  for_each = toset(["*", "sub"])
  domain   = domain.others["net"]
  name     = each.key
  type     = "MX"
  values   = target.imap.new.mx
}

migration "everything" {
  timezone = "Europe/Paris"
  limits {
    mailboxes   = 12
    connections = 8
    bandwidth   = "40MB/s"
    quiet_hours = "08:00-18:00"
  }
  lower_ttl {
    to     = "1m"
    wait   = "1d12h"
    margin = "90s"
    lead   = "3d"
  }
  sync {
    every      = "15m"
    deletions  = "ignore"
    max_delete = "2.5%"
  }
  verify {
    require = ["messages", "rcpt"]
    max_age = "6h"
  }
  cutover {
    window {
      days          = ["Saturday", "sun"]
      hours         = "22:30-01:15"
      not_before    = "2027-03-13T20:00"
      min_remaining = "20m"
      blackout      = ["2027-03-20", "2027-03-28/2027-04-02"]
    }
  }
  double_reception {
    soak    = "48h"
    forward = "none"
  }
  clients {
    kits      = "clients/"
    languages = ["fr", "de-CH"]
  }
  decommission {
    silence  = "1d"
    max_wait = "14d"
  }
}

output "text" {
  value = <<-EOT
    ${templatefile("files/hello.tmpl", { name = "you", people = ["a", "b"] })}
    ${trimspace(file("files/note.txt"))}
  EOT
}

output "hidden" {
  value     = var.passwords
  sensitive = true
}

output "imap" {
  value = target.imap.new.imap
}

accept "one_message" {
  check   = "messages"
  mailbox = mailbox.eric
  message = "Clients/Zürich 1700000000/42"
  reason  = "a damaged attachment, exported"
}

accept "same_octets" {
  check   = "messages"
  mailbox = mailbox.eric
  message = "SHA256:3F9A1C20B7D4"
  reason  = "too large, exported"
}

accept "scanner" {
  check  = "silence"
  sender = "Scanner@Office.example"
  reason = "it cannot be configured"
}

accept "newsletters" {
  check   = "silence"
  mailbox = mailbox.eric
  sender  = "@news.example"
  reason  = "nobody reads them"
}
