source "imap" "old" {
  hots = "mail.old-host.example"
}

source "imap" "second" {
  host            = "mail.old-host.example"
  port            = 99999
  tls             = "ssl"
  address         = "mail.example"
  allow_plaintext = "perhaps"
  connections     = 2.5
  ca_file         = "missing.pem"
  mx_endpoint     = "mx.example.ch"
  available_until = "soon"
  password        = secret("env:X")
}

target "moxx" "new" {
  host = "mail.new-host.example"
}

target "mox" "other" {
  host      = "mail.new-host.example"
  admin_ulr = "http://127.0.0.1:1080/admin/"
}

target "own" "typed" {
  host  = "typed.example"
  tags  = "one"
  level = "high"
  fast  = []
}

dns "rfc2136" "zone" {
  server     = "ns1.example.net:53"
  key        = "hunter2"
}

dns "cloudflare" "zone" {
}

mailbx "alice" {
}

dns "manual" {
}

dns "manual" "the zone" {}

domains = ["example.ch"]
