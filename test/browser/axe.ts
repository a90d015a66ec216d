/** Automated accessibility checks with axe. */
import type { AxeResults, RunOptions } from 'axe-core'
import axe from 'axe-core'
import type { Page } from 'playwright-core'

type Rules = NonNullable<RunOptions['runOnly']>

const allRules: Rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** Rules that depend on the color scheme. */
const colorRules: Rules = {
  type: 'rule',
  values: ['color-contrast', 'link-in-text-block'],
}

const colorSchemes = ['light', 'dark'] as const

/**
 * Checks a page in light and dark.
 *
 * @param screenshot called in each color scheme
 * @returns violations with their elements
 */
export async function findViolations(
  page: Page,
  screenshot: (colorScheme: (typeof colorSchemes)[number]) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const violations: string[] = []
  for (const colorScheme of colorSchemes) {
    await page.emulateMedia({ colorScheme })
    await screenshot(colorScheme)
    const schemeViolations = await run(page, colorScheme === 'light' ? allRules : colorRules)
    violations.push(...schemeViolations.map((violation) => `${colorScheme}: ${violation}`))
  }
  return violations
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
