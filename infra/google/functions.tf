locals {
  # The functions follow once setup has put both secrets in.
  ready = var.client_version > 0 && var.keyring_version > 0

  public_url = var.public_url != "" ? var.public_url : "https://${var.project}.web.app"

  # Memory is what Node and the libraries need (about 110 MiB, docs in README, "Figures") and what
  # uploads may hold. A whole CPU each: with less, Cloud Run gives an instance one request at a time
  # (and, where a request waits for Google, a whole instance waits with it). max_instances is a
  # ceiling for the bill: 400 uploads at once.
  functions = {
    # A redirect, a lookup, a token made; its folder may have to be found in Drive first.
    auth = { memory = "256Mi", concurrency = 40, timeout = 60, max_instances = 10 }

    # One exchange with Google's sign-in, which has 10 s; Hosting gives up after 60 s.
    callback = { memory = "256Mi", concurrency = 40, timeout = 60, max_instances = 5 }

    # Listings, and downloads that last as long as the reader takes; bytes pass in small pieces.
    files = { memory = "512Mi", concurrency = 40, timeout = 3600, max_instances = 20 }

    # An upload holds its window, 0.5 MiB at least and 140 MiB all together (functions/config/memory-limit.ts);
    # beyond that, new ones are sent away with 503 and Retry-After, never killed. Of one CPU, an
    # upload at 10 MiB/s takes about 3 %.
    upload = { memory = "512Mi", concurrency = 20, timeout = 3600, max_instances = 20 }
  }

  required_settings = {
    PUBLIC_URL           = local.public_url
    GOOGLE_CLOUD_PROJECT = var.project
    CLIENT_SECRET_NAME   = "${google_secret_manager_secret.secret["client"].name}/versions/${var.client_version}"
    KEYRING_SECRET_NAME  = "${google_secret_manager_secret.secret["keyring"].name}/versions/${var.keyring_version}"
  }

  # What an operator may set besides (functions/config/config.ts).
  optional_settings = [
    "ACCESS_PROFILE",
    "ALLOWED_ORIGINS",
    "ALLOWED_USERS",
    "FORWARDED_HOPS",
    "LIMIT_BYTES_PER_DAY",
    "LIMIT_FILES_PER_DAY",
    "MAX_FILE_BYTES",
    "MAX_REQUEST_BYTES",
    "MEMORY_BYTES",
    "OIDC_ISSUERS",
    "OPERATORS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "RATE_LIMIT",
    "RATE_LIMIT_ANONYMOUS",
  ]

  # Bytes only pass through: a small young generation and few arenas hold what is needed of them.
  runtime = {
    NODE_OPTIONS     = "--max-semi-space-size=1"
    MALLOC_ARENA_MAX = "2"
  }

  environment = merge(var.settings, local.required_settings, local.runtime)
}

# --- the source -----------------------------------------------------------------------------------

# `npm run build` makes dist/deploy: the bundle, and a package.json that names the framework alone and
# the build step by which an instance starts faster (infra/bundle/warm-code-cache.ts).
data "archive_file" "source" {
  type             = "zip"
  source_dir       = "${path.module}/../../dist/deploy"
  output_path      = "${path.module}/../../dist/deploy.zip"
  output_file_mode = "0644"
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-driveway-source"
  location                    = var.region
  force_destroy               = true
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    condition {
      age                = 30
      num_newer_versions = 3
    }
    action {
      type = "Delete"
    }
  }

  versioning {
    enabled = true
  }

  depends_on = [google_project_service.service]
}

# Named by its content: another source is another object, the same source is no change.
resource "google_storage_bucket_object" "source" {
  name   = "driveway-${data.archive_file.source.output_md5}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "driveway"
  location      = var.region
  format        = "DOCKER"
  description   = "The functions' images"

  # Each deployment leaves four images of 100 MB; the last three of each are enough to go back to.
  cleanup_policies {
    id     = "keep-three"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-after-two-weeks"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "1209600s"
    }
  }

  depends_on = [google_project_service.service]
}

# --- the functions --------------------------------------------------------------------------------

resource "google_cloudfunctions2_function" "function" {
  for_each = { for name, is in local.functions : name => is if local.ready }

  name        = each.key
  location    = var.region
  description = "Driveway ${each.key}"

  build_config {
    runtime           = "nodejs24"
    entry_point       = each.key
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_memory                 = each.value.memory
    available_cpu                    = "1"
    max_instance_request_concurrency = each.value.concurrency
    timeout_seconds                  = each.value.timeout
    min_instance_count               = 0
    max_instance_count               = each.value.max_instances
    ingress_settings                 = "ALLOW_ALL"
    environment_variables            = local.environment
    # Start-up CPU boost has no place here: setup sees to it, by gcloud, on the service below.
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_firestore_field.expires,
    google_project_iam_member.build_logs,
    google_project_iam_member.documents,
    google_secret_manager_secret_iam_member.reader,
    google_storage_bucket_iam_member.build_source,
  ]
}

# Browsers call them, and a preflight of CORS carries nothing by which Google could know them:
# whoever calls is let in, and Driveway itself asks who it is.
resource "google_cloud_run_v2_service_iam_member" "public" {
  for_each = google_cloudfunctions2_function.function

  name     = each.value.name
  location = each.value.location
  role     = "roles/run.invoker"
  member   = "allUsers"
}
