bascule {
  required_version = "about 1"
  backend "local" {
    path = local.x
  }
  backend "tape" {
  }
}

locals {
  x = "y"
}
