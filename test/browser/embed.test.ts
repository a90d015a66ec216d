/** `<driveway-upload>` on a page of another site: drop, pause, resume and cancel. */
import { expect } from '@jest/globals'
import { join } from 'node:path'
import {
  dropFiles,
  randomContent,
  openDemo,
  pickFiles,
  sha256,
  waitForState,
  startDemoSite,
  withFiles,
} from './demo-fixture.ts'
import type { DemoSite } from './demo-fixture.ts'
import { setUpTests, browserTest, openTab } from './fixture.ts'
import type { Tab } from './fixture.ts'

let site: DemoSite
let tab: Tab

setUpTests(
  async () => {
    site = await startDemoSite({ MEMORY_BYTES: '33554432' })
    tab = await openTab()
    await openDemo(tab.page, site)
  },
  async () => {
    await tab.close()
    await site.close()
  },
)

const storedFiles = () => site.google.drive.filesOf(site.user.sub)
const filesNamed = (name: string) => storedFiles().filter((file) => file.name === name)
const parentOf = (name: string) => {
  const [file] = filesNamed(name)
  return storedFiles().find(({ id }) => id === file?.parents[0])
}

browserTest('a dropped folder tree is created in Drive with its files', () =>
  withFiles(
    {
      'Trip/map.txt': 'the map',
      'Trip/Day 1/beach.jpg': randomContent(30_000),
      'Trip/Day 1/Åre ☀.jpg': randomContent(20_000),
      'Trip/Day 2/hut.jpg': randomContent(10_000),
      'beside.txt': 'beside the folder',
    },
    async (folder) => {
      const { page } = tab
      await dropFiles(page.locator('.drop-zone'), join(folder, 'Trip'), join(folder, 'beside.txt'))
      await page.getByText('5 of 5 in Drive').waitFor()
      expect(parentOf('map.txt')?.name).toBe('Trip')
      expect(parentOf('Trip')?.name).toBe('Inbox')
      expect([parentOf('beach.jpg')?.name, parentOf('Åre ☀.jpg')?.name]).toEqual(['Day 1', 'Day 1'])
      expect(parentOf('hut.jpg')?.name).toBe('Day 2')
      expect(parentOf('Day 2')?.id).toBe(parentOf('map.txt')?.id)
      expect(parentOf('beside.txt')?.name).toBe('Inbox')
      expect(filesNamed('Trip')).toHaveLength(1)
      await page.getByRole('link', { name: 'Open in Drive: hut.jpg' }).waitFor()
      await page.getByRole('button', { name: 'Clear finished' }).click()
    },
  ),
)

browserTest('a paused upload stores nothing, and resumes with the correct bytes', () => {
  const bytes = randomContent(24_000_000)
  return withFiles({ 'slow.bin': bytes }, async (folder) => {
    const { page } = tab
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
    await pickFiles(page, join(folder, 'slow.bin'))
    await waitForState(page, 'slow.bin', 'uploading')
    await page.getByRole('button', { name: 'Pause slow.bin' }).click()
    await waitForState(page, 'slow.bin', 'paused')
    expect(filesNamed('slow.bin')).toEqual([])
    site.google.faults.clear()
    await page.getByRole('button', { name: 'Resume slow.bin' }).click()
    await waitForState(page, 'slow.bin', 'stored')
    expect(filesNamed('slow.bin').map((file) => file.sha256)).toEqual([sha256(bytes)])
  })
})

browserTest('a cancelled upload leaves neither a file nor an upload session in Drive', () =>
  withFiles({ 'unwanted.bin': randomContent(24_000_000) }, async (folder) => {
    const { page } = tab
    site.google.faults.add({ operation: 'drive.upload.chunk', latencyMs: 300, times: 1000 })
    await pickFiles(page, join(folder, 'unwanted.bin'))
    await waitForState(page, 'unwanted.bin', 'uploading')
    await page.getByRole('button', { name: 'Cancel unwanted.bin' }).click()
    await waitForState(page, 'unwanted.bin', 'cancelled')
    site.google.faults.clear()
    while (site.google.drive.openSessions() > 0) await page.waitForTimeout(50)
    expect(filesNamed('unwanted.bin')).toEqual([])
  }),
)
