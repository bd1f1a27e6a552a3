locals {
  a = [setproduct(range(1000), range(1000)), indent(1000000, "x\ny"), format("%9999999d", 1), pow(10, 100000)]
}

output "yaml" {
  value = yamldecode(file("files/bomb.yaml"))
}
