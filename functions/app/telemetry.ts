/** Telemetry, put together: nothing at all unless a collector is named. */
import type { Config } from '../config/config.ts'
import type { Log } from '../http/log.ts'
import type { Outlet } from '../telemetry/otlp-exporter.ts'
import { silent } from '../telemetry/metrics.ts'
import type { Telemetry } from '../telemetry/metrics.ts'

export interface TelemetryRoom {
  /** Absent where nobody listens, so that nothing is wrapped for nothing. */
  telemetry: Telemetry | undefined
  /** Sends what is left. */
  stop(withinMs: number): Promise<void>
}

export function wireTelemetry(
  { otlpEndpoint, otlpHeaders, service, projectId }: Config,
  log: Log,
): TelemetryRoom {
  if (otlpEndpoint === undefined) return { telemetry: undefined, stop: async () => {} }
  let outlet: Outlet | undefined
  const listener = (): Telemetry => outlet ?? silent
  // Loaded before the first request, which waits for nothing all the same.
  const loading = import('../telemetry/otlp-exporter.ts').then(({ createOutlet }) => {
    outlet = createOutlet({
      endpoint: otlpEndpoint,
      headers: otlpHeaders,
      resource: {
        'service.name': 'driveway',
        ...(service.version === undefined ? {} : { 'service.version': service.version }),
        'faas.name': service.service,
        'cloud.account.id': projectId,
      },
      onLost: (why) => log('WARNING', 'telemetry not sent', { why }),
    })
  })
  return {
    telemetry: {
      count: (...args) => listener().count(...args),
      measure: (...args) => listener().measure(...args),
      span: (...args) => listener().span(...args),
    },
    async stop(withinMs) {
      await loading
      await outlet?.stop(withinMs)
    },
  }
}
