output "files" {
  value = [file("../secret.txt"), file("/etc/passwd"), file("missing.txt"), file("files")]
}

output "escape" {
  value = file("files/../../x")
}

output "template" {
  value = templatefile("files/bad.tmpl", {})
}

output "template_recursion" {
  value = templatefile("files/recursive.tmpl", {})
}

output "unknown_function" {
  value = uper("x")
}

output "types" {
  value = { a = 1 + "x", b = length(5), c = one([1, 2]), d = sum([]), e = coalesce(null, ""), f = index(["a"], "b") }
}
