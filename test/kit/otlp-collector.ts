/** A fake OpenTelemetry collector that accepts OTLP/HTTP with JSON encoding and stores the data. */
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { listen } from './environment.ts'

export interface Value {
  stringValue?: string
  intValue?: string
}
interface KeyValue {
  key: string
  value: Value
}
export interface Point {
  attributes: KeyValue[]
  startTimeUnixNano: string
  timeUnixNano: string
  asInt?: string
  count?: string
  sum?: number
  min?: number
  max?: number
  bucketCounts?: string[]
  explicitBounds?: number[]
}
interface Aggregate {
  aggregationTemporality: number
  isMonotonic?: boolean
  dataPoints: Point[]
}
export interface MetricData {
  name: string
  unit: string
  description: string
  sum?: Aggregate
  histogram?: Aggregate
}
export interface SpanData {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: KeyValue[]
  status: { code?: number }
}
interface Resource {
  attributes: KeyValue[]
}

export interface Collector {
  origin: string
  /** Raw request bodies. */
  bodies: string[]
  /** The headers of each request. */
  headers: IncomingHttpHeaders[]
  resources: Resource[]
  spans: SpanData[]
  /** The latest data of each metric; metrics are cumulative. */
  metrics: Map<string, MetricData>
  close(): Promise<void>
}

/** @param respond replaces the handler that stores the data */
export async function startCollector(
  respond?: (req: IncomingMessage, res: ServerResponse) => Promise<void> | void,
): Promise<Collector> {
  const bodies: string[] = []
  const headers: IncomingHttpHeaders[] = []
  const resources: Resource[] = []
  const spans: SpanData[] = []
  const metrics = new Map<string, MetricData>()
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString('utf8')
    bodies.push(text)
    headers.push(req.headers)
    if (respond) return respond(req, res)
    const isJson = req.method === 'POST' && req.headers['content-type'] === 'application/json'
    const body = JSON.parse(text) as Record<string, never>
    if (!isJson || !['/v1/metrics', '/v1/traces'].includes(req.url ?? '')) {
      return void res.writeHead(400).end()
    }
    for (const { resource, scopeMetrics } of (body['resourceMetrics'] ?? []) as {
      resource: Resource
      scopeMetrics: { metrics: MetricData[] }[]
    }[]) {
      resources.push(resource)
      for (const metric of scopeMetrics.flatMap((scope) => scope.metrics)) {
        metrics.set(metric.name, metric)
      }
    }
    for (const { resource, scopeSpans } of (body['resourceSpans'] ?? []) as {
      resource: Resource
      scopeSpans: { spans: SpanData[] }[]
    }[]) {
      resources.push(resource)
      spans.push(...scopeSpans.flatMap((scope) => scope.spans))
    }
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }
  const server = createServer((req, res) => void handle(req, res))
  const origin = await listen(server)
  return {
    origin,
    bodies,
    headers,
    resources,
    spans,
    metrics,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function attributesOf({ attributes }: { attributes: KeyValue[] }): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  )
}
