variable "required" {
  type = string
}

variable "typed" {
  type    = number
  default = "many"
}

variable "wrong_type" {
  type = strng
}

variable "checked" {
  type    = string
  default = "abc"
  validation {
    condition     = length(var.checked) > 3
    error_message = "At least four letters are wanted, not ${length(var.checked)}."
  }
}

variable "quiet" {
  type      = string
  default   = "hunter2"
  sensitive = true
  validation {
    condition     = length(var.quiet) > 20
    error_message = "It is ${var.quiet}."
  }
}

variable "computed" {
  default   = "x"
  sensitive = 1 == 1 ? "yes" : "no"
}

output "uses" {
  value = "${var.required} ${var.typed} ${var.checked}"
}
