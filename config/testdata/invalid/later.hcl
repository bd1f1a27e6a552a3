bascule {
  required_version = ">= 2.0"
  backend "s3" {
    bucket = "x"
  }
  encryption {
  }
  include = ["../common"]
}

dataset "people" {
  path = "people.csv"
}

wave "first" {
}

policy "p" {
}

check "c" {
}

notify "n" {
}

moved {
  from = mailbox.a
  to   = mailbox.b
}

removed {
}

import {
}
