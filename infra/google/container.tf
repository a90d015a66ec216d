# The container: the same handlers, spoken to over HTTP/2 ("h2c"), where no front end puts a ceiling
# on one request. Off unless an image is named. It has an address of its own; the page goes on using
# the function `upload`, since Hosting has limits whatever is behind it.

resource "google_cloud_run_v2_service" "upload" {
  count = local.ready && var.upload_image != "" ? 1 : 0

  name                = "upload-h2c"
  location            = var.region
  description         = "Driveway, for single requests of any size"
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  template {
    # The container answers for all four functions, and reads what they read.
    service_account                  = google_service_account.function["upload"].email
    timeout                          = "3600s"
    max_instance_request_concurrency = 40
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = 0
      max_instance_count = 10
    }

    containers {
      image = var.upload_image

      # The port's name is the protocol: HTTP/2 without TLS, by prior knowledge.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # What the image sets itself (infra/container/Dockerfile): MAX_REQUEST_BYTES and Node's options.
      dynamic "env" {
        for_each = merge(var.settings, local.required_settings)
        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  depends_on = [
    google_project_iam_member.documents,
    google_secret_manager_secret_iam_member.reader,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "upload_public" {
  count = length(google_cloud_run_v2_service.upload)

  name     = google_cloud_run_v2_service.upload[count.index].name
  location = google_cloud_run_v2_service.upload[count.index].location
  role     = "roles/run.invoker"
  member   = "allUsers"
}
