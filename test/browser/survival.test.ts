/** 100 MiB on our own page: a line that breaks, a page that is loaded again, and nothing sent twice. */
import { expect } from '@jest/globals'
import { join } from 'node:path'
import type { Request } from 'playwright-core'
import { flow, keeps, noise, passes, pick, sha256, stands, withFiles } from './demo-kit.ts'
import { aroundTests, inBrowser, signIn, startSite, visit } from './kit.ts'
import type { Site } from './kit.ts'

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
    const bytes = noise(100 * 1024 * 1024)
    return withFiles({ 'film.mov': bytes }, async (folder) => {
      const { page, trouble, close } = await visit()
      await signIn(page, site)
      await page.locator('input[data-choice=files]').waitFor({ state: 'attached' })
      let offsets: number[] = []
      let begun = 0
      page.on('request', (request) => {
        const offset = offsetOf(request)
        if (offset !== undefined) offsets.push(offset)
        if (new URL(request.url()).pathname === '/upload/tus') begun++
      })
      const line = await page.context().newCDPSession(page)
      await line.send('Network.enable')
      await flow(line, 12_000_000)
      await pick(page, join(folder, 'film.mov'))
      await passes(page, 'film.mov', 0.2)
      await flow(line, null)
      await stands(page, 'film.mov', 'cut')
      expect(offsets).toEqual([0])
      offsets = []
      await flow(line, 12_000_000)
      await passes(page, 'film.mov', 0.5)
      const [afterCut = 0] = offsets
      expect(afterCut).toBeGreaterThan(0)
      await keeps(page, 1)
      offsets = []
      await page.reload()
      await flow(line, Infinity)
      await stands(page, 'film.mov', 'stored', 90_000)
      expect(offsets[0]).toBeGreaterThan(afterCut)
      expect(begun).toBe(1)
      const stored = site.google.drive.filesOf(site.person.sub)
      const films = stored.filter(({ name }) => name === 'film.mov')
      expect(films.map((film) => film.sha256)).toEqual([sha256(bytes)])
      expect(site.google.drive.openSessions()).toBe(0)
      for (const words of trouble) expect(words).toContain('ERR_INTERNET_DISCONNECTED')
      await close()
    })
  },
  180_000,
)
