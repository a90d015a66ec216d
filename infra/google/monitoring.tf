# Log exclusions, log-based metrics, alerts and the budget. functions/http/log.ts and docs/audit.md
# describe the log entries.

locals {
  # "Driveway", or "Driveway staging" in the environment staging.
  title = var.name == "driveway" ? "Driveway" : replace(var.name, "driveway-", "Driveway ")

  # Matches the log entries of the functions and of the container.
  log_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for name in values(local.service_names) : "\"${name}\""])})"
}

# Cloud Run logs the whole URL of each request, and the URL of /callback contains an authorization code
# and the state. The code is already used, but it should still not be logged. Driveway's own log has an
# entry for each sign-in.
resource "google_logging_project_exclusion" "callback" {
  name        = "${var.name}-callback-queries"
  description = "Requests of /callback, whose URL contains an authorization code"
  filter      = "${local.log_filter} AND log_id(\"run.googleapis.com/requests\") AND httpRequest.requestUrl=~\"[?&](code|state)=\""

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "failed_requests" {
  name        = "${var.name}/failed_requests"
  description = "Refused requests, by problem code"
  filter      = "${local.log_filter} AND jsonPayload.code!=\"\" AND jsonPayload.message=\"request_failed\""

  label_extractors = {
    code = "EXTRACT(jsonPayload.code)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    labels {
      key         = "code"
      value_type  = "STRING"
      description = "A problem code of functions/errors.ts"
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "uploaded" {
  name            = "${var.name}/uploaded_bytes"
  description     = "Sizes of completed uploads"
  filter          = "${local.log_filter} AND jsonPayload.audit=true AND jsonPayload.message=\"upload\""
  value_extractor = "EXTRACT(jsonPayload.bytes)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "By"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 32
      growth_factor      = 4
      scale              = 1024
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "${local.title} operator"
  type         = "email"
  labels = {
    email_address = var.alert_email
  }

  depends_on = [google_project_service.service]
}

# An ERROR is always a fault of Driveway (a bug, a keyring that cannot decrypt a grant), so one is enough.
resource "google_monitoring_alert_policy" "errors" {
  display_name          = "${local.title}: internal error"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = google_monitoring_notification_channel.email[*].id

  conditions {
    display_name = "Log entry with severity ERROR"
    condition_matched_log {
      filter = "${local.log_filter} AND severity>=ERROR"
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Open the log at the time of the alert. The entry has `code`, `reason` and, for an unexpected error, `stack_trace`."
  }

  depends_on = [google_project_service.service]
}

# Single 5xx responses are caused by other services; more than 5 % over ten minutes is an outage.
resource "google_monitoring_alert_policy" "outage" {
  display_name          = "${local.title}: 5xx responses"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = google_monitoring_notification_channel.email[*].id

  conditions {
    display_name = "More than 5 % of the requests over ten minutes"
    condition_threshold {
      filter             = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${join("|", values(local.service_names))}\") AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      denominator_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${join("|", values(local.service_names))}\") AND metric.type=\"run.googleapis.com/request_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.05
      duration           = "600s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
      trigger {
        count = 1
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The dashboard ${local.title} shows the problem codes: `drive_unavailable` is Google Drive, `store_unavailable` is Firestore, `over_capacity` is more uploads than max_instances allows, `misconfigured` is a missing permission."
  }

  depends_on = [google_project_service.service]
}

resource "google_billing_budget" "monthly" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${local.title} (${var.project})"

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }
  threshold_rules {
    threshold_percent = 0.9
  }
  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  # The administrators of the billing account are always notified.
  all_updates_rule {
    monitoring_notification_channels = google_monitoring_notification_channel.email[*].id
    disable_default_iam_recipients   = false
    enable_project_level_recipients  = true
  }

  depends_on = [google_project_service.service]
}
