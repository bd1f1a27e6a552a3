locals {
  a = [for i in range(1000) : "xxxxxxxxxxxxxxxx"]
  b = [for x in local.a : [for y in local.a : [for z in local.a : "${x}${y}${z}"]]]
}
