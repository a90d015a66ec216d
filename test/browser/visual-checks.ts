/** Visual checks in light and dark: horizontal overflow, axe violations, optional screenshots. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { findViolations } from './axe.ts'

/** The folder for screenshots; undefined takes none. */
export const screenshotFolder = process.env['SCREENSHOTS']

/**
 * @param name file name prefix of the screenshots
 * @returns violations
 */
export async function checkPage(
  page: Page,
  name: string,
  { fullPage = false }: { fullPage?: boolean } = {},
): Promise<string[]> {
  await page.evaluate(() => document.fonts.ready)
  const overflowPixels = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return scrollWidth - clientWidth
  })
  const overflow = overflowPixels === 0 ? [] : [`overflows by ${overflowPixels} pixels`]
  const violations = await findViolations(page, async (colorScheme) => {
    if (screenshotFolder === undefined) return
    await mkdir(screenshotFolder, { recursive: true })
    const path = join(screenshotFolder, `${name}-${colorScheme}.png`)
    await page.screenshot({ path, fullPage, animations: 'disabled' })
  })
  return [...overflow, ...violations]
}
