/** Composition of telemetry: off unless a collector is configured. */
import type { Config } from '../config/config.ts'
import type { Log } from '../http/log.ts'
import type { OtlpExporter, OtlpExporterOptions } from '../telemetry/otlp-exporter.ts'
import { noopTelemetry } from '../telemetry/metrics.ts'
import type { Telemetry } from '../telemetry/metrics.ts'

export interface TelemetryServices {
  /** `undefined` without a collector, so that nothing is instrumented. */
  telemetry: Telemetry | undefined
  /** Sends the remaining data, within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
}

export function createTelemetryServices(
  { otlpEndpoint, otlpHeaders, service, projectId }: Config,
  log: Log,
  options: Pick<OtlpExporterOptions, 'intervalMs' | 'timeoutMs'> = {},
): TelemetryServices {
  if (otlpEndpoint === undefined) return { telemetry: undefined, stop: async () => {} }
  let exporter: OtlpExporter | undefined
  const current = (): Telemetry => exporter ?? noopTelemetry
  // Loaded in the background: the first request does not wait for it.
  const loading = import('../telemetry/otlp-exporter.ts').then(({ createOtlpExporter }) => {
    exporter = createOtlpExporter({
      ...options,
      endpoint: otlpEndpoint,
      headers: otlpHeaders,
      resource: {
        'service.name': 'driveway',
        ...(service.version === undefined ? {} : { 'service.version': service.version }),
        'faas.name': service.service,
        'cloud.account.id': projectId,
      },
      onExportError: (reason) => log('WARNING', 'telemetry_export_failed', { reason }),
    })
  })
  return {
    telemetry: {
      count: (...args) => current().count(...args),
      measure: (...args) => current().measure(...args),
      span: (...args) => current().span(...args),
    },
    async stop(timeoutMs) {
      await loading
      await exporter?.stop(timeoutMs)
    },
  }
}
