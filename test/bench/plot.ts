/** Draws line charts as SVG, readable on light and dark pages. */
import { mkdir, writeFile } from 'node:fs/promises'

export interface Plot {
  title: string
  /** The labels of the x axis, evenly spaced. */
  x: string[]
  /** The label of the y axis, which starts at 0. */
  y: string
  lines: { name: string; values: number[] }[]
}

const width = 640
const height = 320
const left = 64
const right = 24
const top = 64
const bottom = 40
const colours = ['#1a73e8', '#d2691e', '#188038', '#9334e6']

/** Writes `docs/bench/{name}.svg`. */
export async function savePlot(name: string, plot: Plot): Promise<void> {
  await mkdir('docs/bench', { recursive: true })
  await writeFile(`docs/bench/${name}.svg`, drawPlot(plot))
}

export function drawPlot({ title, x, y, lines }: Plot): string {
  const step = niceStep(Math.max(1, ...lines.flatMap(({ values }) => values)) / 4)
  const max = step * Math.ceil(Math.max(1, ...lines.flatMap(({ values }) => values)) / step)
  const atX = (index: number): number =>
    left + ((width - left - right) * (index + 0.5)) / Math.max(1, x.length)
  const atY = (value: number): number => height - bottom - ((height - top - bottom) * value) / max
  const text = (at: [number, number], label: string, attributes = ''): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${attributes}>${escape(label)}</text>`

  const parts: string[] = [text([left, 22], title, 'font-size="14" font-weight="bold"')]
  for (let value = 0; value <= max; value += step) {
    const level = atY(value)
    parts.push(
      `<path d="M${left} ${level.toFixed(1)}H${width - right}" stroke="#888" stroke-opacity=".35"/>`,
      text([left - 8, level + 4], String(value), 'text-anchor="end"'),
    )
  }
  parts.push(text([8, top - 12], y))
  for (const [index, label] of x.entries()) {
    parts.push(text([atX(index), height - bottom + 20], label, 'text-anchor="middle"'))
  }
  for (const [index, { name, values }] of lines.entries()) {
    const colour = colours[index % colours.length] ?? '#888'
    const points = values.map((value, at) => `${atX(at).toFixed(1)},${atY(value).toFixed(1)}`)
    parts.push(
      `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
      ...points.map((point) => {
        const [cx, cy] = point.split(',')
        return `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`
      }),
      `<circle cx="${left + 210 * index + 100}" cy="40" r="4" fill="${colour}"/>`,
      text([left + 210 * index + 110, 44], name),
    )
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#777">\n` +
    `<title>${escape(title)}</title>\n${parts.join('\n')}\n</svg>\n`
  )
}

/** Rounds up to 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
}

function escape(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
