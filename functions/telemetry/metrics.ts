/**
 * What is counted and timed, and the face by which the rooms tell of it: none of them knows whether
 * anybody listens. See docs/observability.md.
 */

export type Attributes = Record<string, string | number>

interface Metric {
  kind: 'counter' | 'histogram'
  /** As UCUM has it, the way OpenTelemetry writes it. */
  unit: string
  /** All that a point may carry, each with few values: nothing of a person, a file or an address. */
  attributes: readonly string[]
  meaning: string
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
    meaning: 'Requests, by function and status',
  },
  'http.client.request.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['driveway.drive.method', 'http.response.status_code', 'error.type'],
    meaning: 'Requests to Drive, until their answer or the beginning of a download',
  },
  'driveway.uploads': {
    kind: 'counter',
    unit: '{file}',
    attributes: ['driveway.way'],
    meaning: 'Files that are whole in somebody’s Drive',
  },
  'driveway.uploaded': {
    kind: 'counter',
    unit: 'By',
    attributes: ['driveway.way'],
    meaning: 'Their bytes',
  },
  'driveway.upload.window': {
    kind: 'histogram',
    unit: 'By',
    attributes: [],
    meaning: 'The most memory that an upload held at a time',
  },
  'driveway.drive.chunk': {
    kind: 'histogram',
    unit: 'By',
    attributes: [],
    meaning: 'Chunks as they are sent, those sent again among them',
  },
  'driveway.drive.retries': {
    kind: 'counter',
    unit: '{retry}',
    attributes: [],
    meaning: 'Waits before another try at Drive',
  },
  'driveway.drive.quota_units': {
    kind: 'counter',
    unit: '{unit}',
    attributes: ['driveway.drive.method'],
    meaning: 'What the requests cost of Drive’s quota, by its published prices',
  },
  'driveway.token.refreshes': {
    kind: 'counter',
    unit: '{refresh}',
    attributes: ['driveway.outcome'],
    meaning: 'Access tokens asked for with a refresh token',
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

type NameOf<K extends Metric['kind']> = {
  [N in MetricName]: (typeof metrics)[N]['kind'] extends K ? N : never
}[MetricName]

/** The attributes of one metric; those that do not apply are left out. */
type AttributesOf<N extends MetricName> = Partial<
  Record<(typeof metrics)[N]['attributes'][number], string | number>
>

/** A piece of work with a beginning and an end. */
export interface SpanTerms {
  /** A request that came, or one that goes out. */
  kind: 'server' | 'client'
  name: string
  attributes?: Attributes
  /** The trace that it came with; otherwise it belongs to the span that it runs in. */
  parent?: { traceId: string; spanId?: string; sampled?: boolean } | undefined
}

export interface Telemetry {
  count<N extends NameOf<'counter'>>(name: N, by: number, attributes?: AttributesOf<N>): void
  measure<N extends NameOf<'histogram'>>(name: N, value: number, attributes?: AttributesOf<N>): void
  /**
   * Does the work, and what it does in turn belongs to it.
   *
   * @param work may note what is known at its end; with an `error.type` it counts as failed
   * @throws what the work throws, and nothing else
   */
  span<T>(
    terms: SpanTerms,
    work: (note: (attributes: Attributes) => void) => Promise<T>,
  ): Promise<T>
}

/** Nobody listens. */
export const silent: Telemetry = {
  count() {},
  measure() {},
  span: (_terms, work) => work(() => {}),
}
