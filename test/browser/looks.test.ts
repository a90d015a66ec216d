/**
 * Every view on a wide and a narrow window, light and dark: nothing sticks out sideways.
 * `SCREENSHOTS=folder npm test -- test/browser/looks` also keeps a picture of each.
 */
import { expect } from '@jest/globals'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { aroundTests, choose, goToConsent, inBrowser, listed, startSite, visit } from './kit.ts'
import type { Site } from './kit.ts'

const folder = process.env['SCREENSHOTS']
const windows = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } }
const colours = ['light', 'dark'] as const

let site: Site

aroundTests(
  async () => {
    if (folder !== undefined) await mkdir(folder, { recursive: true })
  },
  async () => {},
)

for (const [shape, viewport] of Object.entries(windows)) {
  for (const colorScheme of colours) {
    inBrowser(`on a ${shape} window, ${colorScheme}, every view fits`, async () => {
      site = await startSite(
        { oauth: { alwaysAsk: true } },
        // The film goes in one request, which is larger than a deployed function may be sent.
        { MEMORY_BYTES: '16777216', HOSTING: '', MAX_REQUEST_BYTES: 'none' },
      )
      const here = await visit({ viewport, colorScheme, reducedMotion: 'reduce' })
      const look = (view: string) => lookAt(here.page, `${view}-${shape}-${colorScheme}`)
      await seeEveryView(here.page, look)
      expect(here.trouble).toEqual([])
      await here.close()
      await site.close()
    })
  }
}

async function seeEveryView(page: Page, look: (view: string) => Promise<void>): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  await look('signed-out')
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.person.email }).waitFor()
  await look('account')
  await page.goBack()
  await goToConsent(page, site)
  await look('consent')
  await page.getByRole('button', { name: 'Continue' }).click()
  await listed(page, 'hello.txt').waitFor()
  await look('listing')

  await choose(page, { 'minutes.txt': 'We met.', 'invoices.zip': Buffer.alloc(3_000_000) })
  await page.getByText('2 of 2 in Drive').waitFor()
  // Drive takes its time with the film, which finds little memory: the picture is taken meanwhile.
  site.google.faults.add({ operation: 'drive.upload.chunk', latency: 400, times: 5 })
  await choose(page, { 'A walk along the coast, second take.mp4': Buffer.alloc(40_000_000) })
  await page.locator('.upload-words', { hasText: /of 40 MB · .*\/s/ }).waitFor()
  await look('uploading')
  await page.getByText('3 of 3 in Drive').waitFor()
  await look('done')

  await page.getByRole('button', { name: 'Use it from curl' }).click()
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByRole('heading', { name: /^Your token/ }).waitFor()
  await look('curl')
  await listed(page, 'Photos').click()
  await page.getByText('Nothing here yet').waitFor()
  await look('empty')
}

async function lookAt(page: Page, name: string): Promise<void> {
  const widths = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return { scrollWidth, clientWidth }
  })
  expect(widths.scrollWidth).toBeLessThanOrEqual(widths.clientWidth)
  if (folder === undefined) return
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' })
}
