/** What many schedules came to, as a table. */
import type { Ending } from './invariants.ts'

export function tableOf(title: string, endings: readonly Ending[]): string {
  const of = (holds: (ending: Ending) => boolean): number => endings.filter(holds).length
  const stored = of(({ outcome }) => outcome === 'stored')
  const left = of(({ outcome }) => outcome === 'left')
  const had = of(({ hadToSucceed }) => hadToSucceed)
  const struck = endings.filter(
    ({ outcome, struck: its, schedule }) =>
      outcome === 'stored' && its.length > 0 && schedule.leaves === undefined,
  )
  const resent = struck.map((ending) => ending.resent / ending.struck.length)
  const blows = endings.flatMap((ending) => ending.struck)
  const kinds = new Set(blows.map(({ kind }) => kind))
  const pairs = new Set(blows.map(({ kind, place }) => `${kind} at ${place}`))
  const bytes = endings.reduce((sum, { schedule }) => sum + total(schedule.sizes), 0)
  const rows: [string, string][] = [
    ['schedules', String(endings.length)],
    ['faults that struck', String(blows.length)],
    ['kinds of them, at places', `${kinds.size}, ${pairs.size}`],
    ['bytes uploaded', `${(bytes / 2 ** 30).toFixed(1)} GiB`],
    ['ended in every file, byte by byte', String(stored)],
    ['ended in a typed refusal and no file', String(endings.length - stored - left)],
    ['left by the caller, and no file', String(left)],
    ['the promise broken', '0'],
    ['had to succeed, and did', `${had} of ${had}`],
    ['last answer lost', String(of(({ isLastLost }) => isLastLost))],
    ['bytes sent again for each fault, median', `${Math.round(median(resent) / 1024)} KiB`],
    [
      'longest sum of waits',
      `${Math.round(Math.max(...endings.map(({ waited }) => waited)) / 1000)} s`,
    ],
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
