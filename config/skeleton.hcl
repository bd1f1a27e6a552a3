# One directory is one migration. Change the names below to yours, then run
#
#   bascule validate    finds mistakes, contacts nobody, needs no password
#   bascule plan        looks at both sides and shows every step, writes nothing
#   bascule apply       does what can be done now; run it again until done

# Where the mail is today. It is opened read-only, always.
source "imap" "old" {
  host = "mail.old-host.example" # port 993 with TLS, unless you say otherwise
  # available_until = "2027-04-30" # last day of the old contract
}

# Where it goes: accounts that exist already on an IMAP server.
target "imap" "new" {
  host = "mail.new-host.example"

  # Needed once a domain is declared below, since nobody can be asked:
  # mx  = ["10 mx.new-host.example."]
  # spf = ["include:spf.new-host.example"]
}

# One block per person, or one for many: see for_each in the reference.
# Passwords are never written here: only where they lie.
mailbox "alice" {
  address = "alice@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_ALICE")
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW_ALICE")
  }
}

# To move the domain too (MX, SPF, DKIM), uncomment and complete:
#
# dns "manual" "zone" {}
#
# domain "main" {
#   name    = "example.ch"
#   dns     = dns.manual.zone
#   target  = target.imap.new
#   mx_from = ["10 mx.old-host.example."]
# }
#
# migration "example" {
#   timezone = "Europe/Zurich"
#   cutover {
#     window {
#       days       = ["sat", "sun"]
#       hours      = "06:00-07:00"
#       not_before = "2027-03-13"
#     }
#   }
# }
