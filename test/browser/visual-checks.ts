/** How a page looks in light and in dark: what sticks out, what axe finds, and pictures of it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { inaccessible } from './axe.ts'

/** Where pictures are kept; nowhere unless it is said. */
export const pictures = process.env['SCREENSHOTS']

/**
 * @param name of the pictures
 * @returns what is wrong; nothing, if all is well
 */
export async function lookAt(
  page: Page,
  name: string,
  { fullPage = false }: { fullPage?: boolean } = {},
): Promise<string[]> {
  await page.evaluate(() => document.fonts.ready)
  const overhang = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return scrollWidth - clientWidth
  })
  const sideways = overhang === 0 ? [] : [`sticks out by ${overhang} pixels`]
  const found = await inaccessible(page, async (colour) => {
    if (pictures === undefined) return
    await mkdir(pictures, { recursive: true })
    const path = join(pictures, `${name}-${colour}.png`)
    await page.screenshot({ path, fullPage, animations: 'disabled' })
  })
  return [...sideways, ...found]
}
