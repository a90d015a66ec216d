/** The page's uploader: drop, paste, pickers, cancel, reload, tabs and sign-out. */
import { expect } from '@jest/globals'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import {
  dropFiles,
  randomContent,
  pickFiles,
  uploadRow,
  sha256,
  waitForState,
  withFiles,
} from './demo-fixture.ts'
import { waitFor } from '../kit/wait-for.ts'
import {
  setUpTests,
  browserTest,
  fileLink,
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
    site = await startSite({}, { MEMORY_BYTES: '33554432' })
    tab = await openTab()
    await signIn(tab.page, site)
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

const storedFiles = () => site.google.drive.filesOf(site.user.sub)
const filesNamed = (name: string) => storedFiles().filter((file) => file.name === name)

/** The names of a file's ancestors below My Drive. */
function pathOf(name: string): string[] {
  const path: string[] = []
  let parent = filesNamed(name)[0]?.parents[0]
  for (let depth = 0; depth < 9; depth++) {
    const folder = storedFiles().find(({ id }) => id === parent)
    if (!folder) break
    path.unshift(folder.name)
    parent = folder.parents[0]
  }
  return path
}

/** Signs in without the consent page, which the user has confirmed before. */
async function signInAgain(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.user.email }).click()
  await fileLink(page, 'hello.txt').waitFor()
}

async function makeFolder(page: Page, name: string): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Folder name').fill(name)
  await page.keyboard.press('Enter')
  await fileLink(page, name).click()
  await page.getByText('This folder is empty').waitFor()
}

async function clear(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await page.getByRole('heading', { name: 'Uploads' }).waitFor({ state: 'hidden' })
}

/** Dispatches a paste event with files. */
function paste(page: Page, files: Record<string, string>): Promise<void> {
  return page.evaluate((entries) => {
    const clipboardData = new DataTransfer()
    for (const [name, text] of Object.entries(entries)) {
      clipboardData.items.add(new File([text], name, { type: 'text/plain' }))
    }
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
  }, files)
}

/** Counts the files that the browser has persisted for the next page. */
const countPersistedFiles = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const openRequest = indexedDB.open('uppy-blobs')
        openRequest.addEventListener('error', () => reject(openRequest.error))
        openRequest.addEventListener('success', () => {
          const { result } = openRequest
          const countRequest = result.transaction('files').objectStore('files').count()
          countRequest.addEventListener('success', () => resolve(countRequest.result))
          result.close()
        })
      }),
  )

browserTest('a dropped tree is created in the open folder, including empty folders', () =>
  withFiles(
    {
      'Trip/map.txt': 'the map',
      'Trip/Day 1/beach.jpg': randomContent(30_000),
      'beside.txt': 'beside',
    },
    async (folder) => {
      const { page } = tab
      await mkdir(join(folder, 'Trip/Day 2/Night'), { recursive: true })
      await makeFolder(page, 'Summer')
      await waitForUploader(page)
      await dropFiles(page.locator('header'), join(folder, 'Trip'), join(folder, 'beside.txt'))
      await page.getByText('3 of 3 in Drive').waitFor()
      await fileLink(page, 'Trip').waitFor()
      await fileLink(page, 'beside.txt').waitFor()
      await page.getByText('1 empty folder is in Drive').waitFor({ state: 'attached' })
      expect(pathOf('beside.txt')).toEqual(['Summer'])
      expect(pathOf('map.txt')).toEqual(['Summer', 'Trip'])
      expect(pathOf('beach.jpg')).toEqual(['Summer', 'Trip', 'Day 1'])
      expect(pathOf('Night')).toEqual(['Summer', 'Trip', 'Day 2'])
      expect(['Trip', 'Day 1', 'Day 2'].map((name) => filesNamed(name).length)).toEqual([1, 1, 1])
      // The list shows direct children only.
      expect(await fileLink(page, 'map.txt').count()).toBe(0)
      await fileLink(page, 'Trip').click()
      await fileLink(page, 'map.txt').waitFor()
      expect(await page.getByRole('table').getByRole('link').allInnerTexts()).toEqual([
        'Day 1',
        'Day 2',
        'map.txt',
      ])
      await clear(page)
    },
  ),
)

browserTest('the page does not navigate to a file dropped before the uploader is loaded', () =>
  withFiles({ 'early.txt': 'too early' }, async (folder) => {
    const { page } = tab
    const release = new AbortController()
    const released = once(release.signal, 'abort')
    await page.route('**/uploader.js', async (route) => {
      await released
      await route.continue()
    })
    await page.goto(site.origin)
    await fileLink(page, 'hello.txt').waitFor()
    await dropFiles(page.locator('header'), join(folder, 'early.txt'))
    release.abort()
    await waitForUploader(page)
    await page.unroute('**/uploader.js')
    await dropFiles(page.locator('header'), join(folder, 'early.txt'))
    await waitForState(page, 'early.txt', 'stored')
    expect(filesNamed('early.txt')).toHaveLength(1)
    await clear(page)
  }),
)

browserTest('a drop of more than 20,000 files is rejected with a message', async () => {
  const { page } = tab
  await page.goto(site.origin)
  await fileLink(page, 'hello.txt').waitFor()
  await waitForUploader(page)
  const tooManyFiles = Array.from({ length: 20_001 }, (_, index) => [`${index}.txt`, ''])
  await paste(page, Object.fromEntries(tooManyFiles))
  await page.locator('.panel-message', { hasText: 'more than 20,000 files' }).waitFor()
  expect([await page.locator('.upload').count(), filesNamed('0.txt')]).toEqual([0, []])
  await clear(page)
})

browserTest('pasted files are uploaded', async () => {
  const { page } = tab
  await page.goto(site.origin)
  await fileLink(page, 'hello.txt').waitFor()
  await waitForUploader(page)
  await paste(page, { 'from the clipboard.txt': 'pasted' })
  await waitForState(page, 'from the clipboard.txt', 'stored')
  await fileLink(page, 'from the clipboard.txt').waitFor()
  expect(filesNamed('from the clipboard.txt').map((file) => file.sha256)).toEqual([
    sha256(Buffer.from('pasted')),
  ])
  await clear(page)
})

browserTest('finished and cancelled uploads are not restored after an immediate reload', () =>
  withFiles(
    { 'over.txt': 'in Drive', 'unwanted.bin': randomContent(24_000_000) },
    async (folder) => {
      const { page } = tab
      const expectNoUploads = async (): Promise<void> => {
        await page.reload()
        await waitForUploader(page)
        expect(await page.locator('.upload').allInnerTexts()).toEqual([])
      }
      await pickFiles(page, join(folder, 'over.txt'))
      await waitForState(page, 'over.txt', 'stored')
      await expectNoUploads()
      site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
      await pickFiles(page, join(folder, 'unwanted.bin'))
      await waitForState(page, 'unwanted.bin', 'uploading')
      await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
      await expectNoUploads()
      site.google.faults.clear()
      await waitFor(() => site.google.drive.openSessions() === 0)
      expect([filesNamed('over.txt').length, filesNamed('unwanted.bin')]).toEqual([1, []])
    },
  ),
)

browserTest('a cancelled upload leaves neither a file nor an upload session', () =>
  withFiles({ 'unwanted.bin': randomContent(24_000_000) }, async (folder) => {
    const { page } = tab
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
    await pickFiles(page, join(folder, 'unwanted.bin'))
    await waitForState(page, 'unwanted.bin', 'uploading')
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
    await waitForState(page, 'unwanted.bin', 'cancelled')
    site.google.faults.clear()
    await waitFor(() => site.google.drive.openSessions() === 0)
    expect(filesNamed('unwanted.bin')).toEqual([])
    await clear(page)
  }),
)

browserTest('a second tab does not resume the upload of the first', () =>
  withFiles({ 'once.bin': randomContent(24_000_000) }, async (folder) => {
    const { page } = tab
    const other = await page.context().newPage()
    const uploadRequests: Page[] = []
    page.context().on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/upload/')) uploadRequests.push(request.frame().page())
    })
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
    await pickFiles(page, join(folder, 'once.bin'))
    await waitForState(page, 'once.bin', 'uploading')
    await other.goto(site.origin)
    await fileLink(other, 'hello.txt').waitFor()
    // Its own upload shows that the second tab's uploader is loaded and has no other upload.
    await waitForUploader(other)
    await withFiles({ 'mine.txt': 'of the other tab' }, async (otherFolder) => {
      await pickFiles(other, join(otherFolder, 'mine.txt'))
      site.google.faults.clear()
      await waitForState(other, 'mine.txt', 'stored')
    })
    expect(await other.locator('.upload').count()).toBe(1)
    const otherTabRequests = uploadRequests.filter((from) => from === other).length
    await waitForState(page, 'once.bin', 'stored')
    expect(uploadRequests.filter((from) => from === other).length).toBe(otherTabRequests)
    expect(filesNamed('once.bin')).toHaveLength(1)
    await other.close()
    await clear(page)
  }),
)

browserTest('sign-out removes the uploads from the browser and from Drive', () =>
  withFiles({ 'private.bin': randomContent(24_000_000) }, async (folder) => {
    const { page } = tab
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
    await pickFiles(page, join(folder, 'private.bin'))
    await waitForState(page, 'private.bin', 'uploading')
    await page.evaluate(() => (globalThis.confirm = () => true)) // confirms cancelling the uploads
    await signOut(page)
    site.google.faults.clear()
    await waitFor(() => site.google.drive.openSessions() === 0)
    await waitFor(async () => (await countPersistedFiles(page)) === 0)
    await signInAgain(page)
    await waitForUploader(page)
    expect([await uploadRow(page, 'private.bin').count(), filesNamed('private.bin')]).toEqual([
      0,
      [],
    ])
  }),
)

browserTest('a phone uploads a photo from its camera', () =>
  withFiles({ 'IMG_1.jpg': randomContent(20_000) }, async (folder) => {
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }
    const { page, pageErrors, close } = await openTab(phone)
    await signInAgain(page)
    await waitForUploader(page)
    const camera = page.locator('input[data-picker=camera]')
    expect(await camera.getAttribute('accept')).toBe('image/*')
    expect(await camera.getAttribute('capture')).toBe('environment')
    await page.getByRole('button', { name: 'More upload options' }).tap()
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('menuitem', { name: /photo/i }).tap()
    await (await chooser).setFiles(join(folder, 'IMG_1.jpg'))
    await waitForState(page, 'IMG_1.jpg', 'stored')
    expect(pageErrors).toEqual([])
    await close()
  }),
)

/** An upload deleted twice: by the page that was left and, through its journal, by the next page. */
const isGoneError = (message: string): boolean => /410 \(Gone\).*\/upload\/tus\//.test(message)

browserTest('the page logs no console errors and violates no Content-Security-Policy', async () => {
  expect(tab.pageErrors.filter((message) => !isGoneError(message))).toEqual([])
})

/** Waits until the uploader is loaded. */
async function waitForUploader(page: Page): Promise<void> {
  await page.locator('input[data-picker=files]').waitFor({ state: 'attached' })
}
