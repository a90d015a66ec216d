/** The whole main job in a real browser: sign in, list, upload. */
import { expect } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import {
  aroundTests,
  choose,
  inBrowser,
  listed,
  refused,
  signIn,
  signOut,
  startSite,
  visit,
} from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

let site: Site
let here: Visit

aroundTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    here = await visit()
  },
  async () => {
    await here.close()
    await site.close()
  },
)

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

inBrowser('a person signs in and sees the root folders, files and documents', async () => {
  const { page } = here
  await signIn(page, site)
  expect(page.url()).toBe(`${site.origin}/`)
  await page.getByText(site.person.email).waitFor()
  const list = page.getByRole('region', { name: 'Files in My Drive' }).getByRole('table')
  const names = await list.getByRole('link').allInnerTexts()
  expect(names).toEqual(['Photos', 'Projects', 'Budget', 'hello.txt', 'The plan'])
  const cells = list.getByRole('row', { name: 'hello.txt' }).getByRole('cell')
  const [name, kind, size, modified] = await cells.allInnerTexts()
  expect([name, kind, size]).toEqual(['hello.txt', 'Text', '20 bytes'])
  expect(modified).toMatch(/\d/)
})

inBrowser('a folder opens, has an address of its own, and Back leads out of it', async () => {
  const { page } = here
  const heading = page.getByRole('heading', { level: 1 })
  await listed(page, 'Projects').click()
  await listed(page, 'notes.txt').waitFor()
  expect(await heading.innerText()).toBe('Projects')
  const address = page.url()
  await page.reload()
  await listed(page, 'notes.txt').waitFor()
  expect([page.url(), await heading.innerText()]).toEqual([address, 'Projects'])
  await page.goBack()
  await listed(page, 'hello.txt').waitFor()
  expect(await heading.innerText()).toBe('My Drive')
})

inBrowser('three files at once, one of 20 MB, arrive byte by byte and are listed', async () => {
  const { page } = here
  const files = {
    'a.txt': Buffer.from('small'),
    'empty.bin': Buffer.alloc(0),
    'large.bin': randomBytes(20_000_000),
  }
  // Drive is slow for once, so that there is progress to see.
  site.google.faults.add({ operation: 'drive.upload.chunk', latency: 400, times: 2 })
  await choose(page, files)
  const progress = page.getByRole('progressbar', { name: 'Upload of large.bin' })
  expect(await progress.getAttribute('max')).toBe('20000000')
  for (const [name, bytes] of Object.entries(files)) {
    await page.getByRole('link', { name: `Open in Drive: ${name}` }).waitFor()
    await listed(page, name).waitFor()
    const stored = site.google.drive.filesOf(site.person.sub).filter((file) => file.name === name)
    expect(stored).toMatchObject([
      {
        size: bytes.length,
        sha256: sha256(bytes),
        parents: [site.google.drive.rootOf(site.person.sub)],
      },
    ])
  }
  expect(await page.locator('.upload[data-state=stored]').count()).toBe(3)
  expect(site.google.drive.openSessions()).toBe(0)
})

inBrowser('an upload into an empty folder lands there', async () => {
  const { page } = here
  await listed(page, 'Photos').click()
  await page.getByText('Nothing here yet').waitFor()
  await choose(page, { 'in-photos.txt': 'here' })
  await listed(page, 'in-photos.txt').waitFor()
  await page.reload()
  await listed(page, 'in-photos.txt').waitFor()
})

inBrowser(
  'more files than a page holds are shown on asking, or shortly before the end',
  async () => {
    const { page } = here
    const many = Array.from({ length: 450 }, (_, index) => ({ name: `${index}.txt`, content: '' }))
    await site.google.drive.seed(site.person.sub, [{ name: 'Many', folder: many }])
    await page.goto(site.origin)
    await listed(page, 'Many').click()
    await page.getByText('200 items shown', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Show more' }).press('Enter')
    // The rest may follow by itself: the button came into view when it was pressed.
    await page.getByText(/^4[05]0 items shown$/).waitFor()
    await page.mouse.wheel(0, 100_000)
    await page.getByText('450 items shown', { exact: true }).waitFor()
    expect(await page.getByRole('table').getByRole('link').count()).toBe(450)
  },
)

inBrowser('an upload that fails says why, and goes on to the end when retried', async () => {
  const { page } = here
  site.google.drive.setQuota(0)
  await page.goto(site.origin)
  await choose(page, { 'again.txt': 'twice' })
  await page.locator('.upload-words', { hasText: 'This Google Drive is full' }).waitFor()
  expect(here.trouble.splice(0)).toEqual([refused(507)])
  site.google.drive.setQuota(Infinity)
  await page.getByRole('button', { name: 'Retry again.txt' }).click()
  await page.getByRole('link', { name: 'Open in Drive: again.txt' }).waitFor()
})

inBrowser('signing out leaves nothing of the Drive on the page, also on the way back', async () => {
  const { page } = here
  await signOut(page)
  await page.goBack()
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  expect(await page.getByRole('table').count()).toBe(0)
  expect(await page.getByText('Many').count()).toBe(0)
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
})

inBrowser('nothing was wrong in the console, and no rule of the page was broken', async () => {
  expect(here.trouble).toEqual([])
})
