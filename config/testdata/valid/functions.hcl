source "imap" "old" {
  host = "mail.old-host.example"
}

target "imap" "new" {
  host = "mail.new-host.example"
}

locals {
  people = yamldecode(file("files/people.yaml"))
}

mailbox "people" {
  for_each = local.people
  address  = "${each.key}@example.ch"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(replace(each.key, "/[^a-z]/", "_"))}")
  }
  target {
    server = target.imap.new
    quota  = each.value.quota
  }
}

output "texts" {
  value = {
    startswith  = startswith("abc", "ab"), endswith = endswith("abc", "bc"), strcontains = strcontains("abc", "x")
    replace     = replace("a.b.c", ".", "-"), pattern = replace("a1b2", "/[0-9]/", ""), length = length("été")
    format      = format("%03d-%s", 7, "x"), join = join(",", ["a", "b"]), split = split(",", "a,b")
    title       = title("anna"), trim = trimspace("  x "), substr = substr("abcdef", 1, 2)
    formatdate  = formatdate("YYYY-MM-DD", timeadd("2027-03-12T23:00:00Z", "2h"))
    base64      = base64decode(base64encode("héllo"))
    conditional = length("x") > 0 ? "yes" : "no"
    template    = "%{for n in ["a", "b"]}<${n}>%{endfor}"
  }
}

output "collections" {
  value = {
    alltrue   = [alltrue([]), alltrue([true, false])], anytrue = [anytrue([]), anytrue([false, true])]
    sum       = sum([1, 2.5]), one = [one([]), one(["x"])], coalesce = coalesce(null, "", "x")
    index     = index(["a", "b"], "b"), length = [length([1, 2]), length({ a = 1 }), length(toset(["a", "a"]))]
    merge     = merge({ a = 1 }, { b = 2 }), keys = keys({ b = 1, a = 2 }), lookup = lookup({ a = 1 }, "b", 9)
    flatten   = flatten([["a"], ["b", ["c"]]]), setproduct = setproduct(["a"], ["b", "c"])
    distinct  = distinct(["a", "a"]), contains = contains(["a"], "a"), reverse = reverse(["a", "b"])
    csvdecode = csvdecode(file("files/people.csv"))[*].name
    grouped   = { for p in [{ k = "x", v = 1 }, { k = "x", v = 2 }] : p.k => p.v... }
    try       = try(local.people.nobody, "nobody"), can = can(local.people.carol.quota)
    tolist    = tolist(toset(["b", "a"])), tomap = tomap({ a = "x" }), tonumber = tonumber("5"), tobool = tobool("true")
    fileexist = [fileexists("files/note.txt"), fileexists("files/none.txt")]
    sort      = sort(["b", "a"]), range = range(3), zipmap = zipmap(["a"], [1]), json = jsondecode(jsonencode({ a = [1] }))
    numbers   = [abs(-1), ceil(1.2), floor(1.8), max(1, 2), min(1, 2), pow(2, 3), parseint("ff", 16), signum(-4)]
  }
}
