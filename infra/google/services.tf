locals {
  services = toset([
    "artifactregistry.googleapis.com", # container images
    "billingbudgets.googleapis.com",   # the budget
    "cloudbuild.googleapis.com",       # builds the images
    "cloudfunctions.googleapis.com",   # the four functions
    "drive.googleapis.com",            # files of the users
    "firebase.googleapis.com",         # required by Firebase Hosting
    "firebasehosting.googleapis.com",  # the page, and one origin for all
    "firebaserules.googleapis.com",    # denies browsers access to the database
    "firestore.googleapis.com",        # sessions, tokens, grants
    "iam.googleapis.com",              # one service account per function
    "logging.googleapis.com",          # logs, log-based metrics
    "monitoring.googleapis.com",       # alerts, the dashboard
    "run.googleapis.com",              # runs the functions
    "secretmanager.googleapis.com",    # the OAuth client, the keyring
    "storage.googleapis.com",          # the functions' source
  ])
}

resource "google_project_service" "service" {
  for_each = local.services

  service = each.key
  # Other parts of the project may need it.
  disable_on_destroy = false
}
