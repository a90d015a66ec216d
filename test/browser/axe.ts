/** What a machine can say about how accessible a page is. */
import type { AxeResults, RunOptions } from 'axe-core'
import axe from 'axe-core'
import type { Page } from 'playwright-core'

type Rules = NonNullable<RunOptions['runOnly']>

const all: Rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What else can go wrong where nothing but the colours has changed. */
const ofColours: Rules = {
  type: 'rule',
  values: ['color-contrast', 'link-in-text-block'],
}

const colours = ['light', 'dark'] as const

/**
 * Looks at a page in light and in dark.
 *
 * @param picture takes one of each
 * @returns what is wrong and where; nothing, if all is well
 */
export async function inaccessible(
  page: Page,
  picture: (colour: (typeof colours)[number]) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const flaws: string[] = []
  for (const colorScheme of colours) {
    await page.emulateMedia({ colorScheme })
    await picture(colorScheme)
    const found = await run(page, colorScheme === 'light' ? all : ofColours)
    flaws.push(...found.map((flaw) => `${colorScheme}: ${flaw}`))
  }
  return flaws
}

async function run(page: Page, runOnly: Rules): Promise<string[]> {
  const rules: RunOptions = { runOnly, resultTypes: ['violations'] }
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    (options) =>
      (globalThis as unknown as { axe: { run(o: object): Promise<AxeResults> } }).axe.run(options),
    rules,
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  )
}
