# The boxes; `npm run setup` puts the values in, through gcloud, so that no state file has them.

locals {
  secrets = {
    client  = "The OAuth client's JSON file, as Google's console gives it"
    keyring = "A JWK Set of 256-bit keys; the first seals, all open"
  }
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id = "driveway-${each.key}"

  annotations = {
    description = each.value
  }

  # Google chooses the places and keeps it where one of them is down. Where the law names a country,
  # user_managed with replicas there instead.
  replication {
    auto {}
  }

  # A version that is destroyed can be had back for a day. Without the keyring nobody's grant opens.
  version_destroy_ttl = "86400s"

  depends_on = [google_project_service.service]
}
