output "public_url" {
  description = "Where Driveway is."
  value       = local.public_url
}

output "redirect_uri" {
  description = "To be registered at the OAuth client, letter by letter."
  value       = "${local.public_url}/callback"
}

output "functions" {
  description = "The functions' own addresses, without Hosting's limits."
  value       = { for name, is in google_cloudfunctions2_function.function : name => is.service_config[0].uri }
}

output "upload_h2c" {
  description = "Where single requests of any size go."
  value       = one(google_cloud_run_v2_service.upload[*].uri)
}
