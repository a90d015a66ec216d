# Secrets without values. `npm run setup` adds the values with gcloud, so no state file contains them.

locals {
  secrets = {
    client  = "The OAuth client's JSON file, as downloaded from Google's console"
    keyring = "A JWK Set of 256-bit keys: the first encrypts, all decrypt"
  }
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id = "${var.name}-${each.key}"

  annotations = {
    description = each.value
  }

  # Google chooses the regions and survives the loss of one. If the law requires a country, use
  # user_managed with replicas there.
  replication {
    auto {}
  }

  # A destroyed version can be restored for a day. Without the keyring, no grant can be decrypted.
  version_destroy_ttl = "86400s"

  depends_on = [google_project_service.service]
}
