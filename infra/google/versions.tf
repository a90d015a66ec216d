terraform {
  required_version = ">= 1.9"

  # Where Terraform remembers what it made. `npm run setup` makes the bucket and names it.
  backend "gcs" {
    prefix = "driveway"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
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

  # Budgets and rules are billed to a project: this one.
  user_project_override = true
  billing_project       = var.project
}

data "google_project" "this" {
  project_id = var.project
}
