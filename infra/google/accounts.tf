# Who may do what. Nothing here may write a secret, and no account can act as another.

locals {
  # Which secrets a function reads, and why it has to (functions/app/token.ts):
  #
  #   keyring  everyone. auth seals the state of a sign-in and callback opens it; callback seals the
  #            refresh token, auth opens it to revoke it, files and upload open it to refresh.
  #   client   everyone. callback exchanges a code with it; files and upload refresh access tokens
  #            with it; auth needs the client's id for its link to Google, which is in the same file,
  #            and refreshes where it looks at a folder that a token shall be bound to.
  reads = {
    auth     = ["client", "keyring"]
    callback = ["client", "keyring"]
    files    = ["client", "keyring"]
    upload   = ["client", "keyring"]
  }

  reading = {
    for pair in flatten([
      for name, secrets in local.reads : [
        for secret in secrets : { name = name, secret = secret }
      ]
    ]) : "${pair.name}-${pair.secret}" => pair
  }
}

resource "google_service_account" "function" {
  for_each = local.reads

  account_id   = "driveway-${each.key}"
  display_name = "Driveway ${each.key}"
  description  = "Runs the function ${each.key}: documents, and the secrets that it reads."
  depends_on   = [google_project_service.service]
}

# Reading and writing documents; neither indexes nor policies nor rules nor backups.
resource "google_project_iam_member" "documents" {
  for_each = local.reads

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.key].member
}

# On each secret by itself: a secret that somebody adds to the project later is not readable.
resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.reading

  secret_id = google_secret_manager_secret.secret[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.name].member
}

# Cloud Build's own account can do far more in many projects; this one reads the source, writes the
# image, and says what it does.
resource "google_service_account" "build" {
  account_id   = "driveway-build"
  display_name = "Driveway build"
  description  = "Builds the functions' images."
  depends_on   = [google_project_service.service]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_storage_bucket_iam_member" "build_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
