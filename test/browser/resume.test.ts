/** Resuming a 100 MiB upload on the page after a connection failure and a reload. */
import { expect } from '@jest/globals'
import { join } from 'node:path'
import type { Request } from 'playwright-core'
import {
  waitForPersistedFiles,
  randomContent,
  waitForProgress,
  pickFiles,
  sha256,
  waitForState,
  withFiles,
} from './demo-fixture.ts'
import { setUpTests, browserTest, signIn, startSite, openTab } from './fixture.ts'
import type { Site } from './fixture.ts'
import { throttle, stallChunk } from './network-conditions.ts'

const mebibyte = 1024 * 1024

let site: Site

setUpTests(
  async () => {
    site = await startSite({}, { MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

/** The file offset of a request's bytes; undefined for a request without a body. */
function offsetOf(request: Request): number | undefined {
  const { 'content-range': range, 'upload-offset': offset } = request.headers()
  if (request.method() === 'PATCH') return Number(offset)
  const [, firstChunk] = /^bytes (\d+)-/.exec(range ?? '') ?? []
  return firstChunk === undefined ? undefined : Number(firstChunk)
}

browserTest(
  'an upload of 100 MiB resumes at its offset after a connection failure and after a reload',
  () => {
    const bytes = randomContent(100 * mebibyte)
    return withFiles({ 'film.mov': bytes }, async (folder) => {
      const { page, pageErrors, close } = await openTab()
      await signIn(page, site)
      await page.locator('input[data-picker=files]').waitFor({ state: 'attached' })
      const offsets: number[] = []
      let createRequests = 0
      page.on('request', (request) => {
        const offset = offsetOf(request)
        if (offset !== undefined) offsets.push(offset)
        if (new URL(request.url()).pathname === '/upload/tus') createRequests++
      })
      const cdp = await page.context().newCDPSession(page)
      await cdp.send('Network.enable')
      const firstChunk = stallChunk(site, 20 * mebibyte)
      await pickFiles(page, join(folder, 'film.mov'))
      await firstChunk.stalled()
      await waitForProgress(page, 'film.mov', 0.15)
      await throttle(cdp, null)
      firstChunk.reset()
      await waitForState(page, 'film.mov', 'reconnecting')
      const secondChunk = stallChunk(site, 40 * mebibyte)
      await throttle(cdp, Infinity)
      await secondChunk.stalled()
      await waitForProgress(page, 'film.mov', 0.55)
      await waitForPersistedFiles(page, 1)
      await page.reload()
      await waitForState(page, 'film.mov', 'stored', 90_000)
      expect(offsets).toEqual([0, 20 * mebibyte, 60 * mebibyte])
      expect(createRequests).toBe(1)
      const storedFiles = site.google.drive.filesOf(site.user.sub)
      const films = storedFiles.filter(({ name }) => name === 'film.mov')
      expect(films.map((film) => film.sha256)).toEqual([sha256(bytes)])
      expect(site.google.drive.openSessions()).toBe(0)
      // Chromium retries the reset request on a reused connection; Drive already has those bytes.
      const expected = /ERR_INTERNET_DISCONNECTED|status of 503 .*\/upload\/drive\//
      for (const message of pageErrors) expect(message).toMatch(expected)
      await close()
    })
  },
  180_000,
)
