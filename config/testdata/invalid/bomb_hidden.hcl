locals {
  l0 = [1, 2, 3, 4, 5, 6, 7, 8]
  l1 = [local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0]
  l2 = [local.l1, local.l1, local.l1, local.l1, local.l1, local.l1, local.l1, local.l1]
  l3 = [local.l2, local.l2, local.l2, local.l2, local.l2, local.l2, local.l2, local.l2]
  l4 = [local.l3, local.l3, local.l3, local.l3, local.l3, local.l3, local.l3, local.l3]
  t  = can([for x in range(100) : [for y in range(100) : local.l4]])
}
