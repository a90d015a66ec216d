/** A person among their files: searching, sorting, making folders, downloading, and very many of them. */
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import {
  aroundTests,
  choose,
  inBrowser,
  listed,
  openMenuOf,
  signIn,
  startSite,
  visit,
} from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

const many = 10_000

let site: Site
let here: Visit

aroundTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    await site.google.drive.seed(site.person.sub, [
      {
        name: 'Letters',
        folder: [
          { name: 'b.txt', content: 'x'.repeat(10), modifiedTime: '2026-01-03T10:00:00Z' },
          { name: 'a.txt', content: 'x'.repeat(30), modifiedTime: '2026-01-01T10:00:00Z' },
          { name: 'c.txt', content: 'x'.repeat(20), modifiedTime: '2026-01-02T10:00:00Z' },
          {
            name: 'Deep',
            folder: [{ name: 'treasure.txt', content: 'gold', mimeType: 'text/plain' }],
          },
        ],
      },
      {
        name: 'Endless',
        folder: Array.from({ length: many }, (_, index) => ({
          name: `entry ${index}`,
          document: '',
        })),
      },
    ])
    here = await visit()
    await signIn(here.page, site)
  },
  async () => {
    await here.close()
    await site.close()
  },
)

const names = (page: Page) => page.getByRole('table').locator('a.name').allInnerTexts()

/** Waits until the list is this one. */
async function expectNames(page: Page, wanted: string[]): Promise<void> {
  await page.waitForFunction(
    (expected) =>
      [...document.querySelectorAll('.listing a.name')].map((link) => link.textContent).join() ===
      expected,
    wanted.join(),
  )
}

inBrowser('files are sorted by name, date and size, and stay so', async () => {
  const { page } = here
  await listed(page, 'Letters').click()
  await expectNames(page, ['Deep', 'a.txt', 'b.txt', 'c.txt'])
  await page.getByRole('button', { name: 'Modified' }).click()
  await expectNames(page, ['Deep', 'b.txt', 'c.txt', 'a.txt'])
  const head = page.getByRole('columnheader', { name: 'Modified' })
  expect(await head.getAttribute('aria-sort')).toBe('descending')
  await page.getByRole('button', { name: 'Size' }).click()
  await expectNames(page, ['Deep', 'a.txt', 'c.txt', 'b.txt'])
  await page.getByRole('button', { name: 'Size' }).click()
  await expectNames(page, ['Deep', 'b.txt', 'c.txt', 'a.txt'])
  await page.reload()
  await expectNames(page, ['Deep', 'b.txt', 'c.txt', 'a.txt'])
  await page.setViewportSize({ width: 360, height: 740 })
  await page.getByLabel('Sort by').selectOption('Name, A to Z')
  await expectNames(page, ['Deep', 'a.txt', 'b.txt', 'c.txt'])
  await page.setViewportSize({ width: 1280, height: 800 })
})

inBrowser('a search finds by name everywhere, or in the open folder alone', async () => {
  const { page } = here
  const field = page.getByRole('searchbox', { name: 'Search My Drive' })
  await field.fill('treasure')
  await expectNames(page, ['treasure.txt'])
  expect(new URL(page.url()).searchParams.get('q')).toBe('treasure')
  expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
  await page.getByRole('checkbox', { name: 'Only in “Letters”' }).check()
  await page.getByText('Nothing has “treasure” in its name').waitFor()
  await page.reload()
  await page.getByText('Nothing has “treasure” in its name').waitFor()
  await field.fill('')
  await expectNames(page, ['Deep', 'a.txt', 'b.txt', 'c.txt'])
  await page.goBack()
  await listed(page, 'Letters').waitFor()
})

inBrowser('a folder that a search or an address leads to shows the whole way to it', async () => {
  const { page } = here
  await page.getByRole('searchbox').fill('deep')
  await listed(page, 'Deep').click()
  const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' })
  await crumbs.getByRole('link', { name: 'Letters' }).waitFor()
  expect(await crumbs.getByRole('listitem').allInnerTexts()).toEqual([
    'My Drive',
    'Letters',
    'Deep',
  ])
  const address = page.url()
  const stranger = await page.context().newPage()
  await stranger.goto(address)
  await stranger.getByRole('heading', { level: 1, name: 'Deep' }).waitFor()
  await stranger.getByRole('navigation').getByRole('link', { name: 'Letters' }).click()
  await listed(stranger, 'a.txt').waitFor()
  await stranger.close()
})

inBrowser('a folder is made, opened, and takes an upload', async () => {
  const { page } = here
  await page.goto(site.origin)
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Name of the folder').fill('Été <b>2026')
  await page.keyboard.press('Enter')
  await listed(page, 'Été <b>2026').click()
  await page.getByText('Nothing here yet').waitFor()
  await choose(page, { 'in-it.txt': 'here' })
  await listed(page, 'in-it.txt').waitFor()
  const { drive } = site.google
  const files = drive.filesOf(site.person.sub)
  const made = files.find(({ name }) => name === 'Été <b>2026')
  expect(files.find(({ name }) => name === 'in-it.txt')?.parents).toEqual([made?.id])
})

inBrowser('a folder that cannot be made says why, and keeps the name', async () => {
  const { page, trouble } = here
  await page.getByRole('button', { name: 'New folder' }).click()
  site.google.faults.add({ operation: 'drive.files.create', status: 403, times: 9 })
  const field = page.getByLabel('Name of the folder')
  await field.fill('Closed')
  await page.getByRole('button', { name: 'Make folder' }).click()
  const problem = page.getByRole('dialog').getByRole('alert')
  await problem.filter({ hasText: /\w+ \w+/ }).waitFor()
  expect(await field.inputValue()).toBe('Closed')
  await page.keyboard.press('Escape')
  site.google.faults.clear()
  expect(trouble.splice(0)).toEqual([expect.stringContaining('responded with a status of')])
})

inBrowser('a file and a document are downloaded, byte by byte and as PDF', async () => {
  const { page } = here
  await page.goto(site.origin)
  await listed(page, 'hello.txt').waitFor()
  const menu = await openMenuOf(page, 'hello.txt')
  const download = page.waitForEvent('download')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  const file = await download
  expect(file.suggestedFilename()).toBe('hello.txt')
  expect(await contentOf(file)).toBe('Hello from My Drive\n')
  await openMenuOf(page, 'Budget')
  const exported = page.waitForEvent('download')
  await menu.getByRole('menuitem', { name: 'Download as CSV' }).click()
  expect((await exported).suggestedFilename()).toBe('Budget.csv')
  expect(await contentOf(await exported)).toContain('hosting,0')
})

async function contentOf(download: { createReadStream(): Promise<NodeJS.ReadableStream> }) {
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

inBrowser('a menu opens, walks and closes by the keyboard, and the focus comes back', async () => {
  const { page } = here
  const button = page.getByRole('button', { name: 'Actions for Budget' })
  await button.press('Enter')
  const focused = () => page.evaluate(() => document.activeElement?.textContent)
  expect(await focused()).toBe('Open in Drive')
  await page.keyboard.press('End')
  const last = await focused()
  await page.keyboard.press('ArrowDown')
  expect(await focused()).toBe('Open in Drive')
  await page.keyboard.press('ArrowUp')
  expect(await focused()).toBe(last)
  await page.keyboard.press('Escape')
  expect(await button.evaluate((node) => node === document.activeElement)).toBe(true)
  expect(await button.getAttribute('aria-expanded')).toBe('false')
})

inBrowser('arrow keys walk through the list', async () => {
  const { page } = here
  const focused = () => page.evaluate(() => document.activeElement?.textContent)
  const [first, second] = await names(page)
  await listed(page, first ?? '').focus()
  await page.keyboard.press('ArrowDown')
  expect(await focused()).toBe(second)
  await page.keyboard.press('ArrowRight')
  expect(
    await page
      .getByRole('button', { name: `Actions for ${second}` })
      .evaluate((node) => node === document.activeElement),
  ).toBe(true)
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowLeft')
  expect(await focused()).toBe(first)
})

inBrowser(
  'ten thousand entries are scrolled through, found, counted, and drawn only where they are seen',
  async () => {
    const { page } = here
    await page.goto(site.origin)
    await listed(page, 'Endless').click()
    const table = page.locator('.listing[aria-label="Files in Endless"]')
    await table.waitFor()
    expect(await table.getAttribute('aria-rowcount')).toBe('-1')
    const all = `${many.toLocaleString('en-GB')} items shown`
    await page.evaluate(scrollToTheEnd, all)
    expect(await table.getAttribute('aria-rowcount')).toBe(String(many + 1))
    expect(await page.locator('.listing a.name').count()).toBe(many)
    expect(await page.evaluate(drawnGroups)).toBeLessThan(10)
    // What is not drawn is in reach of the keyboard, of screen readers and of the browser's search.
    const distant = page.locator('.listing tbody tr').nth(4711)
    expect(await distant.evaluate((row) => row.checkVisibility())).toBe(true)
    await page.locator('.listing a.name').last().press('ArrowUp')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('entry 9998')
  },
  180_000, // it is a lot of requests for a machine that does other things too
)

/** Scrolls on until the list says that this is all of it; runs in the browser. */
async function scrollToTheEnd(all: string): Promise<void> {
  const isThere = () => document.querySelector('.pager')?.textContent === all
  for (let turns = 0; turns < 2_000 && !isThere(); turns++) {
    scrollTo(0, document.documentElement.scrollHeight)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  if (!isThere()) throw new Error(`Not all: ${document.querySelector('.pager')?.textContent}`)
}

/** Groups of rows that the browser has laid out. */
const drawnGroups = () =>
  [...document.querySelectorAll('.listing tbody')].filter((group) =>
    group.querySelector('tr')?.checkVisibility({ contentVisibilityAuto: true }),
  ).length

inBrowser('nothing was wrong in the console, and no rule of the page was broken', async () => {
  expect(here.trouble).toEqual([])
})
