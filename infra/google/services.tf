locals {
  services = toset([
    "artifactregistry.googleapis.com", # the functions' images
    "billingbudgets.googleapis.com",   # the budget
    "cloudbuild.googleapis.com",       # makes them
    "cloudfunctions.googleapis.com",   # the four functions
    "drive.googleapis.com",            # what Driveway is for
    "firebase.googleapis.com",         # Hosting's project
    "firebasehosting.googleapis.com",  # the page, and one origin in front
    "firebaserules.googleapis.com",    # the database is closed to browsers
    "firestore.googleapis.com",        # sessions, tokens, grants
    "iam.googleapis.com",              # an account for each function
    "logging.googleapis.com",          # logs
    "monitoring.googleapis.com",       # alerts, the dashboard
    "run.googleapis.com",              # what functions run on
    "secretmanager.googleapis.com",    # the client's secret, the keyring
    "storage.googleapis.com",          # the functions' source
  ])
}

resource "google_project_service" "service" {
  for_each = local.services

  service = each.key
  # Something else in the project may need it.
  disable_on_destroy = false
}
