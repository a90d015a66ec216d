/** 100 MiB on our own page: a line that breaks, a page that is loaded again, and nothing sent twice. */
import { expect } from '@jest/globals'
import { join } from 'node:path'
import type { Request } from 'playwright-core'
import { keeps, noise, passes, pick, sha256, stands, withFiles } from './demo-fixture.ts'
import { aroundTests, inBrowser, signIn, startSite, visit } from './fixture.ts'
import type { Site } from './fixture.ts'
import { flow, holdChunk } from './network-conditions.ts'

const mebibyte = 1024 * 1024

let site: Site

aroundTests(
  async () => {
    site = await startSite({}, { MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

/** Where in the file the bytes of a request begin; undefined for one that brings none. */
function offsetOf(request: Request): number | undefined {
  const { 'content-range': range, 'upload-offset': offset } = request.headers()
  if (request.method() === 'PATCH') return Number(offset)
  const [, first] = /^bytes (\d+)-/.exec(range ?? '') ?? []
  return first === undefined ? undefined : Number(first)
}

inBrowser(
  '100 MiB go on where they stopped, after a broken line and after a reload',
  () => {
    const bytes = noise(100 * mebibyte)
    return withFiles({ 'film.mov': bytes }, async (folder) => {
      const { page, trouble, close } = await visit()
      await signIn(page, site)
      await page.locator('input[data-choice=files]').waitFor({ state: 'attached' })
      const offsets: number[] = []
      let begun = 0
      page.on('request', (request) => {
        const offset = offsetOf(request)
        if (offset !== undefined) offsets.push(offset)
        if (new URL(request.url()).pathname === '/upload/tus') begun++
      })
      const line = await page.context().newCDPSession(page)
      await line.send('Network.enable')
      const first = holdChunk(site, 20 * mebibyte)
      await pick(page, join(folder, 'film.mov'))
      await first.isHeld()
      await passes(page, 'film.mov', 0.15)
      await flow(line, null)
      first.cut()
      await stands(page, 'film.mov', 'cut')
      const second = holdChunk(site, 40 * mebibyte)
      await flow(line, Infinity)
      await second.isHeld()
      await passes(page, 'film.mov', 0.55)
      await keeps(page, 1)
      await page.reload()
      await stands(page, 'film.mov', 'stored', 90_000)
      expect(offsets).toEqual([0, 20 * mebibyte, 60 * mebibyte])
      expect(begun).toBe(1)
      const stored = site.google.drive.filesOf(site.person.sub)
      const films = stored.filter(({ name }) => name === 'film.mov')
      expect(films.map((film) => film.sha256)).toEqual([sha256(bytes)])
      expect(site.google.drive.openSessions()).toBe(0)
      // Chromium itself repeats what was cut on a used connection; Drive has those bytes already.
      const expected = /ERR_INTERNET_DISCONNECTED|status of 503 .*\/upload\/drive\//
      for (const words of trouble) expect(words).toMatch(expected)
      await close()
    })
  },
  180_000,
)
