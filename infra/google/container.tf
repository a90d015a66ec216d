# The container: the same handlers over HTTP/2 without TLS (h2c), which has no request size limit.
# Deployed only if `upload_image` is set. It has its own URL; the page still uses the function `upload`,
# because Firebase Hosting has its own limits.

resource "google_cloud_run_v2_service" "upload" {
  count = local.ready && var.upload_image != "" ? 1 : 0

  name                = local.service_names.container
  location            = var.region
  description         = "Driveway: uploads of any size in a single request"
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  # Public: Driveway authenticates the callers itself. An organization with domain-restricted sharing
  # refuses the alternative, a role for allUsers.
  invoker_iam_disabled = true

  template {
    # The container serves all four functions and needs the same secrets.
    service_account                  = google_service_account.function["upload"].email
    timeout                          = "${local.sizes.container.timeout}s"
    max_instance_request_concurrency = local.sizes.container.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = local.sizes.container.min_instances
      max_instance_count = local.sizes.container.max_instances
    }

    containers {
      image = var.upload_image

      # The name of the port sets the protocol: HTTP/2 without TLS, with prior knowledge.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = tostring(local.sizes.container.cpu)
          memory = local.sizes.container.memory
        }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # The image itself sets MAX_REQUEST_BYTES and NODE_OPTIONS (infra/container/Dockerfile).
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
    google_project_iam_member.firestore_user,
    google_secret_manager_secret_iam_member.accessor,
  ]
}
