variable "project" {
  description = "The id of the Google Cloud project."
  type        = string
}

variable "region" {
  description = "The region of the functions and of the database; choose one near the users."
  type        = string
  default     = "europe-west1"
}

variable "public_url" {
  description = "The origin that browsers use. The default is that of Firebase Hosting."
  type        = string
  default     = ""
}

# Versions, not values: the values never pass through Terraform, so they are in no state file. While one
# of them is 0, the functions are not created.
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
  description = "Optional settings, such as ACCESS_PROFILE or ALLOWED_ORIGINS."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.optional_settings)) == 0
    error_message = "Unknown setting. See functions/config/config.ts for the list."
  }
}

variable "alert_email" {
  description = "Receives alerts. Empty: no e-mail."
  type        = string
  default     = ""
}

variable "billing_account" {
  description = "The id of the billing account, for a budget. Empty: no budget."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "Monthly budget in the currency of the billing account; notifications at 50, 90 and 100 %."
  type        = number
  default     = 10
}

variable "upload_image" {
  description = "Image of infra/container, for uploads of any size in one request. Empty: no container."
  type        = string
  default     = ""
}

variable "keep_data" {
  description = "Whether teardown keeps the database."
  type        = bool
  default     = true
}
