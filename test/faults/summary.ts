/** Summary table of many scenarios. */
import type { ScenarioResult } from './invariants.ts'

export function formatSummary(title: string, results: readonly ScenarioResult[]): string {
  const count = (matches: (result: ScenarioResult) => boolean): number =>
    results.filter(matches).length
  const stored = count(({ outcome }) => outcome === 'stored')
  const disconnected = count(({ outcome }) => outcome === 'disconnected')
  const hadToSucceed = count(({ hasToSucceed }) => hasToSucceed)
  const resumed = results.filter(
    ({ outcome, injected, scenario }) =>
      outcome === 'stored' && injected.length > 0 && scenario.disconnect === undefined,
  )
  const resent = resumed.map(({ resentBytes, injected }) => resentBytes / injected.length)
  const faults = results.flatMap(({ injected }) => injected)
  const kinds = new Set(faults.map(({ kind }) => kind))
  const pairs = new Set(faults.map(({ kind, target }) => `${kind} at ${target}`))
  const bytes = results.reduce((sum, { scenario }) => sum + total(scenario.sizes), 0)
  const maxSleepMs = Math.max(...results.map(({ sleepMs }) => sleepMs))
  const rows: [string, string][] = [
    ['scenarios', String(results.length)],
    ['injected faults', String(faults.length)],
    ['kinds of faults, kinds per target', `${kinds.size}, ${pairs.size}`],
    ['bytes uploaded', `${(bytes / 2 ** 30).toFixed(1)} GiB`],
    ['every file stored, byte by byte', String(stored)],
    ['failed with a problem code, no file', String(results.length - stored - disconnected)],
    ['client disconnected, no file', String(disconnected)],
    ['invariants violated', '0'],
    ['had to succeed, and did', `${hadToSucceed} of ${hadToSucceed}`],
    ['final response lost', String(count(({ isLastResponseLost }) => isLastResponseLost))],
    ['bytes sent again per fault, median', `${Math.round(median(resent) / 1024)} KiB`],
    ['maximum sum of backoffs', `${Math.round(maxSleepMs / 1000)} s`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n')
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}
