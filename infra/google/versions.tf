terraform {
  required_version = ">= 1.9"

  # The bucket of the Terraform state. `npm run setup` creates it and passes its name.
  backend "gcs" {
    prefix = "driveway"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.3"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # The APIs of budgets and Firebase rules require a quota project.
  user_project_override = true
  billing_project       = var.project
}

data "google_project" "this" {
  project_id = var.project
}
