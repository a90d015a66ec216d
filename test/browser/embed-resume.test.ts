/** `<driveway-upload>` after connection failures, reloads and Drive errors. */
import { expect, jest } from '@jest/globals'
import { join } from 'node:path'
import {
  waitForPersistedFiles,
  randomContent,
  openDemo,
  pickFiles,
  waitForPersistedMetadata,
  sha256,
  waitForState,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { findViolations } from './axe.ts'
import { setUpTests, browserTest, consoleErrorFor, openTab } from './fixture.ts'
import type { Tab } from './fixture.ts'
import { throttle, stallChunk } from './network-conditions.ts'

jest.setTimeout(120_000)

const mebibyte = 1024 * 1024

let site: DemoSite

setUpTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
  },
  () => site.close(),
)

async function withTab(body: (openTab: Tab) => Promise<void>): Promise<void> {
  const tab = await openTab()
  await openDemo(tab.page, site)
  await body(tab)
  await tab.close()
  site.google.faults.clear()
}

const hashes = (name: string) =>
  site.google.drive
    .filesOf(site.user.sub)
    .filter((file) => file.name === name)
    .map((file) => file.sha256)

browserTest('a large upload resumes after a connection failure and after a reload', () => {
  const bytes = randomContent(48 * mebibyte)
  return withFiles({ 'film.mov': bytes }, (folder) =>
    withTab(async ({ page }) => {
      const cdp = await page.context().newCDPSession(page)
      await cdp.send('Network.enable')
      const firstChunk = stallChunk(site, 8 * mebibyte)
      await pickFiles(page, join(folder, 'film.mov'))
      await firstChunk.stalled()
      await throttle(cdp, null)
      firstChunk.reset()
      await waitForState(page, 'film.mov', 'reconnecting')
      const secondChunk = stallChunk(site, 16 * mebibyte)
      await throttle(cdp, Infinity)
      await secondChunk.stalled()
      await waitForPersistedFiles(page, 1)
      await openDemo(page, site)
      await waitForState(page, 'film.mov', 'stored', 90_000)
      expect(hashes('film.mov')).toEqual([sha256(bytes)])
    }),
  )
})

browserTest('an upload falls back to the gateway when the page cannot reach Drive', () => {
  const bytes = randomContent(36_000_000)
  return withFiles({ 'blocked.bin': bytes }, (folder) =>
    withTab(async ({ page, pageErrors }) => {
      await page.route(`${site.google.url}/**`, (route) => route.abort())
      await pickFiles(page, join(folder, 'blocked.bin'))
      await waitForState(page, 'blocked.bin', 'stored')
      expect(hashes('blocked.bin')).toEqual([sha256(bytes)])
      expect(pageErrors).toEqual([expect.stringContaining('ERR_FAILED')])
    }),
  )
})

browserTest(
  'an upload whose file was not persisted resumes after the user chooses the file again',
  () => {
    const bytes = randomContent(30_000_000)
    return withFiles({ 'not persisted.bin': bytes }, (folder) =>
      withTab(async ({ page }) => {
        await page.context().addInitScript(() => {
          IDBObjectStore.prototype.add = () => {
            throw new Error('No space left')
          }
        })
        await openDemo(page, site)
        site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 4000, times: 1000 })
        await pickFiles(page, join(folder, 'not persisted.bin'))
        await waitForState(page, 'not persisted.bin', 'uploading')
        await waitForPersistedMetadata(page, 'uploadUrl')
        await openDemo(page, site)
        await waitForState(page, 'not persisted.bin', 'missing')
        expect(await findViolations(page)).toEqual([])
        site.google.faults.clear()
        const chooser = page.waitForEvent('filechooser')
        await page.getByRole('button', { name: 'Choose again: not persisted.bin' }).click()
        await (await chooser).setFiles(join(folder, 'not persisted.bin'))
        await waitForState(page, 'not persisted.bin', 'stored')
        expect(hashes('not persisted.bin')).toEqual([sha256(bytes)])
      }),
    )
  },
)

browserTest('an upload is in state verifying until Drive confirms its bytes', () =>
  withFiles({ 'checked.txt': 'all of it was sent' }, (folder) =>
    withTab(async ({ page }) => {
      site.google.faults.add({ operation: 'drive.upload.*', latencyMs: 4000, times: 1000 })
      await pickFiles(page, join(folder, 'checked.txt'))
      await waitForState(page, 'checked.txt', 'verifying')
      expect(await findViolations(page)).toEqual([])
      site.google.faults.clear()
      await waitForState(page, 'checked.txt', 'stored')
    }),
  ),
)

browserTest('an upload that Drive rejects shows the reason, and a retry stores the file', () =>
  withFiles({ 'drive full.txt': 'a few bytes' }, (folder) =>
    withTab(async ({ page, pageErrors }) => {
      site.google.drive.setQuota(0)
      await pickFiles(page, join(folder, 'drive full.txt'))
      await waitForState(page, 'drive full.txt', 'failed')
      await page.getByText('This Google Drive is full').first().waitFor()
      expect(pageErrors).toEqual([consoleErrorFor(507)])
      site.google.drive.setQuota(Infinity)
      await page.getByRole('button', { name: 'Retry drive full.txt' }).click()
      await waitForState(page, 'drive full.txt', 'stored')
      expect(hashes('drive full.txt')).toHaveLength(1)
    }),
  ),
)

browserTest('an upload with corrupted bytes fails and its file is deleted from Drive', () =>
  withFiles({ 'true.txt': 'the truth' }, (folder) =>
    withTab(async ({ page }) => {
      let isTampered = false
      await page.route(`${site.origin}/upload/tus/*`, async (route) => {
        if (route.request().method() !== 'PATCH' || isTampered) return route.continue()
        isTampered = true
        await route.continue({ postData: 'the trxth' })
      })
      await pickFiles(page, join(folder, 'true.txt'))
      await waitForState(page, 'true.txt', 'failed')
      await page.getByText('The checksum in Drive differs').first().waitFor()
      expect([isTampered, hashes('true.txt')]).toEqual([true, []])
      await page.getByRole('button', { name: 'Retry true.txt' }).click()
      await waitForState(page, 'true.txt', 'stored')
      expect(hashes('true.txt')).toEqual([sha256(Buffer.from('the truth'))])
    }),
  ),
)
