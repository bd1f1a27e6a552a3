# A company of three mailboxes moves from an IMAP server to mox, with its
# domain. The zone takes RFC 2136 updates.

bascule {
  required_version = ">= 0.1"
}

variable "domain" {
  type        = string
  default     = "example.ch"
  description = "the mail domain that moves"
}

source "imap" "old" {
  host            = "mail.old-host.example" # 993, implicit TLS; opened read-only, always
  available_until = "2027-04-30"            # the old contract; refused if soak and silence exceed it
}

target "mox" "new" {
  host           = "mail.new-host.example"
  admin_url      = "https://mail.new-host.example/admin/"
  admin_password = secret("exec:pass show mox/admin")
}

dns "rfc2136" "zone" {
  server   = "ns1.example.net:53"
  key_name = "bascule."
  key      = secret("env:TSIG_KEY")
}

domain "main" {
  name    = var.domain
  dns     = dns.rfc2136.zone
  target  = target.mox.new
  mx_from = ["10 mx.old-host.example."] # asserted until the cutover: a plan that finds something else refuses
  spf {
    drop_old = ["include:spf.old-host.example"]
  }
  dmarc {
    rua = "mailto:postmaster@${var.domain}"
  }
  autoconfig {}
}

mailbox "team" {
  for_each = toset(["alice", "bob", "info"])
  address  = "${each.key}@${domain.main.name}"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(each.key)}")
  }
  target {
    server     = target.mox.new
    credential = "keep" # people keep their passwords
    quota      = "20GB"
  }
}

alias "contact" {
  address = "contact@${domain.main.name}"
  to      = [mailbox.team["info"].address]
}

alias "postmaster" {
  address = "postmaster@${domain.main.name}"
  to      = [for name in ["alice", "bob"] : mailbox.team[name].address]
}

ignore "newsletters" {
  addresses = ["news-2019@${domain.main.name}"]
  reason    = "closed since 2020"
}

record "webmail" {
  domain     = domain.main
  name       = "webmail"
  type       = "CNAME"
  values     = ["mail.new-host.example."]
  from_phase = "cutover"
}

migration "example" {
  timezone = "Europe/Zurich"
  lower_ttl {
    to   = "5m"
    wait = "24h"
  }
  cutover {
    window {
      days       = ["sat", "sun"]
      hours      = "06:00-07:00"
      not_before = "2027-03-13"
      blackout   = ["2027-03-27/2027-04-05"] # Easter
    }
  }
  double_reception {
    soak = "72h"
  }
}

output "mx" {
  value       = target.mox.new.mx
  description = "known once the target was looked at"
}
