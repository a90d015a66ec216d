/** The table of docs/observability.md, from the list that the code goes by. */
import { metrics } from '../../functions/telemetry/metrics.ts'
import { table } from './table.ts'

export function metricsTable(): string {
  return table(
    ['Metric', 'Kind', 'Unit', 'Attributes', 'What it is'],
    Object.entries(metrics).map(([name, { kind, unit, attributes, meaning }]) => [
      `\`${name}\``,
      kind,
      `\`${unit}\``,
      attributes.map((attribute) => `\`${attribute}\``).join(', '),
      meaning,
    ]),
  )
}
