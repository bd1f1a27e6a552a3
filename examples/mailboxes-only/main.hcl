# Mailboxes without a domain: the DNS phases are empty. People go on using the
# old addresses, or somebody else moves the MX.

locals {
  people = {
    alice = { address = "alice@example.ch", quota = "10GB" }
    bob   = { address = "bob@example.ch", quota = "5GB" }
    carol = { address = "carol@partner.example", quota = "5GB" }
  }
}

source "imap" "old" {
  host        = "imap.old-host.example"
  tls         = "starttls"
  connections = 2
}

target "imap" "new" {
  host = "imap.new-host.example"
}

mailbox "people" {
  for_each = local.people
  address  = each.value.address
  policy   = each.key == "carol" ? "add_only" : "mirror" # carol works on the new side already
  source {
    server   = source.imap.old
    login    = each.key # the old server knows people by their names only
    password = secret("file:secrets/${each.key}.old")
  }
  target {
    server      = target.imap.new
    password    = secret("file:secrets/${each.key}.new")
    quota       = each.value.quota
    on_existing = each.key == "carol" ? "adopt" : "refuse"
  }
  folders {
    rename = {
      "INBOX/Old stuff" = "Archive"
    }
    exclude = ["Spam", "Trash"]
  }
}

output "moved" {
  value = [for m in mailbox.people : m.address]
}
