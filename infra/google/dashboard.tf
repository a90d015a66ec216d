locals {
  services_filter = "resource.type=\"cloud_run_revision\" resource.label.\"service_name\"=monitoring.regex.full_match(\"${join("|", values(local.service_names))}\")"

  # Each chart: title, metric, per-series aligner (one point per minute), cross-series reducer, group-by
  # field.
  charts = [
    ["Requests per second, by response code class", "run.googleapis.com/request_count", "ALIGN_RATE", "REDUCE_SUM", "metric.label.response_code_class"],
    ["Requests per second, by function", "run.googleapis.com/request_count", "ALIGN_RATE", "REDUCE_SUM", "resource.label.service_name"],
    ["Request latency, 95th percentile, ms", "run.googleapis.com/request_latencies", "ALIGN_DELTA", "REDUCE_PERCENTILE_95", "resource.label.service_name"],
    ["Failed requests per second, by problem code", "logging.googleapis.com/user/${var.name}/failed_requests", "ALIGN_RATE", "REDUCE_SUM", "metric.label.code"],
    ["Size of uploaded files, median, bytes", "logging.googleapis.com/user/${var.name}/uploaded_bytes", "ALIGN_DELTA", "REDUCE_PERCENTILE_50", "resource.label.service_name"],
    ["Instances", "run.googleapis.com/container/instance_count", "ALIGN_MAX", "REDUCE_SUM", "resource.label.service_name"],
    ["Memory utilization (0 to 1), 99th percentile", "run.googleapis.com/container/memory/utilizations", "ALIGN_DELTA", "REDUCE_PERCENTILE_99", "resource.label.service_name"],
    ["CPU utilization (0 to 1), 99th percentile", "run.googleapis.com/container/cpu/utilizations", "ALIGN_DELTA", "REDUCE_PERCENTILE_99", "resource.label.service_name"],
  ]
}

resource "google_monitoring_dashboard" "driveway" {
  dashboard_json = jsonencode({
    displayName = local.title
    gridLayout = {
      columns = "2"
      widgets = [
        for chart in local.charts : {
          title = chart[0]
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = "metric.type=\"${chart[1]}\" ${local.services_filter}"
                  aggregation = {
                    alignmentPeriod    = "60s"
                    perSeriesAligner   = chart[2]
                    crossSeriesReducer = chart[3]
                    groupByFields      = [chart[4]]
                  }
                }
              }
            }]
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.failed_requests, google_logging_metric.uploaded]
}
