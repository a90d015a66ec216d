/** Statistics, and results as Markdown tables. */
import { readFile, writeFile } from 'node:fs/promises'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = NaN, high = NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

export function ratio(value: number): string {
  return `${value.toFixed(2)} ×`
}

export function table(columns: string[], rows: string[][]): string {
  const lines = [columns, columns.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Writes tables into `docs/bench.md`, between `<!-- name -->` and `<!-- /name -->`. */
export async function saveTables(name: string, command: string, tables: string): Promise<void> {
  const page = await readFile('docs/bench.md', 'utf8')
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [from, to] = [page.indexOf(start) + start.length, page.indexOf(end)]
  if (from < start.length || to < from) throw new Error(`docs/bench.md has no section ${name}`)
  const text = `\n\`${command}\`\n\n${tables}\n\n`
  await writeFile('docs/bench.md', page.slice(0, from) + text + page.slice(to))
}
