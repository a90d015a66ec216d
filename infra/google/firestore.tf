# A database of its own: a project that is in use keeps its database "(default)" and the rules of it.
resource "google_firestore_database" "driveway" {
  name        = var.name
  location_id = var.region
  type        = "FIRESTORE_NATIVE"

  # Allows a restore of the grants to any point of the last seven days.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  deletion_policy                   = var.keep_data ? "ABANDON" : "DELETE"
  delete_protection_state           = var.keep_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  depends_on = [google_project_service.service]
}

locals {
  # The TTL field of each collection, as in functions/store/collections.ts. `grants` has none: a grant is
  # stored until the user or Google revokes it.
  ttl_fields = {
    credentials     = "expiresAt"
    devices         = "expiresAt"
    folders         = "expiresAt"
    idempotencyKeys = "expiresAt"
    policies        = "expiresAt"
    rateLimits      = "expiresAt"
    singleUse       = "expiresAt"
    usage           = "expiresAt"
  }
}

resource "google_firestore_field" "ttl" {
  for_each = local.ttl_fields

  database   = google_firestore_database.driveway.name
  collection = each.key
  field      = each.value

  ttl_config {}

  # No query uses this field, and an index on monotonically increasing times is a hotspot.
  index_config {}
}

# Each query filters by one field (functions/identity/firestore-credentials.ts). Firestore creates
# single-field indexes automatically, so no composite index is required.

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
  name         = "cloud.firestore/${google_firestore_database.driveway.name}"
  ruleset_name = google_firebaserules_ruleset.firestore.name
}
