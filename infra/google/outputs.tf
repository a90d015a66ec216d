output "public_url" {
  description = "The origin of Driveway."
  value       = var.public_url
}

output "redirect_uri" {
  description = "The redirect URI to register with the OAuth client, exactly as it is."
  value       = "${var.public_url}/callback"
}

output "functions" {
  description = "The functions' own URLs, without the limits of Firebase Hosting."
  value       = { for name, function in google_cloudfunctions2_function.function : name => function.service_config[0].uri }
}

output "upload_h2c" {
  description = "The URL of the container, for single requests of any size."
  value       = one(google_cloud_run_v2_service.upload[*].uri)
}
