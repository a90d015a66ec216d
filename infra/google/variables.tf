variable "project" {
  description = "The id of the Google Cloud project."
  type        = string
}

variable "name" {
  description = "The name of the database and of the repository, and the prefix of all other names."
  type        = string
  default     = "driveway"
}

variable "region" {
  description = "The region of the functions and of the database; choose one near the users."
  type        = string
  default     = "europe-west1"
}

variable "public_url" {
  description = "The origin that browsers use, such as https://my-driveway.web.app."
  type        = string
}

# Versions, not values: the values never pass through Terraform, so they are in no state file. While one
# of them is 0, the functions are not created.
variable "client_version" {
  description = "The version of the client secret that the functions read."
  type        = number
  default     = 0
}

variable "keyring_version" {
  description = "The version of the keyring secret that the functions read."
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

# What is not set has the value of sizes.tf.
variable "sizes" {
  description = "Sizes of the functions auth, callback, files and upload, and of the container."
  type = map(object({
    memory        = optional(string)
    cpu           = optional(number)
    concurrency   = optional(number)
    timeout       = optional(number)
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.sizes), keys(local.default_sizes))) == 0
    error_message = "Unknown function. The names are those of sizes.tf."
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

variable "audit_logs" {
  description = "Whether to configure the data-access audit logs of the project. False: the project has its own."
  type        = bool
  default     = true
}

variable "keep_data" {
  description = "Whether teardown keeps the database."
  type        = bool
  default     = true
}
