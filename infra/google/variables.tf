variable "project" {
  description = "The Google Cloud project's id."
  type        = string
}

variable "region" {
  description = "Where the functions run and the database is; near to those who use it."
  type        = string
  default     = "europe-west1"
}

variable "public_url" {
  description = "The origin that browsers see; Firebase Hosting's own unless you have a domain."
  type        = string
  default     = ""
}

# Versions, not values: the values never pass through Terraform, and so are in no state file. Until
# both are named, everything but the functions is made.
variable "client_version" {
  description = "The version of the secret driveway-client that the functions read."
  type        = number
  default     = 0
}

variable "keyring_version" {
  description = "The version of the secret driveway-keyring that the functions read."
  type        = number
  default     = 0
}

variable "settings" {
  description = "Settings that have a default, such as ACCESS_PROFILE or ALLOWED_ORIGINS."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.optional_settings)) == 0
    error_message = "A setting that Driveway does not know; functions/config/config.ts lists them."
  }
}

variable "alert_email" {
  description = "Who is told when something is wrong; nobody where it is empty."
  type        = string
  default     = ""
}

variable "billing_account" {
  description = "The billing account's id, for a budget; no budget where it is empty."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "Whole units of the billing account's currency; reaching 50, 90 and 100 % is told."
  type        = number
  default     = 10
}

variable "upload_image" {
  description = "An image of infra/container: uploads of any size in one request. Empty is off."
  type        = string
  default     = ""
}

variable "keep_data" {
  description = "Whether the database outlives a teardown."
  type        = bool
  default     = true
}
