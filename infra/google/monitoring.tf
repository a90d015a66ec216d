# What is kept of the log, what is counted from it, and who is told. The log's lines are described
# in functions/http/log.ts and docs/audit.md.

locals {
  # The functions' names, and the container's.
  ours = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for name in concat(keys(local.functions), ["upload-h2c"]) : "\"${name}\""])})"
}

# Cloud Run logs each request with its whole URL, and that of /callback has a code and a state in it.
# The code is used up by then; all the same it is nobody's business. Driveway's own lines say that a
# sign-in happened.
resource "google_logging_project_exclusion" "callback" {
  name        = "driveway-callback-queries"
  description = "Requests of /callback: their URL has an authorization code in it"
  filter      = "${local.ours} AND log_id(\"run.googleapis.com/requests\") AND httpRequest.requestUrl=~\"[?&](code|state)=\""

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "refusals" {
  name        = "driveway/refusals"
  description = "Answers that are errors, by the code that the caller was given"
  filter      = "${local.ours} AND jsonPayload.code!=\"\" AND jsonPayload.message=~\" refused$\""

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
      description = "As in functions/errors.ts"
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_logging_metric" "uploaded" {
  name            = "driveway/uploaded_bytes"
  description     = "Bytes of files that are whole in somebody's Drive"
  filter          = "${local.ours} AND jsonPayload.audit=true AND jsonPayload.message=\"upload\""
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

  display_name = "Driveway's operator"
  type         = "email"
  labels = {
    email_address = var.alert_email
  }

  depends_on = [google_project_service.service]
}

# An ERROR is always our own fault (a bug, a keyring that does not open a grant): one is enough.
resource "google_monitoring_alert_policy" "errors" {
  display_name          = "Driveway: an error of its own"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = google_monitoring_notification_channel.email[*].id

  conditions {
    display_name = "A line with severity ERROR"
    condition_matched_log {
      filter = "${local.ours} AND severity>=ERROR"
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
    content   = "Open the log at the time of the alert: the line has `code`, `reason` and, where nobody expected it, `stack_trace`."
  }

  depends_on = [google_project_service.service]
}

# Somebody else's fault now and then is life; one in twenty for ten minutes is an outage.
resource "google_monitoring_alert_policy" "outage" {
  display_name          = "Driveway: answers 5xx"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = google_monitoring_notification_channel.email[*].id

  conditions {
    display_name = "More than 5 % for ten minutes"
    condition_threshold {
      filter             = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${join("|", keys(local.functions))}|upload-h2c\") AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      denominator_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${join("|", keys(local.functions))}|upload-h2c\") AND metric.type=\"run.googleapis.com/request_count\""
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
    content   = "The dashboard Driveway shows which codes: `drive_unavailable` is Google Drive, `store_unavailable` Firestore, `over_capacity` more uploads than max_instances allow, `misconfigured` a right that is missing."
  }

  depends_on = [google_project_service.service]
}

resource "google_billing_budget" "monthly" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "Driveway (${var.project})"

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

  # The billing account's administrators are told in any case.
  all_updates_rule {
    monitoring_notification_channels = google_monitoring_notification_channel.email[*].id
    disable_default_iam_recipients   = false
    enable_project_level_recipients  = true
  }

  depends_on = [google_project_service.service]
}
