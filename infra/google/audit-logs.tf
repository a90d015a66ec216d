# Data Access audit logs: who has read or changed a secret or a document, whether a function or a person.
# Google logs changes of the configuration anyway. docs/audit.md has queries, docs/costs.md the costs.

locals {
  # Firestore's audit logs are configured under the name of Datastore.
  audited_services = toset(["datastore.googleapis.com", "secretmanager.googleapis.com"])
}

resource "google_project_iam_audit_config" "data_access" {
  for_each = var.audit_logs ? local.audited_services : toset([])

  project = var.project
  service = each.key

  audit_log_config {
    log_type = "ADMIN_READ"
  }
  audit_log_config {
    log_type = "DATA_READ"
  }
  audit_log_config {
    log_type = "DATA_WRITE"
  }

  depends_on = [google_project_service.service]
}
