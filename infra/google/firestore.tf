resource "google_firestore_database" "driveway" {
  name        = "(default)"
  location_id = var.region
  type        = "FIRESTORE_NATIVE"

  # Grants are worth a week of second thoughts.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  deletion_policy                   = var.keep_data ? "ABANDON" : "DELETE"
  delete_protection_state           = var.keep_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  depends_on = [google_project_service.service]
}

locals {
  # As in functions/store/collections.ts: the field by which each collection clears up after itself.
  # `grants` is not among them: it stays until people, or Google, end it.
  expires = {
    attempts    = "expiresAt"
    credentials = "expiresAt"
    devices     = "expiresAt"
    folders     = "expiresAt"
    logins      = "expiresAt"
    policies    = "expiresAt"
    rates       = "expiresAt"
    usage       = "expiresAt"
  }
}

resource "google_firestore_field" "expires" {
  for_each = local.expires

  database   = google_firestore_database.driveway.name
  collection = each.key
  field      = each.value

  ttl_config {}

  # Nothing is ever looked up by it, and an index of times that only grow is a hot spot.
  index_config {}
}

# Queries ask for one field each (functions/identity/firestore-credentials.ts): Firestore has those
# indexes of itself, and there is no composite one to make.

resource "google_firebaserules_ruleset" "firestore" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/firestore.rules")
    }
  }

  depends_on = [google_firestore_database.driveway]

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_firebaserules_release" "firestore" {
  name         = "cloud.firestore"
  ruleset_name = google_firebaserules_ruleset.firestore.name
}
