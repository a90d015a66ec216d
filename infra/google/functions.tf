locals {
  # The functions are created once setup has stored both secrets.
  ready = var.client_version > 0 && var.keyring_version > 0

  required_settings = {
    PUBLIC_URL           = var.public_url
    GOOGLE_CLOUD_PROJECT = var.project
    FIRESTORE_DATABASE   = google_firestore_database.driveway.name
    CLIENT_SECRET_NAME   = "${google_secret_manager_secret.secret["client"].name}/versions/${var.client_version}"
    KEYRING_SECRET_NAME  = "${google_secret_manager_secret.secret["keyring"].name}/versions/${var.keyring_version}"
  }

  # The optional settings (functions/config/config.ts).
  optional_settings = [
    "ACCESS_PROFILE",
    "ALLOWED_ORIGINS",
    "ALLOWED_USERS",
    "HSTS_INCLUDE_SUBDOMAINS",
    "LIMIT_BYTES_PER_DAY",
    "LIMIT_FILES_PER_DAY",
    "LINGER_BYTES",
    "LINGER_CONNECTIONS",
    "LINGER_SECONDS",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_FILE_BYTES",
    "MAX_REQUEST_BYTES",
    "MEMORY_BYTES",
    "OIDC_ISSUERS",
    "OPERATORS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "RATE_LIMIT",
    "RATE_LIMIT_ANONYMOUS",
    "RETURN_URLS",
    "SESSION_IDLE_DAYS",
    "SESSION_MAX_DAYS",
    "TRUSTED_PROXIES",
  ]

  # Streamed bytes are short-lived: a small young generation and few malloc arenas save memory.
  runtime = {
    NODE_OPTIONS     = "--max-semi-space-size=1"
    MALLOC_ARENA_MAX = "2"
  }

  environment = merge(var.settings, local.required_settings, local.runtime)
}

# --- the source -----------------------------------------------------------------------------------

# `npm run build` writes dist/deploy: the bundle, and a package.json with the framework as its only
# dependency and a build step that shortens cold starts (infra/bundle/warm-code-cache.ts).
data "archive_file" "source" {
  type             = "zip"
  source_dir       = "${path.module}/../../dist/deploy"
  output_path      = "${path.module}/../../dist/deploy.zip"
  output_file_mode = "0644"
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${var.name}-source"
  location                    = var.region
  force_destroy               = true
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Terraform deletes an object when the next source replaces it; versioning keeps it for a month. The
  # name of an object is a hash of its content, so a rule by number of versions would never match.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }

  # The source of the container, which `gcloud builds submit` uploads under a new name each time.
  lifecycle_rule {
    condition {
      age            = 30
      matches_prefix = ["container/"]
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

# Named by a hash of its content, so an unchanged source is an unchanged object.
resource "google_storage_bucket_object" "source" {
  name   = "driveway-${data.archive_file.source.output_md5}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  description   = "Container images of the functions"

  # Each deployment adds four images of 100 MB. The last three of each remain, for rollbacks.
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
  for_each = { for name, size in local.functions : name => size if local.ready }

  name        = local.service_names[each.key]
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
    available_cpu                    = tostring(each.value.cpu)
    max_instance_request_concurrency = each.value.concurrency
    timeout_seconds                  = each.value.timeout
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    ingress_settings                 = "ALLOW_ALL"
    environment_variables            = local.environment
    # This resource has no fields for the startup CPU boost and for the invoker check: setup sets both with
    # gcloud on the Cloud Run service, and checks them after each apply.
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_firestore_field.ttl,
    google_project_iam_member.build_function_sources,
    google_project_iam_member.build_logs,
    google_project_iam_member.firestore_user,
    google_secret_manager_secret_iam_member.accessor,
    google_storage_bucket_iam_member.build_source,
  ]
}
