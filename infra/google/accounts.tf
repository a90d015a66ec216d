# Service accounts and their roles. No account may write a secret or impersonate another account.

locals {
  # The secrets that each function may read, and why (functions/app/token.ts):
  #
  #   keyring  all functions. auth encrypts the login state and callback decrypts it; callback encrypts
  #            the refresh token, auth decrypts it to revoke it, files and upload to refresh access
  #            tokens.
  #   client   all functions. callback exchanges the authorization code; files and upload refresh access
  #            tokens; auth needs the client id for the authorization URL (same file), and refreshes an
  #            access token to look up the folder that a new token is restricted to.
  secret_access = {
    auth     = ["client", "keyring"]
    callback = ["client", "keyring"]
    files    = ["client", "keyring"]
    upload   = ["client", "keyring"]
  }

  secret_access_pairs = {
    for pair in flatten([
      for name, secrets in local.secret_access : [
        for secret in secrets : { name = name, secret = secret }
      ]
    ]) : "${pair.name}-${pair.secret}" => pair
  }
}

resource "google_service_account" "function" {
  for_each = local.secret_access

  account_id   = "${var.name}-${each.key}"
  display_name = "Driveway ${each.key}"
  description  = "Runs the function ${each.key}: access to Firestore documents and its secrets."
  depends_on   = [google_project_service.service]
}

# Read and write access to the documents of one database, but not to its indexes, TTL policies, rules or
# backups, and not to other databases of the project.
resource "google_project_iam_member" "firestore_user" {
  for_each = local.secret_access

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.key].member

  condition {
    title      = "database-${var.name}"
    expression = "resource.name == \"projects/${var.project}/databases/${var.name}\""
  }
}

# Granted per secret: the functions cannot read other secrets of the project.
resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = local.secret_access_pairs

  secret_id = google_secret_manager_secret.secret[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.name].member
}

# Cloud Build's default account often has many more permissions. This one may read the sources, write
# images and write logs: docs/deploy.md says why it needs each.
resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Driveway build"
  description  = "Builds the container images of the functions."
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

# Cloud Functions copies the source to a bucket of its own, gcf-v2-sources-NUMBER-REGION, and builds from
# there. The bucket may not exist yet, so the role is granted on the project and limited by its name.
resource "google_project_iam_member" "build_function_sources" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "sources-of-cloud-functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
