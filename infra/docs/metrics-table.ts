/** Generates the table of docs/observability.md from the metric definitions. */
import { metrics } from '../../functions/telemetry/metrics.ts'
import { table } from './table.ts'

export function metricsTable(): string {
  return table(
    ['Metric', 'Kind', 'Unit', 'Attributes', 'Description'],
    Object.entries(metrics).map(([name, { kind, unit, attributes, description }]) => [
      `\`${name}\``,
      kind,
      `\`${unit}\``,
      attributes.map((attribute) => `\`${attribute}\``).join(', '),
      description,
    ]),
  )
}
