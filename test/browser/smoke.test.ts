/** Smoke test of the page: sign in, list, upload. */
import { expect } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import {
  setUpTests,
  uploadFiles,
  browserTest,
  fileLink,
  consoleErrorFor,
  signIn,
  signOut,
  startSite,
  openTab,
} from './fixture.ts'
import type { Site, Tab } from './fixture.ts'

let site: Site
let tab: Tab

setUpTests(
  async () => {
    site = await startSite({}, { ACCESS_PROFILE: 'full' })
    tab = await openTab()
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

browserTest('a user signs in and sees the folders, files and documents of My Drive', async () => {
  const { page } = tab
  await signIn(page, site)
  expect(page.url()).toBe(`${site.origin}/`)
  await page.getByText(site.user.email).waitFor()
  const list = page.getByRole('region', { name: 'Files in My Drive' }).getByRole('table')
  const names = await list.getByRole('link').allInnerTexts()
  expect(names).toEqual(['Photos', 'Projects', 'Budget', 'hello.txt', 'The plan'])
  const cells = list.getByRole('row', { name: 'hello.txt' }).getByRole('cell')
  const [name, kind, size, modified] = await cells.allInnerTexts()
  expect([name, kind, size]).toEqual(['hello.txt', 'Text', '20 bytes'])
  expect(modified).toMatch(/\d/)
})

browserTest('a folder has its own URL, survives a reload, and Back leaves it', async () => {
  const { page } = tab
  const heading = page.getByRole('heading', { level: 1 })
  await fileLink(page, 'Projects').click()
  await fileLink(page, 'notes.txt').waitFor()
  expect(await heading.innerText()).toBe('Projects')
  const address = page.url()
  await page.reload()
  await fileLink(page, 'notes.txt').waitFor()
  expect([page.url(), await heading.innerText()]).toEqual([address, 'Projects'])
  await page.goBack()
  await fileLink(page, 'hello.txt').waitFor()
  expect(await heading.innerText()).toBe('My Drive')
})

browserTest(
  'three concurrent uploads, one of 20 MB, are stored with the correct checksums and listed',
  async () => {
    const { page } = tab
    const files = {
      'a.txt': Buffer.from('small'),
      'empty.bin': Buffer.alloc(0),
      'large.bin': randomBytes(20_000_000),
    }
    // Slows Drive down, so that progress is visible.
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 400, times: 2 })
    await uploadFiles(page, files)
    const progress = page.getByRole('progressbar', { name: 'Upload of large.bin' })
    expect(await progress.getAttribute('max')).toBe('20000000')
    for (const [name, bytes] of Object.entries(files)) {
      await page.getByRole('link', { name: `Open in Drive: ${name}` }).waitFor()
      await fileLink(page, name).waitFor()
      const stored = site.google.drive.filesOf(site.user.sub).filter((file) => file.name === name)
      expect(stored).toMatchObject([
        {
          size: bytes.length,
          sha256: sha256(bytes),
          parents: [site.google.drive.rootOf(site.user.sub)],
        },
      ])
    }
    expect(await page.locator('.upload[data-state=stored]').count()).toBe(3)
    expect(site.google.drive.openSessions()).toBe(0)
  },
)

browserTest('an upload to an empty folder is stored in that folder', async () => {
  const { page } = tab
  await fileLink(page, 'Photos').click()
  await page.getByText('This folder is empty').waitFor()
  await uploadFiles(page, { 'in-photos.txt': 'here' })
  await fileLink(page, 'in-photos.txt').waitFor()
  await page.reload()
  await fileLink(page, 'in-photos.txt').waitFor()
})

browserTest('the list loads further pages on Show more and on scrolling', async () => {
  const { page } = tab
  const many = Array.from({ length: 450 }, (_, index) => ({ name: `${index}.txt`, content: '' }))
  await site.google.drive.seed(site.user.sub, [{ name: 'Many', folder: many }])
  await page.goto(site.origin)
  await fileLink(page, 'Many').click()
  await page.getByText('200 items shown', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Show more' }).press('Enter')
  // The last page may load automatically, because pressing the button scrolls it into view.
  await page.getByText(/^4[05]0 items shown$/).waitFor()
  await page.mouse.wheel(0, 100_000)
  await page.getByText('450 items shown', { exact: true }).waitFor()
  expect(await page.getByRole('table').getByRole('link').count()).toBe(450)
})

browserTest('a failed upload shows the reason and succeeds when retried', async () => {
  const { page } = tab
  site.google.drive.setQuota(0)
  await page.goto(site.origin)
  await uploadFiles(page, { 'again.txt': 'twice' })
  await page.locator('.upload-status', { hasText: 'This Google Drive is full' }).waitFor()
  expect(tab.pageErrors.splice(0)).toEqual([consoleErrorFor(507)])
  site.google.drive.setQuota(Infinity)
  await page.getByRole('button', { name: 'Retry again.txt' }).click()
  await page.getByRole('link', { name: 'Open in Drive: again.txt' }).waitFor()
})

browserTest('the page shows no files after sign-out, also on Back', async () => {
  const { page } = tab
  await signOut(page)
  await page.goBack()
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
  expect(await page.getByRole('table').count()).toBe(0)
  expect(await page.getByText('Many').count()).toBe(0)
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
})

browserTest('the page logs no console errors and violates no Content-Security-Policy', async () => {
  expect(tab.pageErrors).toEqual([])
})
