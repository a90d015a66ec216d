/**
 * Metric definitions and the telemetry interface. Its users do not know whether a collector is
 * configured. See docs/observability.md.
 */

export type Attributes = Record<string, string | number>

interface Metric {
  kind: 'counter' | 'histogram'
  /** UCUM unit, as OpenTelemetry writes it. */
  unit: string
  /** All attributes of a point. Low cardinality; no personal data, file names or addresses. */
  attributes: readonly string[]
  description: string
}

/** Every metric. Names without `driveway.` are those of OpenTelemetry's semantic conventions. */
export const metrics = {
  'http.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: [
      'driveway.function',
      'http.request.method',
      'http.response.status_code',
      'error.type',
    ],
    description: 'Duration of HTTP requests',
  },
  'http.client.request.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['driveway.drive.method', 'http.response.status_code', 'error.type'],
    description: 'Duration of requests to Drive, until the response or the start of a download',
  },
  'driveway.uploads': {
    kind: 'counter',
    unit: '{file}',
    attributes: ['driveway.upload.method'],
    description: 'Completed uploads',
  },
  'driveway.uploaded_bytes': {
    kind: 'counter',
    unit: 'By',
    attributes: ['driveway.upload.method'],
    description: 'Bytes of completed uploads',
  },
  'driveway.upload.buffer': {
    kind: 'histogram',
    unit: 'By',
    attributes: [],
    description: 'Peak buffer size of an upload',
  },
  'driveway.drive.chunk_size': {
    kind: 'histogram',
    unit: 'By',
    attributes: [],
    description: 'Size of chunks sent to Drive, including retries',
  },
  'driveway.drive.retries': {
    kind: 'counter',
    unit: '{retry}',
    attributes: [],
    description: 'Retries of requests to Drive',
  },
  'driveway.drive.quota_units': {
    kind: 'counter',
    unit: '{unit}',
    attributes: ['driveway.drive.method'],
    description: 'Drive API quota units used, by Google’s published costs',
  },
  'driveway.token.refreshes': {
    kind: 'counter',
    unit: '{refresh}',
    attributes: ['driveway.result'],
    description: 'Access token refreshes',
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

type NameOf<K extends Metric['kind']> = {
  [N in MetricName]: (typeof metrics)[N]['kind'] extends K ? N : never
}[MetricName]

/** The attributes of one metric; those that do not apply are omitted. */
type AttributesOf<N extends MetricName> = Partial<
  Record<(typeof metrics)[N]['attributes'][number], string | number>
>

export interface SpanOptions {
  /** An incoming or an outgoing request. */
  kind: 'server' | 'client'
  name: string
  attributes?: Attributes
  /** Parent span; the active span by default. */
  parent?: { traceId: string; spanId?: string; sampled?: boolean } | undefined
}

export interface Telemetry {
  count<N extends NameOf<'counter'>>(name: N, by: number, attributes?: AttributesOf<N>): void
  measure<N extends NameOf<'histogram'>>(name: N, value: number, attributes?: AttributesOf<N>): void
  /**
   * Runs `work` in a new span.
   *
   * @param work may add attributes at its end; `error.type` marks the span as failed
   * @throws only the errors of `work`
   */
  span<T>(
    options: SpanOptions,
    work: (addAttributes: (attributes: Attributes) => void) => Promise<T>,
  ): Promise<T>
}

/** Discards everything. */
export const noopTelemetry: Telemetry = {
  count() {},
  measure() {},
  span: (_options, work) => work(() => {}),
}
