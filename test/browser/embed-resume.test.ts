/** `<driveway-upload>` when things break off: lines, pages, Drive's patience. */
import { expect, jest } from '@jest/globals'
import { join } from 'node:path'
import {
  keeps,
  noise,
  openDemo,
  pick,
  remembers,
  sha256,
  stands,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { inaccessible } from './axe.ts'
import { aroundTests, inBrowser, refused, visit } from './fixture.ts'
import type { Visit } from './fixture.ts'
import { flow, holdChunk } from './network-conditions.ts'

jest.setTimeout(120_000)

const mebibyte = 1024 * 1024

let site: DemoSite

aroundTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

async function inVisit(body: (visit: Visit) => Promise<void>): Promise<void> {
  const here = await visit()
  await openDemo(here.page, site)
  await body(here)
  await here.close()
  site.google.faults.clear()
}

const hashes = (name: string) =>
  site.google.drive
    .filesOf(site.person.sub)
    .filter((file) => file.name === name)
    .map((file) => file.sha256)

inBrowser('a large file survives a line that breaks and a page that is loaded again', () => {
  const bytes = noise(48 * mebibyte)
  return withFiles({ 'film.mov': bytes }, (folder) =>
    inVisit(async ({ page }) => {
      const line = await page.context().newCDPSession(page)
      await line.send('Network.enable')
      const first = holdChunk(site, 8 * mebibyte)
      await pick(page, join(folder, 'film.mov'))
      await first.isHeld()
      await flow(line, null)
      first.cut()
      await stands(page, 'film.mov', 'cut')
      const second = holdChunk(site, 16 * mebibyte)
      await flow(line, Infinity)
      await second.isHeld()
      await keeps(page, 1)
      await openDemo(page, site)
      await stands(page, 'film.mov', 'stored', 90_000)
      expect(hashes('film.mov')).toEqual([sha256(bytes)])
    }),
  )
})

inBrowser('where a page may not reach Drive, the bytes go through the gateway unseen', () => {
  const bytes = noise(36_000_000)
  return withFiles({ 'behind a wall.bin': bytes }, (folder) =>
    inVisit(async ({ page, trouble }) => {
      await page.route(`${site.google.url}/**`, (route) => route.abort())
      await pick(page, join(folder, 'behind a wall.bin'))
      await stands(page, 'behind a wall.bin', 'stored')
      expect(hashes('behind a wall.bin')).toEqual([sha256(bytes)])
      expect(trouble).toEqual([expect.stringContaining('ERR_FAILED')])
    }),
  )
})

inBrowser('a file that was not kept is asked for again, and goes on where it stopped', () => {
  const bytes = noise(30_000_000)
  return withFiles({ 'not kept.bin': bytes }, (folder) =>
    inVisit(async ({ page }) => {
      await page.context().addInitScript(() => {
        IDBObjectStore.prototype.add = () => {
          throw new Error('No space left')
        }
      })
      await openDemo(page, site)
      site.google.faults.add({ operation: 'drive.upload.chunk', latency: 4000, times: 1000 })
      await pick(page, join(folder, 'not kept.bin'))
      await stands(page, 'not kept.bin', 'sending')
      await remembers(page, 'uploadUrl')
      await openDemo(page, site)
      await stands(page, 'not kept.bin', 'missing')
      expect(await inaccessible(page)).toEqual([])
      site.google.faults.clear()
      const chooser = page.waitForEvent('filechooser')
      await page.getByRole('button', { name: 'Choose again: not kept.bin' }).click()
      await (await chooser).setFiles(join(folder, 'not kept.bin'))
      await stands(page, 'not kept.bin', 'stored')
      expect(hashes('not kept.bin')).toEqual([sha256(bytes)])
    }),
  )
})

inBrowser('while Drive has yet to say what it has, the upload is being checked', () =>
  withFiles({ 'checked.txt': 'all of it was sent' }, (folder) =>
    inVisit(async ({ page }) => {
      site.google.faults.add({ operation: 'drive.upload.*', latency: 4000, times: 1000 })
      await pick(page, join(folder, 'checked.txt'))
      await stands(page, 'checked.txt', 'checking')
      expect(await inaccessible(page)).toEqual([])
      site.google.faults.clear()
      await stands(page, 'checked.txt', 'stored')
    }),
  ),
)

inBrowser('an upload that Drive refuses says why, and a retry brings it home', () =>
  withFiles({ 'no room.txt': 'a few bytes' }, (folder) =>
    inVisit(async ({ page, trouble }) => {
      site.google.drive.setQuota(0)
      await pick(page, join(folder, 'no room.txt'))
      await stands(page, 'no room.txt', 'failed')
      await page.getByText('This Google Drive is full').first().waitFor()
      expect(trouble).toEqual([refused(507)])
      site.google.drive.setQuota(Infinity)
      await page.getByRole('button', { name: 'Retry no room.txt' }).click()
      await stands(page, 'no room.txt', 'stored')
      expect(hashes('no room.txt')).toHaveLength(1)
    }),
  ),
)

inBrowser('other bytes than the person’s never count as done, and do not stay in Drive', () =>
  withFiles({ 'true.txt': 'the truth' }, (folder) =>
    inVisit(async ({ page }) => {
      let isTampered = false
      await page.route(`${site.origin}/upload/tus/*`, async (route) => {
        if (route.request().method() !== 'PATCH' || isTampered) return route.continue()
        isTampered = true
        await route.continue({ postData: 'the trxth' })
      })
      await pick(page, join(folder, 'true.txt'))
      await stands(page, 'true.txt', 'failed')
      await page.getByText('What arrived is not this file').first().waitFor()
      expect([isTampered, hashes('true.txt')]).toEqual([true, []])
      await page.getByRole('button', { name: 'Retry true.txt' }).click()
      await stands(page, 'true.txt', 'stored')
      expect(hashes('true.txt')).toEqual([sha256(Buffer.from('the truth'))])
    }),
  ),
)
