/** The uploader on our own page: wherever files come from and whatever breaks, Drive ends up right. */
import { expect } from '@jest/globals'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { dropOn, noise, pick, row, sha256, stands, withFiles } from './demo-fixture.ts'
import { until } from '../kit/wait-for.ts'
import { aroundTests, inBrowser, listed, signIn, signOut, startSite, visit } from './fixture.ts'
import type { Site, Visit } from './fixture.ts'

let site: Site
let here: Visit

aroundTests(
  async () => {
    site = await startSite({}, { MEMORY_BYTES: '33554432' })
    here = await visit()
    await signIn(here.page, site)
  },
  async () => {
    await here.close()
    await site.close()
  },
)

const stored = () => site.google.drive.filesOf(site.person.sub)
const named = (name: string) => stored().filter((file) => file.name === name)

/** The folders that a file is in, from the one below My Drive on. */
function pathOf(name: string): string[] {
  const path: string[] = []
  let parent = named(name)[0]?.parents[0]
  for (let depth = 0; depth < 9; depth++) {
    const folder = stored().find(({ id }) => id === parent)
    if (!folder) break
    path.unshift(folder.name)
    parent = folder.parents[0]
  }
  return path
}

/** As somebody who has been asked for their consent before. */
async function signInAgain(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: site.person.email }).click()
  await listed(page, 'hello.txt').waitFor()
}

async function makeFolder(page: Page, name: string): Promise<void> {
  await page.goto(site.origin)
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByLabel('Name of the folder').fill(name)
  await page.keyboard.press('Enter')
  await listed(page, name).click()
  await page.getByText('Nothing here yet').waitFor()
}

async function clear(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await page.getByRole('heading', { name: 'Uploads' }).waitFor({ state: 'hidden' })
}

/** Files of a page's own, in its clipboard, where the person presses the keys for pasting. */
function paste(page: Page, files: Record<string, string>): Promise<void> {
  return page.evaluate((given) => {
    const clipboardData = new DataTransfer()
    for (const [name, text] of Object.entries(given)) {
      clipboardData.items.add(new File([text], name, { type: 'text/plain' }))
    }
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
  }, files)
}

/** Uploads that the browser has kept for the next page. */
const kept = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open('uppy-blobs')
        opening.addEventListener('error', () => reject(opening.error))
        opening.addEventListener('success', () => {
          const { result } = opening
          const asking = result.transaction('files').objectStore('files').count()
          asking.addEventListener('success', () => resolve(asking.result))
          result.close()
        })
      }),
  )

inBrowser('a tree dropped anywhere lands below the open folder, empty folders too', () =>
  withFiles(
    { 'Trip/map.txt': 'the map', 'Trip/Day 1/beach.jpg': noise(30_000), 'beside.txt': 'beside' },
    async (folder) => {
      const { page } = here
      await mkdir(join(folder, 'Trip/Day 2/Night'), { recursive: true })
      await makeFolder(page, 'Summer')
      await choosable(page)
      await dropOn(page.locator('header'), join(folder, 'Trip'), join(folder, 'beside.txt'))
      await page.getByText('3 of 3 in Drive').waitFor()
      await listed(page, 'Trip').waitFor()
      await listed(page, 'beside.txt').waitFor()
      await page.getByText('1 empty folder is in Drive').waitFor({ state: 'attached' })
      expect(pathOf('beside.txt')).toEqual(['Summer'])
      expect(pathOf('map.txt')).toEqual(['Summer', 'Trip'])
      expect(pathOf('beach.jpg')).toEqual(['Summer', 'Trip', 'Day 1'])
      expect(pathOf('Night')).toEqual(['Summer', 'Trip', 'Day 2'])
      expect(['Trip', 'Day 1', 'Day 2'].map((name) => named(name).length)).toEqual([1, 1, 1])
      // The list shows what is in this folder, and nothing of what is deeper.
      expect(await listed(page, 'map.txt').count()).toBe(0)
      await listed(page, 'Trip').click()
      await listed(page, 'map.txt').waitFor()
      expect(await page.getByRole('table').getByRole('link').allInnerTexts()).toEqual([
        'Day 1',
        'Day 2',
        'map.txt',
      ])
      await clear(page)
    },
  ),
)

inBrowser('a file that is dropped before the uploader is there does not take the page away', () =>
  withFiles({ 'early.txt': 'too early' }, async (folder) => {
    const { page } = here
    const letGo = new AbortController()
    const isLetGo = once(letGo.signal, 'abort')
    await page.route('**/uploader.js', async (route) => {
      await isLetGo
      await route.continue()
    })
    await page.goto(site.origin)
    await listed(page, 'hello.txt').waitFor()
    await dropOn(page.locator('header'), join(folder, 'early.txt'))
    letGo.abort()
    await choosable(page)
    await page.unroute('**/uploader.js')
    await dropOn(page.locator('header'), join(folder, 'early.txt'))
    await stands(page, 'early.txt', 'stored')
    expect(named('early.txt')).toHaveLength(1)
    await clear(page)
  }),
)

inBrowser('of more files than anybody means to drop none is taken, and it is said', async () => {
  const { page } = here
  await page.goto(site.origin)
  await listed(page, 'hello.txt').waitFor()
  await choosable(page)
  const heap = Array.from({ length: 20_001 }, (_, index) => [`${index}.txt`, ''])
  await paste(page, Object.fromEntries(heap))
  await page.locator('.note', { hasText: 'more than 20,000 files' }).waitFor()
  expect([await page.locator('.upload').count(), named('0.txt')]).toEqual([0, []])
  await clear(page)
})

inBrowser('files are pasted', async () => {
  const { page } = here
  await page.goto(site.origin)
  await listed(page, 'hello.txt').waitFor()
  await choosable(page)
  await paste(page, { 'from the clipboard.txt': 'pasted' })
  await stands(page, 'from the clipboard.txt', 'stored')
  await listed(page, 'from the clipboard.txt').waitFor()
  expect(named('from the clipboard.txt').map((file) => file.sha256)).toEqual([
    sha256(Buffer.from('pasted')),
  ])
  await clear(page)
})

inBrowser('what is over stays over, however soon the page is left', () =>
  withFiles({ 'over.txt': 'in Drive', 'unwanted.bin': noise(24_000_000) }, async (folder) => {
    const { page } = here
    const stand = async (): Promise<void> => {
      await page.reload()
      await choosable(page)
      expect(await page.locator('.upload').allInnerTexts()).toEqual([])
    }
    await pick(page, join(folder, 'over.txt'))
    await stands(page, 'over.txt', 'stored')
    await stand()
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'unwanted.bin'))
    await stands(page, 'unwanted.bin', 'sending')
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
    await stand()
    site.google.faults.clear()
    await until(() => site.google.drive.openSessions() === 0)
    expect([named('over.txt').length, named('unwanted.bin')]).toEqual([1, []])
  }),
)

inBrowser('a cancelled upload leaves neither file nor session', () =>
  withFiles({ 'unwanted.bin': noise(24_000_000) }, async (folder) => {
    const { page } = here
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'unwanted.bin'))
    await stands(page, 'unwanted.bin', 'sending')
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
    await stands(page, 'unwanted.bin', 'cancelled')
    site.google.faults.clear()
    await until(() => site.google.drive.openSessions() === 0)
    expect(named('unwanted.bin')).toEqual([])
    await clear(page)
  }),
)

inBrowser('of two tabs, one alone has an upload', () =>
  withFiles({ 'once.bin': noise(24_000_000) }, async (folder) => {
    const { page } = here
    const other = await page.context().newPage()
    const begun: Page[] = []
    page.context().on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/upload/')) begun.push(request.frame().page())
    })
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'once.bin'))
    await stands(page, 'once.bin', 'sending')
    await other.goto(site.origin)
    await listed(other, 'hello.txt').waitFor()
    // Its own upload shows that the other tab's uploader is there, and knows of no other.
    await choosable(other)
    await withFiles({ 'mine.txt': 'of the other tab' }, async (beside) => {
      await pick(other, join(beside, 'mine.txt'))
      site.google.faults.clear()
      await stands(other, 'mine.txt', 'stored')
    })
    expect(await other.locator('.upload').count()).toBe(1)
    const bySecond = begun.filter((from) => from === other).length
    await stands(page, 'once.bin', 'stored')
    expect(begun.filter((from) => from === other).length).toBe(bySecond)
    expect(named('once.bin')).toHaveLength(1)
    await other.close()
    await clear(page)
  }),
)

inBrowser('signing out forgets the uploads, here and at Drive', () =>
  withFiles({ 'private.bin': noise(24_000_000) }, async (folder) => {
    const { page } = here
    site.google.faults.add({ operation: 'drive.upload.chunk', latency: 300, times: 1000 })
    await pick(page, join(folder, 'private.bin'))
    await stands(page, 'private.bin', 'sending')
    await page.evaluate(() => (globalThis.confirm = () => true)) // "Uploads would be cancelled"
    await signOut(page)
    site.google.faults.clear()
    await until(() => site.google.drive.openSessions() === 0)
    await until(async () => (await kept(page)) === 0)
    await signInAgain(page)
    await choosable(page)
    expect([await row(page, 'private.bin').count(), named('private.bin')]).toEqual([0, []])
  }),
)

inBrowser('a phone offers its camera, and its picture goes up', () =>
  withFiles({ 'IMG_1.jpg': noise(20_000) }, async (folder) => {
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }
    const { page, trouble, close } = await visit(phone)
    await signInAgain(page)
    await choosable(page)
    const camera = page.locator('input[data-choice=camera]')
    expect(await camera.getAttribute('accept')).toBe('image/*')
    expect(await camera.getAttribute('capture')).toBe('environment')
    await page.getByRole('button', { name: 'More ways to upload' }).tap()
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('menuitem', { name: /photo/i }).tap()
    await (await chooser).setFiles(join(folder, 'IMG_1.jpg'))
    await stands(page, 'IMG_1.jpg', 'stored')
    expect(trouble).toEqual([])
    await close()
  }),
)

/** What was given up twice: by the page that was left, and by the next one, which cannot know. */
const isGoneAlready = (line: string): boolean => /410 \(Gone\).*\/upload\/tus\//.test(line)

inBrowser('nothing was wrong in the console, and no rule of the page was broken', async () => {
  expect(here.trouble.filter((line) => !isGoneAlready(line))).toEqual([])
})

/** Waits until the uploader is there. */
async function choosable(page: Page): Promise<void> {
  await page.locator('input[data-choice=files]').waitFor({ state: 'attached' })
}
