/** The file list: search, sort, folders, downloads, menus, keyboard, and 10,000 entries. */
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import {
  setUpTests,
  uploadFiles,
  browserTest,
  consoleErrorFor,
  fileLink,
  openFileMenu,
  signIn,
  startSite,
  openTab,
} from './fixture.ts'
import type { Site, Tab } from './fixture.ts'

const fileCount = 10_000

let site: Site
let tab: Tab

setUpTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    await site.google.drive.seed(site.user.sub, [
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
        folder: Array.from({ length: fileCount }, (_, index) => ({
          name: `entry ${index}`,
          document: '',
        })),
      },
    ])
    tab = await openTab()
    await signIn(tab.page, site)
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

const names = (page: Page) => page.getByRole('table').locator('a.name').allInnerTexts()

/** Waits until the list has exactly these names. */
async function expectNames(page: Page, expectedNames: string[]): Promise<void> {
  await page.waitForFunction(
    (expected) =>
      [...document.querySelectorAll('.file-table a.name')]
        .map((link) => link.textContent)
        .join() === expected,
    expectedNames.join(),
  )
}

browserTest(
  'the list sorts by name, date and size, and keeps the order after a reload',
  async () => {
    const { page } = tab
    await fileLink(page, 'Letters').click()
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
  },
)

browserTest('a search covers all of Drive or only the open folder', async () => {
  const { page } = tab
  const field = page.getByRole('searchbox', { name: 'Search My Drive' })
  await field.fill('treasure')
  await expectNames(page, ['treasure.txt'])
  expect(new URL(page.url()).searchParams.get('q')).toBe('treasure')
  expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
  await page.getByRole('checkbox', { name: 'Only in “Letters”' }).check()
  await page.getByText('No name contains “treasure”').waitFor()
  await page.reload()
  await page.getByText('No name contains “treasure”').waitFor()
  await field.fill('')
  await expectNames(page, ['Deep', 'a.txt', 'b.txt', 'c.txt'])
  await page.goBack()
  await fileLink(page, 'Letters').waitFor()
})

browserTest(
  'a folder opened from a search or a URL shows its ancestors as breadcrumbs',
  async () => {
    const { page } = tab
    await page.getByRole('searchbox').fill('deep')
    await fileLink(page, 'Deep').click()
    const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' })
    await crumbs.getByRole('link', { name: 'Letters' }).waitFor()
    expect(await crumbs.getByRole('listitem').allInnerTexts()).toEqual([
      'My Drive',
      'Letters',
      'Deep',
    ])
    const address = page.url()
    const otherTab = await page.context().newPage()
    await otherTab.goto(address)
    await otherTab.getByRole('heading', { level: 1, name: 'Deep' }).waitFor()
    await otherTab.getByRole('navigation').getByRole('link', { name: 'Letters' }).click()
    await fileLink(otherTab, 'a.txt').waitFor()
    await otherTab.close()
  },
)

browserTest('a folder is created, opened and uploaded to', async () => {
  const { page } = tab
  await page.goto(site.origin)
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Folder name').fill('Été <b>2026')
  await page.keyboard.press('Enter')
  await fileLink(page, 'Été <b>2026').click()
  await page.getByText('This folder is empty').waitFor()
  await uploadFiles(page, { 'in-it.txt': 'here' })
  await fileLink(page, 'in-it.txt').waitFor()
  const { drive } = site.google
  const files = drive.filesOf(site.user.sub)
  const createdFolder = files.find(({ name }) => name === 'Été <b>2026')
  expect(files.find(({ name }) => name === 'in-it.txt')?.parents).toEqual([createdFolder?.id])
})

browserTest(
  'the new-folder dialog shows the error and keeps the name when the request fails',
  async () => {
    const { page, pageErrors } = tab
    await page.getByRole('button', { name: 'New folder' }).click()
    site.google.faults.add({ operation: 'drive.files.create', status: 403, times: 9 })
    const field = page.getByLabel('Folder name')
    await field.fill('Closed')
    await page.getByRole('button', { name: 'Create folder' }).click()
    const problem = page.getByRole('dialog').getByRole('alert')
    await problem.filter({ hasText: /\w+ \w+/ }).waitFor()
    expect(await field.inputValue()).toBe('Closed')
    await page.keyboard.press('Escape')
    site.google.faults.clear()
    expect(pageErrors.splice(0)).toEqual([expect.stringContaining('responded with a status of')])
  },
)

browserTest('a file is downloaded unchanged and a document as CSV', async () => {
  const { page } = tab
  await page.goto(site.origin)
  await fileLink(page, 'hello.txt').waitFor()
  const menu = await openFileMenu(page, 'hello.txt')
  const download = page.waitForEvent('download')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  const file = await download
  expect(file.suggestedFilename()).toBe('hello.txt')
  expect(await readDownload(file)).toBe('Hello from My Drive\n')
  await openFileMenu(page, 'Budget')
  const exported = page.waitForEvent('download')
  await menu.getByRole('menuitem', { name: 'Download as CSV' }).click()
  expect((await exported).suggestedFilename()).toBe('Budget.csv')
  expect(await readDownload(await exported)).toContain('hosting,0')
})

browserTest('a file that Google flags is downloaded after a confirmation', async () => {
  const { page, pageErrors } = tab
  const { drive } = site.google
  const ids = await drive.seed(site.user.sub, [
    { name: 'setup.exe', content: 'flagged bytes', conditions: ['flagged'] },
  ])
  await page.goto(site.origin)
  await fileLink(page, 'setup.exe').waitFor()
  site.google.calls.length = 0
  const menu = await openFileMenu(page, 'setup.exe')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  const dialog = page.getByRole('dialog', {
    name: 'Google classifies “setup.exe” as malware or spam',
  })
  await dialog.getByText('Only its owner can download it').waitFor()
  const download = page.waitForEvent('download')
  await dialog.getByRole('button', { name: 'Download anyway' }).click()
  expect(await readDownload(await download)).toBe('flagged bytes')
  await dialog.waitFor({ state: 'detached' })
  expect(pageErrors.splice(0)).toEqual([consoleErrorFor(403)])
  drive.remove(ids['setup.exe'] ?? '')
})

browserTest('a download that fails shows the reason, and no file', async () => {
  const { page, pageErrors } = tab
  site.google.faults.add({ operation: 'drive.files.media', reason: 'downloadQuotaExceeded' })
  const menu = await openFileMenu(page, 'hello.txt')
  await menu.getByRole('menuitem', { name: 'Download', exact: true }).click()
  await page.getByText('download quota for this file is used up').waitFor()
  expect(pageErrors.splice(0)).toEqual([consoleErrorFor(429)])
})

async function readDownload(download: { createReadStream(): Promise<NodeJS.ReadableStream> }) {
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

browserTest(
  'a menu opens, moves its focus and closes with the keyboard, and restores the focus',
  async () => {
    const { page } = tab
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
  },
)

browserTest('arrow keys move the focus in the list', async () => {
  const { page } = tab
  const focused = () => page.evaluate(() => document.activeElement?.textContent)
  const [first, second] = await names(page)
  await fileLink(page, first ?? '').focus()
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

browserTest(
  'a list of 10,000 entries scrolls, reports its row count and lays out only the visible groups',
  async () => {
    const { page } = tab
    await page.goto(site.origin)
    await fileLink(page, 'Endless').click()
    const table = page.locator('.file-table[aria-label="Files in Endless"]')
    await table.waitFor()
    expect(await table.getAttribute('aria-rowcount')).toBe('-1')
    const message = `${fileCount.toLocaleString('en-GB')} items shown`
    await page.evaluate(scrollToEnd, message)
    expect(await table.getAttribute('aria-rowcount')).toBe(String(fileCount + 1))
    expect(await page.locator('.file-table a.name').count()).toBe(fileCount)
    expect(await page.evaluate(countRenderedGroups)).toBeLessThan(10)
    // Rows that are not laid out stay reachable by keyboard, screen readers and in-page search.
    const distantRow = page.locator('.file-table tbody tr').nth(4711)
    expect(await distantRow.evaluate((row) => row.checkVisibility())).toBe(true)
    await page.locator('.file-table a.name').last().press('ArrowUp')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('entry 9998')
  },
  180_000, // many requests, on a machine that may be busy
)

/** Scrolls until the list shows a message at its end; runs in the browser. */
async function scrollToEnd(message: string): Promise<void> {
  const isLoaded = () => document.querySelector('.load-more')?.textContent === message
  for (let attempts = 0; attempts < 2_000 && !isLoaded(); attempts++) {
    scrollTo(0, document.documentElement.scrollHeight)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  if (!isLoaded())
    throw new Error(`The list is incomplete: ${document.querySelector('.load-more')?.textContent}`)
}

/** Counts the row groups that the browser has laid out. */
const countRenderedGroups = () =>
  [...document.querySelectorAll('.file-table tbody')].filter((group) =>
    group.querySelector('tr')?.checkVisibility({ contentVisibilityAuto: true }),
  ).length

browserTest('the page logs no console errors and violates no Content-Security-Policy', async () => {
  expect(tab.pageErrors).toEqual([])
})
