# The size of each function and of the container. `npm run setup -- --size=upload.max_instances=40` changes
# one; the answers of setup keep it (docs/deploy.md), so that an upgrade does not.

locals {
  # Memory: about 110 MiB for Node and the libraries (docs/bench.md), plus the upload buffers. One CPU
  # per instance: with less, Cloud Run limits an instance to one request at a time, and a request that
  # waits for Google blocks the whole instance. max_instances limits the cost: 400 concurrent uploads.
  default_sizes = {
    # Redirects, lookups, new tokens; a token's folder may have to be looked up in Drive first.
    auth = { memory = "256Mi", cpu = 1, concurrency = 40, timeout = 60, min_instances = 0, max_instances = 10 }

    # One token exchange with Google, with a timeout of 10 s; Hosting times out after 60 s.
    callback = { memory = "256Mi", cpu = 1, concurrency = 40, timeout = 60, min_instances = 0, max_instances = 5 }

    # Listings, and downloads, which take as long as the client reads; their bytes are streamed.
    files = { memory = "512Mi", cpu = 1, concurrency = 40, timeout = 3600, min_instances = 0, max_instances = 20 }

    # Each upload has a send buffer of at least 0.5 MiB; all buffers together are limited to 140 MiB
    # (functions/config/memory-limit.ts). When they are full, a new upload gets 503 with Retry-After; a
    # running one is never killed. An upload at 10 MiB/s takes about 3 % of one CPU.
    upload = { memory = "512Mi", cpu = 1, concurrency = 20, timeout = 3600, min_instances = 0, max_instances = 20 }

    # The container, which serves uploads of any size in a single request.
    container = { memory = "512Mi", cpu = 1, concurrency = 40, timeout = 3600, min_instances = 0, max_instances = 10 }
  }

  sizes = {
    for name, size in local.default_sizes : name => merge(size, {
      for field, value in try(var.sizes[name], {}) : field => value if value != null
    })
  }

  functions = { for name, size in local.sizes : name => size if name != "container" }

  # The names of the Cloud Run services, of the functions and of the container.
  service_names = {
    for name in keys(local.sizes) : name => name == "container" ? "${var.name}-upload-h2c" : "${var.name}-${name}"
  }
}
